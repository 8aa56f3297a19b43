// Three panels of bars over the depth: parameters, MACs, saved bytes.

class Bars extends View {
  constructor(root) {
    super(root, "bars");
    this.picture = draw("svg", {});
    this.body.append(this.picture);
    this.clicks();
    this.fills();
  }

  show({ items, titles, logarithmic }) {
    const width = this.body.clientWidth, height = this.body.clientHeight;
    if (!width) return;
    const [left, right, below] = [width < 600 ? 50 : 62, 10, 40];
    const room = width - left - right, slot = room / Math.max(1, items.length);
    const panel = (height - below) / 3;
    const parts = [];
    titles.forEach((title, place) => {
      const top = panel * place + 31, low = panel * (place + 1) - 8;
      const sizes = items.map((item) => item.costs[place]);
      const most = Math.max(1, ...sizes);
      const ticks = logarithmic ? powers(most, sizes) : steps(most);
      const least = ticks[0];
      const level = logarithmic
        ? (size) => (size > 0 ? low - (low - top) * Math.max(0.02, Math.log(size / least) / Math.log(ticks.at(-1) / least || 10)) : low)
        : (size) => low - (low - top) * size / ticks.at(-1);
      parts.push(draw("text", { class: "xi-title", x: 0, y: panel * place + 13 }, title));
      for (const tick of ticks) {
        const y = one(level(tick)) + (logarithmic && tick === least ? (low - top) * 0.02 : 0);
        parts.push(draw("path", { class: "xi-rule", d: `M${left} ${one(y)}H${width - right}` }), draw("text", { class: "xi-tick", x: left - 6, y: one(y) + 3.5, "text-anchor": "end" }, `${short(tick)}${place === 2 ? (tick >= 1000 ? "B" : " B") : ""}`));
      }
      items.forEach((item, at) => {
        const x = left + slot * at, thin = Math.min(6, slot * 0.14);
        const y = level(sizes[at]), bar = Math.min(slot - 2 * thin, 110);
        const data = { class: "xi-bar", "data-card": item.cards[0], "data-cards": item.cards.join(" "), "data-inner": item.path || null, style: `--own: ${colour(item.family)}` };
        const hit = draw("rect", { class: "hit", x: one(x), y: one(top - 4), width: one(slot), height: one(low - top + 4) });
        const shown = draw("rect", { class: "bar", x: one(x + (slot - bar) / 2), y: one(y), width: Math.max(0.6, one(bar)), height: Math.max(0, one(low - y)), rx: Math.min(2.5, bar / 4) });
        parts.push(says(draw("g", data, hit, shown), [item.name, ...item.said]));
      });
    });
    parts.push(...marks(items, left, slot, height - below + 10));
    this.picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.picture.replaceChildren(...parts);
  }
}

function steps(most) {
  const raw = most / 3, power = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(1, [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= raw));
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, at) => at * step);
}

function powers(most, sizes) {
  const small = Math.min(...sizes.filter((size) => size > 0), most);
  const low = Math.floor(Math.log10(small)), high = Math.max(low + 1, Math.ceil(Math.log10(most)));
  const by = Math.ceil((high - low) / 4);
  const found = [];
  for (let power = low; power < high; power += by) found.push(10 ** power);
  return [...found, 10 ** high];
}

// Names below an axis in one or two lines, all of them by their number alone where some find no room; as many as do.
function marks(items, left, slot, y) {
  const made = [], names = items.map((item) => item.label);
  const whole = names.map((name) => lines(name, slot - 4));
  const numbered = names.every((name) => /^\d+ /.test(name));
  const cut = whole.some((each) => !each);
  let free = -Infinity;
  names.forEach((name, at) => {
    const written = cut && numbered ? [name.split(" ")[0]] : whole[at] ?? (items[at].path ? [ending(name, Math.max(slot - 6, 60), 10.5)] : null) ?? (slot > 34 ? [fitted(name, slot - 6, 10.5)] : [name.split(" ")[0]]);
    const half = Math.max(...written.map((line) => wide(line))) / 2, x = left + slot * (at + 0.5);
    if (x - half - 2 < free) return;
    free = x + half + 2;
    written.forEach((line, down) => made.push(draw("text", { class: "xi-tick", x: one(x), y: y + 13 * down, "text-anchor": "middle" }, line)));
  });
  return made;
}

// A name in at most two lines of a width, broken at spaces and behind dots; null where it is longer.
function lines(name, width) {
  if (wide(name) <= width) return [name];
  const parts = name.split(/(?<=[ .])/);
  for (let at = parts.length - 1; at > 0; at -= 1) {
    const both = [parts.slice(0, at).join("").trimEnd(), parts.slice(at).join("")];
    if (both.every((line) => wide(line) <= width)) return both;
  }
  return null;
}
