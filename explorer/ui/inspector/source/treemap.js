// One measure as areas: stages, in them blocks, in these operations where there is room for them.

const HEAD = 17; // the line with a name above what is inside

class Treemap extends View {
  constructor(root) {
    super(root, "treemap");
    this.picture = draw("svg", {});
    this.note = el("p", { class: "xi-note" });
    this.body.append(this.picture, this.note);
    this.clicks();
    this.fills();
  }

  show({ stages, note }) {
    this.note.textContent = note;
    const width = this.picture.clientWidth, height = this.picture.clientHeight;
    if (!width || !height) return;
    this.parts = [];
    for (const [stage, box] of squarified(stages, { x: 0, y: 0, width, height })) this.stage(stage, box);
    this.picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.picture.replaceChildren(...this.parts);
  }

  stage(stage, box) {
    const single = stage.inner.length === 1;
    const roomy = !single && box.width > 60 && box.height > 44;
    if (roomy) this.parts.push(draw("text", { class: "xi-stage", x: one(box.x + 5), y: one(box.y + 12.5) }, fitted(stage.label, box.width - 8)));
    const inner = roomy ? { x: box.x, y: box.y + HEAD, width: box.width, height: box.height - HEAD } : box;
    for (const [block, place] of squarified(stage.inner, inner)) this.block(block, place);
    if (!single) this.parts.push(draw("rect", { class: "xi-edge", x: one(box.x), y: one(box.y), width: one(box.width), height: one(box.height) }));
  }

  block(block, box) {
    const own = `--own: ${colour(block.family)}`, card = block.cards[0];
    const leaf = (item, place, kind, deep) => {
      const group = draw("g", { class: kind, "data-card": card, "data-inner": item.path || null, style: own }, draw("rect", { x: one(place.x + 0.5), y: one(place.y + 0.5), width: Math.max(0, one(place.width - 1)), height: Math.max(0, one(place.height - 1)), rx: 2 }));
      if (place.width > 40 && place.height > 15) group.append(draw("text", { x: one(place.x + 5), y: one(place.y + 13) }, item.path ? ending(item.label, place.width - 8) : fitted(deep || place.height > 30 ? item.label : `${item.label} · ${item.short}`, place.width - 8)));
      if (!deep && place.width > 40 && place.height > 30) group.append(draw("text", { class: "num", x: one(place.x + 5), y: one(place.y + 26) }, fitted(item.short, place.width - 8)));
      this.parts.push(says(group, [item.path || deep ? `${block.name}: ${item.name}` : item.name, ...item.said]));
    };
    const opens = block.inner.length > 1 && box.width > 74 && box.height > 52;
    leaf(block, box, "xi-leaf", opens);
    if (!opens) return;
    const inner = { x: box.x + 3, y: box.y + HEAD, width: box.width - 6, height: box.height - HEAD - 3 };
    for (const [item, place] of squarified(block.inner, inner)) leaf(item, place, "xi-leaf xi-deep", false);
  }
}

// Areas after Bruls, Huizing and van Wijk: rows are filled as long as their worst proportion gets better.
function squarified(items, box) {
  const left = items.filter((item) => item.size > 0).sort((one, other) => other.size - one.size);
  const whole = left.reduce((sum, item) => sum + item.size, 0);
  const made = [];
  let { x, y, width, height } = box;
  const unit = whole ? width * height / whole : 0;
  for (let from = 0; from < left.length && width > 0 && height > 0;) {
    const side = Math.min(width, height);
    let sum = 0, to = from, worst = Infinity;
    while (to < left.length) {
      const more = sum + left[to].size * unit, thick = more / side;
      const ratio = Math.max(...[left[from], left[to]].map((item) => { const long = item.size * unit / thick; return Math.max(long / thick, thick / long); }));
      if (ratio > worst) break;
      [sum, worst] = [more, ratio];
      to += 1;
    }
    const thick = sum / side;
    let along = 0;
    for (const item of left.slice(from, to)) {
      const long = item.size * unit / thick;
      made.push([item, width >= height ? { x, y: y + along, width: thick, height: long } : { x: x + along, y, width: long, height: thick }]);
      along += long;
    }
    if (width >= height) { x += thick; width -= thick; } else { y += thick; height -= thick; }
    from = to;
  }
  return made;
}
