// Receptive fields over the picture: the selected block's window, all others as thin lines, and their sizes as a list.

class Fields extends View {
  constructor(root) {
    super(root, "fields");
    this.image = el("img", { alt: "the picture", draggable: "false" });
    this.marks = draw("svg", {});
    this.frame = el("div", { class: "xi-frame", title: "A click chooses the unit that looks there" }, this.image, this.marks);
    this.said = el("p", { class: "xi-note" });
    this.list = el("div", { class: "xi-list", tabindex: "-1" });
    const slider = (label, axis) => {
      const input = el("input", { type: "range", min: 0, max: 1000, "aria-label": `${label} of the unit`, onchange: () => this.aim(axis, input.value / 1000) });
      return input;
    };
    this.down = slider("Row", 0);
    this.along = slider("Column", 1);
    const centre = el("button", { type: "button", class: "xi-button", onclick: () => this.post({ op: "unit", at: [0.5, 0.5] }) }, "Centre unit");
    this.controls = el("div", { class: "xi-controls" }, el("label", {}, "Row", this.down), el("label", {}, "Column", this.along), centre);
    this.body.append(el("div", { class: "xi-left" }, this.frame, this.said, this.controls), this.list);
    this.clicks(this.list);
    this.frame.addEventListener("click", (event) => {
      const box = this.frame.getBoundingClientRect();
      this.post({ op: "unit", at: [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width].map((at) => Math.max(0, Math.min(1, at))) });
    });
    this.fills();
  }

  aim(axis, value) {
    const at = [...this.data.at];
    at[axis] = value;
    this.post({ op: "unit", at });
  }

  show(data) {
    const [high, wide] = data.picture;
    if (this.image.src !== data.image) this.image.src = data.image;
    this.image.classList.toggle("coarse", Math.max(high, wide) <= 160);
    const narrow = innerWidth <= 760;
    const room = narrow ? this.body.clientWidth : Math.min(this.body.clientWidth * 0.5, 900);
    const tall = narrow ? 300 : this.body.clientHeight - 112;
    const scale = Math.min(room / wide, tall / high);
    this.frame.style.width = `${Math.max(8, wide * scale)}px`;
    this.frame.style.height = `${Math.max(8, high * scale)}px`;
    this.marks.setAttribute("viewBox", `0 0 ${wide} ${high}`);
    this.marks.setAttribute("preserveAspectRatio", "none");
    [this.down.value, this.along.value] = data.at.map((at) => Math.round(at * 1000));
    const most = Math.max(high, ...data.windows.map(({ rows }) => (rows ? rows[1] - rows[0] + 1 : 0)));
    this.list.replaceChildren(el("div", { class: "xi-row xi-heading" }, el("span", {}, "Block"), el("span", {}, `Size in pixels, up to ${most.toLocaleString("en-US")}`, most > high ? el("span", { class: "xi-key" }, `the picture's ${high.toLocaleString("en-US")}`) : null), el("span", {}, "Sees")), ...data.windows.map((window) => this.row(window, most, high)));
  }

  row({ card, name, family, size, rows, said }, most, high) {
    const share = rows ? (rows[1] - rows[0] + 1) / most : 1;
    const bar = el("span", { class: "xi-meter" }, el("i", { class: rows ? null : "all", style: `width: ${(100 * share).toFixed(2)}%` }), most > high ? el("u", { style: `left: ${(100 * high / most).toFixed(2)}%` }) : null);
    return says(el("div", { class: "xi-row", role: "button", tabindex: "0", "data-card": card, style: `--own: ${colour(family)}` }, el("span", { class: "name" }, name), bar, el("span", { class: "num" }, size)), [name, ...said]);
  }

  selected() {
    super.selected();
    const [high, wide] = this.data.picture;
    const box = ({ rows, columns }) => {
      const [top, bottom] = [Math.max(0, rows[0]), Math.min(high - 1, rows[1])];
      const [left, right] = [Math.max(0, columns[0]), Math.min(wide - 1, columns[1])];
      return top > bottom || left > right ? "" : `M${left} ${top}H${right + 1}V${bottom + 1}H${left}Z`;
    };
    const known = this.data.windows.filter(({ rows }) => rows);
    const own = this.data.windows.find(({ card }) => card === selection.card);
    const others = draw("path", { class: "others", d: known.map(box).join("") });
    const parts = [others];
    if (own) {
      const path = own.rows ? box(own) : `M0 0H${wide}V${high}H0Z`;
      const cut = own.rows && (own.rows[0] < 0 || own.columns[0] < 0 || own.rows[1] >= high || own.columns[1] >= wide);
      parts.push(draw("path", { class: "dim", "fill-rule": "evenodd", d: `M0 0H${wide}V${high}H0Z${path}` }), draw("path", { class: `own${cut ? " cut" : ""}`, d: path, style: `--own: ${colour(own.family)}` }));
    }
    this.marks.replaceChildren(...parts);
    this.said.textContent = own ? `${own.said.join(" ")} ${this.data.source}` : "Choose a block to see what a unit of its map sees.";
    const row = this.list.querySelector(".xi-row.on");
    if (row && this.seen !== selection.card) {
      this.seen = selection.card;
      row.scrollIntoView({ block: "nearest" });
    }
  }
}
