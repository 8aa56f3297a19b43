// Small helpers. Text goes in as text nodes only; nothing here or elsewhere makes HTML out of data.

type Handler = (event: any) => void;
type Attributes = { [name: string]: string | number | boolean | null | undefined | Handler };
type Child = Node | string | null | undefined;

export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag, attributes: Attributes | null = null, ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// Writes only what differs, so that a run that changes one number touches one node.
export function say(node: Element, text: string | number): void {
  if (node.textContent !== String(text)) node.textContent = String(text);
}

export function set(node: Element, name: string, value: string | number | boolean | null | undefined): void {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

export function toggle(node: Element, name: string, on: boolean): void {
  if (node.classList.contains(name) !== on) node.classList.toggle(name, on);
}

const parser = new DOMParser();
const parsed = new Map<string, Element>();
const REMEMBERED = 400;

// A picture from Python's renderer, as nodes. Parsed as XML, once a text; whatever could run is left out.
export function picture(source: string): Element {
  let kept = parsed.get(source);
  if (!kept) {
    const root = parser.parseFromString(source, "image/svg+xml").documentElement;
    kept = root.localName === "svg" ? clean(root) : el("span");
    if (parsed.size >= REMEMBERED) parsed.delete(parsed.keys().next().value as string);
    parsed.set(source, kept);
  }
  return document.importNode(kept, true);
}

function clean(root: Element): Element {
  for (const node of [root, ...root.querySelectorAll("*")]) {
    if (["script", "foreignObject", "use", "image", "a"].includes(node.localName)) node.remove();
    for (const { name } of [...node.attributes]) if (/^on|href$/i.test(name)) node.removeAttribute(name);
  }
  return root;
}

const ICONS = {
  up: "M8 13V3.5M4 7.2l4-4 4 4",
  down: "M8 3v9.5M4 8.8l4 4 4-4",
  duplicate: "M5.5 5.5V3.8a1 1 0 0 1 1-1h5.7a1 1 0 0 1 1 1v5.7a1 1 0 0 1-1 1h-1.7M3.8 5.5h5.7a1 1 0 0 1 1 1v5.7a1 1 0 0 1-1 1H3.8a1 1 0 0 1-1-1V6.5a1 1 0 0 1 1-1z",
  remove: "M4 4l8 8m0-8l-8 8",
  open: "M5.5 3.5l5 4.5-5 4.5",
  grip: "M6 3.5v.01M6 8v.01M6 12.5v.01M10 3.5v.01M10 8v.01M10 12.5v.01",
  history: "M2.8 8a5.2 5.2 0 1 0 1.7-3.85M2.6 2.6v2.9h2.9M8 5.2V8l2 1.4",
  undo: "M6 3L2.8 6.2 6 9.4M3 6.2h6.2a3.6 3.6 0 0 1 0 7.2H6.5",
  redo: "M10 3l3.2 3.2L10 9.4M13 6.2H6.8a3.6 3.6 0 0 0 0 7.2h2.7",
} as const;

export type IconName = keyof typeof ICONS;

const SVG = "http://www.w3.org/2000/svg";

export function icon(name: IconName): SVGElement {
  const drawing = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  drawing.append(path);
  const width = name === "grip" ? 2.2 : 1.5;
  const attributes = { viewBox: "0 0 16 16", fill: "none", stroke: "currentColor", "stroke-width": width, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" };
  for (const [key, value] of Object.entries(attributes)) drawing.setAttribute(key, String(value));
  return drawing;
}

export const still = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;
export const narrow = (): boolean => matchMedia("(max-width: 760px)").matches;

export function typing(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable=true], [role=textbox]") !== null;
}

// A panel under a button; the browser closes it by Escape or a click elsewhere.
export function panel(
  label: Child, title: string, kind: string, fill: (panel: HTMLElement, close: () => void) => void,
): { button: HTMLButtonElement; list: HTMLElement; close: () => void } {
  const list = el("div", { class: `xp-menu ${kind}`, popover: "auto" });
  const button = el("button", { class: "xp-button", type: "button", title, "aria-label": typeof label === "string" ? null : label?.textContent, "aria-expanded": "false" }, label);
  const close = (): void => { if (list.matches(":popover-open")) list.hidePopover(); };
  button.addEventListener("click", () => {
    if (list.matches(":popover-open")) return close();
    list.replaceChildren();
    fill(list, close);
    list.showPopover();
    place(list, button);
    list.querySelector<HTMLElement>("button, input, select")?.focus();
  });
  list.addEventListener("toggle", (event) => set(button, "aria-expanded", String((event as ToggleEvent).newState === "open")));
  list.addEventListener("keydown", (event) => arrows(event, list));
  return { button, list, close };
}

export function place(list: HTMLElement, anchor: Element): void {
  const box = anchor.getBoundingClientRect();
  list.style.top = `${Math.max(8, Math.min(box.bottom + 10, innerHeight - list.offsetHeight - 8))}px`;
  list.style.left = `${Math.max(8, Math.min(box.left, innerWidth - list.offsetWidth - 8))}px`;
}

// Arrow keys go through the buttons of a list.
export function arrows(event: KeyboardEvent, list: Element): void {
  if (typing(event.target)) return;
  const items = [...list.querySelectorAll<HTMLElement>("button:not(:disabled)")].filter((item) => item.offsetParent !== null);
  const at = items.indexOf(document.activeElement as HTMLElement);
  const to = ({ ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 } as { [key: string]: number })[event.key];
  if (to === undefined || items.length === 0) return;
  event.preventDefault();
  event.stopPropagation();
  items[(to + items.length) % items.length]?.focus();
}

export function item(title: string, note: string | null, act: () => void): HTMLButtonElement {
  return el("button", { type: "button", onclick: act }, el("b", {}, title), note ? el("span", {}, note) : null);
}

// A question mark whose answer shows on hover and on focus.
export function help(text: string): [HTMLElement, HTMLElement] {
  const answer = el("span", { class: "xp-answer", popover: "manual", role: "tooltip" }, text);
  const mark = el("button", { type: "button", class: "xp-help", "aria-label": text }, "?");
  const show = (): void => {
    if (!answer.isConnected || answer.matches(":popover-open")) return;
    answer.showPopover();
    place(answer, mark);
  };
  const hide = (): void => { if (answer.matches(":popover-open")) answer.hidePopover(); };
  mark.addEventListener("mouseenter", show);
  mark.addEventListener("focus", show);
  mark.addEventListener("mouseleave", hide);
  mark.addEventListener("blur", hide);
  mark.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  return [mark, answer];
}

export function segmented<Value extends string>(
  label: string, choices: { [value in Value]: string }, choose: (value: Value) => void, titles: { [value: string]: string } = {},
): { root: HTMLElement; draw: (value: Value) => void } {
  const buttons = Object.entries<string>(choices).map(([value, text]) =>
    el("button", { type: "button", "data-value": value, title: titles[value], onclick: () => choose(value as Value) }, text));
  const root = el("div", { class: "xp-segments", role: "group", "aria-label": label }, ...buttons);
  return { root, draw: (value) => buttons.forEach((button) => set(button, "aria-pressed", String(button.dataset.value === value))) };
}
