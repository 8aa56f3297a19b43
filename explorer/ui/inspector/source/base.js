// Small helpers and what all views share: one selection, one tooltip, one height. Text goes in as text nodes only.

const SVG = "http://www.w3.org/2000/svg";
const FAMILIES = ["stem", "residual", "inception", "plain", "head"];

function put(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const el = (tag, attributes, ...children) => put(document.createElement(tag), attributes, children);
const draw = (tag, attributes, ...children) => put(document.createElementNS(SVG, tag), attributes, children);
const colour = (family) => `var(--xp-${FAMILIES.includes(family) ? family : "plain"})`;
const one = (number) => Math.round(number * 10) / 10;

function short(number) {
  for (const [factor, letter] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]])
    if (number >= factor) return `${Number((number / factor).toPrecision(3))} ${letter}`;
  return `${number}`;
}

const ruler = document.createElement("canvas").getContext("2d");

// How wide a text is, in pixels.
function wide(text, size = 10.5, weight = 400) {
  ruler.font = `${weight} ${size}px Inter, system-ui, sans-serif`;
  return ruler.measureText(text).width;
}

// As much of a text as finds room; nothing where that is next to nothing.
function fitted(text, width, size = 11) {
  if (wide(text, size) <= width) return text;
  let most = Math.floor(text.length * width / wide(text, size));
  while (most > 2 && wide(`${text.slice(0, most)}…`, size) > width) most -= 1;
  return most > 2 ? `${text.slice(0, most).trimEnd()}…` : "";
}

// As much of the end of a path as finds room, in whole names; its last one, cut, where not even that does.
function ending(path, width, size = 11) {
  if (wide(path, size) <= width) return path;
  const names = path.split(".");
  for (let from = 1; from < names.length; from += 1) {
    const text = `…${names.slice(from).join(".")}`;
    if (wide(text, size) <= width) return text;
  }
  return fitted(names.at(-1), width, size);
}

// A picture from Python's renderer, as nodes. Parsed as XML; whatever could run is left out.
function picture(source) {
  const root = new DOMParser().parseFromString(source, "image/svg+xml").documentElement;
  if (root.localName !== "svg") return el("span");
  for (const node of root.querySelectorAll("script, foreignObject, use, image, a")) node.remove();
  for (const node of /\son\w+\s*=|href/i.test(source) ? [root, ...root.querySelectorAll("*")] : []) {
    for (const { name } of [...node.attributes]) if (/^on|href$/i.test(name)) node.removeAttribute(name);
  }
  return document.importNode(root, true);
}

// One selection for all: the strip hears it from Python and tells the views, a view tells the strip by a click.

const selection = { card: -1, path: "", detail: null };
let number = 0;

function next() {
  number = Math.max(number + 1, Date.now());
  return number;
}

// Card, copy and module of a path; blocks that never repeat name no copy.
function split(path) {
  const [card, ...rest] = path.split(".");
  const copy = /^(\d+|\*)$/.test(rest[0] ?? "") ? rest.shift() : "*";
  return { card, copy, inner: rest.join(".") };
}

// How a module of the selected card stands to what is selected inside it: the same, in it, around it, or neither. The
// same module of other copies counts as well.
function standing(path) {
  if (!selection.path || !path) return "";
  const [own, chosen] = [split(path), split(selection.path)];
  if (!own.inner || !chosen.inner) return own.inner === chosen.inner && path.includes(".") && own.copy === chosen.copy ? "same" : "";
  if (own.inner === chosen.inner) return "same";
  return own.inner.startsWith(`${chosen.inner}.`) ? "in" : chosen.inner.startsWith(`${own.inner}.`) ? "around" : "";
}

// Marks the nodes that show what is selected inside a card; what is around it only where nothing nearer is drawn.
function markInner(nodes, path) {
  let nearest = 0, found = false;
  const all = nodes.map((node) => [node, path(node), standing(path(node))]);
  for (const [, own, stands] of all) {
    found ||= stands === "same" || stands === "in";
    if (stands === "around") nearest = Math.max(nearest, split(own).inner.length);
  }
  for (const [node, own, stands] of all) {
    const around = stands === "around" && !found && split(own).inner.length === nearest;
    node.classList.toggle("on-inner", stands === "same" || stands === "in" || around);
  }
}

class View {
  constructor(root, kind) {
    this.root = root;
    this.kind = kind;
    this.drawn = "";
    this.tip = el("div", { class: "xi-tip", role: "tooltip", hidden: true });
    this.body = el("div", { class: `xi-view xi-${kind}` });
    this.root.replaceChildren(this.body, this.tip);
    this.gone = new AbortController();
    this.hears("xi-selected", () => { this.fit(); this.selected(); });
    this.body.addEventListener("pointermove", (event) => this.point(event));
    this.body.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    this.body.addEventListener("keydown", (event) => this.key(event));
  }

  // Listens to the window as long as the view is in the page.
  hears(event, act) {
    addEventListener(event, () => {
      if (this.root.isConnected && this.data) act();
      else if (this.data) this.gone.abort();
    }, { signal: this.gone.signal });
  }

  // Called whenever Python runs; draws where the data are others.
  update(data) {
    this.data = data;
    const text = JSON.stringify(data);
    if (text !== this.drawn) {
      this.drawn = text;
      this.fit();
      this.size = this.measure();
      this.show(data);
    }
    this.selected();
  }

  measure() {
    return `${this.body.clientWidth} ${this.body.clientHeight}`;
  }

  // Fills what is left of the window, and draws again where the size changes.
  fills() {
    this.observer = new ResizeObserver(() => {
      const size = this.measure();
      if (this.size === size || !this.data || !this.body.clientWidth) return;
      this.size = size;
      this.show(this.data);
      this.selected();
    });
    this.observer.observe(this.body);
    this.hears("resize", () => this.fit());
    this.gone.signal.addEventListener("abort", () => this.observer.disconnect());
    requestAnimationFrame(() => this.fit());
  }

  fit() {
    if (!this.observer) return;
    const top = this.root.getBoundingClientRect().top + (document.querySelector('[data-testid="stMain"]')?.scrollTop ?? 0);
    const least = innerWidth <= 760 ? Math.min(560, innerHeight - 120) : 300;
    this.body.style.height = `${Math.max(least, innerHeight - top - 14)}px`;
  }

  show() {}

  // Marks what is selected; views that show more of it than a mark do so as well.
  selected() {
    const card = String(selection.card), inside = [];
    for (const node of this.body.querySelectorAll("[data-card]")) {
      const { card: own, cards, inner, path } = node.dataset;
      const mine = own === card || (cards?.split(" ").includes(card) ?? false);
      node.classList.toggle("on", mine && !inner && !path?.includes("."));
      if (mine && (inner || path)) inside.push(node);
      else node.classList.remove("on-inner");
    }
    markInner(inside, (node) => node.dataset.inner ?? node.dataset.path);
  }

  post(message) {
    this.send?.("sent", { ...message, number: next() });
  }

  select(card, path = "") {
    choose(card, path);
    this.post({ op: "select", card, path });
  }

  // Clicks on whatever names a card.
  clicks(target = this.body) {
    target.addEventListener("click", (event) => {
      const node = event.target.closest("[data-card]");
      if (node && target.contains(node)) this.select(Number(node.dataset.card), node.dataset.inner ?? "");
    });
  }

  key(event) {
    if (event.target.closest("input, textarea, select")) return;
    if ((event.key === "Enter" || event.key === " ") && event.target.closest("[data-card][tabindex]")) {
      event.preventDefault();
      event.target.closest("[data-card]").dispatchEvent(new MouseEvent("click", { bubbles: true }));
    }
  }

  point(event) {
    const node = event.target.closest?.("[data-tip]");
    if (!node || event.pointerType === "touch") { this.tip.hidden = true; return; }
    this.hint(node.said ?? [node.dataset.tip], event.clientX, event.clientY);
  }

  hint(lines, x, y) {
    this.tip.replaceChildren(...lines.map((line, at) => el(at ? "span" : "b", {}, line)));
    this.tip.hidden = false;
    const { width, height } = this.tip.getBoundingClientRect();
    this.tip.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - width - 8))}px`;
    this.tip.style.top = `${y + 18 + height > innerHeight ? y - height - 10 : y + 18}px`;
  }
}

// What is pointed at says these lines.
function says(node, lines) {
  node.dataset.tip = "";
  node.said = lines;
  return node;
}

function choose(card, path, detail = null) {
  Object.assign(selection, { card, path, detail });
  dispatchEvent(new Event("xi-selected"));
}
