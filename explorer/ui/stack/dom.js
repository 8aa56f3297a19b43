// Small helpers. Text goes in as text nodes only; nothing here or elsewhere makes HTML out of data.

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// Writes only what differs, so that a run that changes one number touches one node.
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function set(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

const parser = new DOMParser();
const drawings = new Map();

// The drawing of a kind, from the app's own files.
function miniature(kind) {
  if (!drawings.has(kind)) {
    const source = SHELF.miniatures[kind];
    drawings.set(kind, source ? parser.parseFromString(source, "image/svg+xml").documentElement : el("span"));
  }
  const drawing = document.importNode(drawings.get(kind), true);
  drawing.setAttribute("aria-hidden", "true");
  return drawing;
}

const ICONS = {
  up: "M8 13V3.5M4 7.2l4-4 4 4",
  down: "M8 3v9.5M4 8.8l4 4 4-4",
  duplicate: "M5.5 5.5V3.8a1 1 0 0 1 1-1h5.7a1 1 0 0 1 1 1v5.7a1 1 0 0 1-1 1h-1.7M3.8 5.5h5.7a1 1 0 0 1 1 1v5.7a1 1 0 0 1-1 1H3.8a1 1 0 0 1-1-1V6.5a1 1 0 0 1 1-1z",
  remove: "M4 4l8 8m0-8l-8 8",
};

function icon(name) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  drawing.append(path);
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", fill: "none", stroke: "currentColor", "stroke-width": 1.5, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" })) drawing.setAttribute(key, value);
  return drawing;
}

const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function typing(target) {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable=true], [role=textbox]") !== null;
}

// A button that opens a list under itself; the browser closes it by Escape or a click elsewhere.
function menu(label, title, fill) {
  const list = el("div", { class: "xp-menu", popover: "auto", role: "menu" });
  const button = el("button", { class: "xp-button", type: "button", title, "aria-haspopup": "menu", "aria-expanded": "false" }, label);
  const close = () => list.hidePopover();
  button.addEventListener("click", () => {
    if (list.matches(":popover-open")) return close();
    list.replaceChildren();
    fill(list, close);
    list.showPopover();
    const box = button.getBoundingClientRect();
    list.style.top = `${box.bottom + 6}px`;
    list.style.left = `${Math.max(8, Math.min(box.left, innerWidth - list.offsetWidth - 8))}px`;
    list.querySelector("button")?.focus();
  });
  list.addEventListener("toggle", (event) => set(button, "aria-expanded", event.newState === "open"));
  list.addEventListener("keydown", (event) => {
    const items = [...list.querySelectorAll("button")];
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    items[(to + items.length) % items.length]?.focus();
  });
  return [button, list];
}

function item(title, note, act) {
  return el("button", { type: "button", role: "menuitem", onclick: act }, el("b", {}, title), note ? el("span", {}, note) : null);
}
