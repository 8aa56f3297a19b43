// The nested graph, and beside it the inside of the selected block. Signs open and close, a click elsewhere selects.

const CHUNK = 60; // parts of a large picture that are drawn in one go, so that the page stays answerable

class Graph extends View {
  constructor(root) {
    super(root, "graph");
    this.paper = el("div", { class: "xi-paper", tabindex: "0", "aria-label": "Graph of the network" });
    this.side = el("div", { class: "xi-inside" });
    this.body.append(this.paper, this.side);
    this.paper.addEventListener("click", (event) => this.click(event));
    this.side.addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-inner]");
      if (row) this.select(selection.card, row.dataset.inner);
    });
    this.paper.addEventListener("keydown", (event) => { if (event.target.closest("[data-toggle]") && ["Enter", " "].includes(event.key)) { event.preventDefault(); this.click(event); } });
    this.fills();
  }

  show(data) {
    this.body.classList.toggle("across", data.across);
    if (data.svg === this.svg) return;
    this.svg = data.svg;
    const { scrollTop, scrollLeft } = this.paper;
    const held = document.activeElement?.dataset?.toggle;
    const whole = picture(data.svg);
    const parts = [...whole.childNodes];
    this.turn = (this.turn ?? 0) + 1;
    const turn = this.turn;
    if (parts.length > 4 * CHUNK) whole.replaceChildren();
    this.paper.replaceChildren(whole);
    const add = (from) => {
      if (turn !== this.turn) return;
      whole.append(...parts.slice(from, from + CHUNK));
      if (from + CHUNK < parts.length) setTimeout(() => add(from + CHUNK));
      else this.ready();
    };
    if (whole.childNodes.length) this.ready();
    else add(0);
    this.paper.scrollTo(scrollLeft, scrollTop);
    if (held) this.paper.querySelector(`[data-toggle="${CSS.escape(held)}"]`)?.focus();
  }

  ready() {
    for (const sign of this.paper.querySelectorAll("[data-toggle]")) {
      sign.setAttribute("tabindex", "0");
      sign.setAttribute("role", "button");
    }
    this.selected();
  }

  selected() {
    super.selected();
    const own = this.paper.querySelector(`[data-card="${selection.card}"]`);
    if (own && this.seen !== selection.card) {
      this.seen = selection.card;
      const [box, paper] = [own.getBoundingClientRect(), this.paper.getBoundingClientRect()];
      if (box.top < paper.top || box.top > paper.bottom - 60) this.paper.scrollTop += box.top - paper.top - 80;
      if (box.left < paper.left || box.left > paper.right - 60) this.paper.scrollLeft += box.left - paper.left - 80;
    }
    const detail = selection.detail;
    if (!detail || detail === this.told) return;
    this.told = detail;
    this.inside(detail, selection.card);
    super.selected();
  }

  inside({ svg, said, operations, totals }, card) {
    const parts = said.length ? [el("h3", {}, said[0])] : [el("p", {}, card < 0 ? "Choose a block to see what is inside it." : "This block is not counted, so there is nothing to see inside it.")];
    if (said.length > 1) parts.push(el("p", {}, said.slice(1).join(" · ")));
    if (svg) {
      const inner = picture(svg);
      const wide = Number(inner.getAttribute("width")), high = Number(inner.getAttribute("height"));
      const scale = Math.max(1, Math.min(1.5, (this.side.clientWidth - 40) / wide, (this.side.clientHeight * 0.45) / high));
      inner.setAttribute("width", wide * scale);
      inner.setAttribute("height", high * scale);
      for (const node of inner.querySelectorAll("[data-path]")) Object.assign(node.dataset, { inner: `${card}.*.${node.dataset.path}`, card });
      const drawing = el("div", { class: "xi-drawing" }, inner);
      drawing.addEventListener("click", (event) => this.select(card, event.target.closest("[data-inner]")?.dataset.inner ?? ""));
      parts.push(drawing);
    }
    if (operations.length) parts.push(operationsTable(operations, totals, card));
    this.side.replaceChildren(...parts);
  }

  click(event) {
    const sign = event.target.closest("[data-toggle]");
    if (sign) {
      const path = sign.dataset.toggle;
      const opened = this.data.opened;
      const left = opened.filter((each) => each !== path && !each.startsWith(`${path}.`));
      this.post({ op: "open", opened: opened.includes(path) ? left : [...opened, path] });
      return;
    }
    const node = event.target.closest("[data-card]");
    if (!node) return;
    const path = node.dataset.path ?? "";
    this.seen = Number(node.dataset.card); // it is where the pointer is
    this.select(Number(node.dataset.card), path.includes(".") ? path : "");
  }
}

// What the operations of a block cost, all copies together.
function operationsTable(operations, totals, card) {
  const head = ["Operation", "Output", "Parameters", "MACs", "Saved, bytes"].map((text) => el("th", {}, text));
  const rows = operations.map(({ name, path, shape, copies, costs }) =>
    el("tr", { "data-inner": path || null, "data-card": path ? card : null }, el("td", {}, copies > 1 ? `${name} ×${copies.toLocaleString("en-US")}` : name), ...[shape, ...costs].map((text) => el("td", { class: "num" }, text))));
  const foot = el("tr", {}, el("td", {}, "Together"), el("td", {}), ...totals.map((text) => el("td", { class: "num" }, text)));
  return el("table", { class: "xi-operations" }, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows), el("tfoot", {}, foot));
}
