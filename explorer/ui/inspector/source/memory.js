// Memory along time: what each block keeps lies on what those before it keep, from its forward to its backward.

class Memory extends View {
  constructor(root) {
    super(root, "memory");
    this.picture = draw("svg", {});
    this.note = el("p", { class: "xi-note" });
    this.list = el("div", { class: "xi-tensors" });
    this.body.append(el("div", { class: "xi-left" }, this.picture, this.note), this.list);
    this.clicks(this.picture);
    this.list.addEventListener("click", (event) => {
      const node = event.target.closest("[data-inner]");
      if (node) this.select(selection.card, node.dataset.inner);
    });
    this.fills();
  }

  show({ blocks, lives, total, note, peak }) {
    this.note.textContent = note;
    const width = this.picture.clientWidth, height = this.picture.clientHeight;
    if (!width || !height) return;
    const [left, right, top, low] = [62, 8, 26, height - 24];
    const end = 2 * blocks + 1, ticks = steps(Math.max(1, total));
    const x = (time) => one(left + (width - left - right) * time / end);
    const y = (bytes) => one(low - (low - top) * bytes / ticks.at(-1));
    const parts = [];
    for (const tick of ticks) parts.push(draw("path", { class: "xi-rule", d: `M${left} ${y(tick)}H${width - right}` }), draw("text", { class: "xi-tick", x: left - 6, y: y(tick) + 3.5, "text-anchor": "end" }, tick ? `${short(tick)}${tick >= 1000 ? "B" : " B"}` : "0"));
    const thin = lives.length > 60 ? " thin" : "";
    let base = 0;
    for (const { card, name, family, changes, said } of lives) {
      const most = changes.reduce((sofar, [, held]) => Math.max(sofar, held), 0);
      if (!most) continue;
      let path = `M${x(changes[0][0])} ${y(base)}`;
      for (const [time, held] of changes) path += `H${x(time)}V${y(base + held)}`;
      parts.push(says(draw("path", { class: `xi-life${thin}`, "data-card": card, d: `${path}Z`, style: `--own: ${colour(family)}` }), [name, ...said]));
      base += most;
    }
    const middle = one((Number(x(blocks)) + Number(x(blocks + 1))) / 2);
    parts.push(draw("path", { class: "xi-middle", d: `M${middle} ${top - 12}V${low}` }));
    for (const [at, text, anchor] of [[left, "forward →", "start"], [middle, peak, "middle"], [width - right, "→ backward", "end"]]) {
      const label = draw("text", { class: at === middle ? "xi-peak" : "xi-tick", x: at, y: 11, "text-anchor": anchor }, text);
      parts.push(label);
    }
    const every = Math.max(1, Math.ceil(blocks / 8));
    for (let block = every; block <= blocks; block += every) {
      if (x(2 * blocks + 1 - block) - x(block) < 30) continue; // both would cover each other
      for (const time of [block, 2 * blocks + 1 - block]) parts.push(draw("text", { class: "xi-tick", x: x(time), y: height - 8, "text-anchor": "middle" }, block.toLocaleString("en-US")));
    }
    this.picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.picture.replaceChildren(...parts);
  }

  selected() {
    super.selected();
    const detail = selection.detail;
    if (!detail) return;
    const keeping = detail.operations.filter(({ saved }) => saved).sort((one, other) => other.saved - one.saved);
    const row = ({ name, path, shape, copies, costs }) => {
      const note = `${shape}${copies > 1 ? ` ×${copies.toLocaleString("en-US")}` : ""}`;
      return el("div", { class: "xi-tensor", "data-inner": path || null }, el("span", { class: "name", title: name }, name), el("span", { class: "num note" }, note), el("span", { class: "num" }, costs[2]));
    };
    const sum = el("div", { class: "xi-tensor xi-sum" }, el("span", {}, "Together"), el("span", {}), el("span", { class: "num" }, detail.totals[2] ?? ""));
    const none = el("p", { class: "xi-note" }, selection.card < 0 ? "Choose a block to see which of its tensors are kept." : detail.said.length ? "This block keeps nothing." : "This block is not counted.");
    this.list.replaceChildren(el("h3", {}, "Kept by the selected block, bytes"), ...keeping.map(row), keeping.length ? sum : none);
    markInner([...this.list.querySelectorAll("[data-inner]")], (row) => row.dataset.inner);
  }
}
