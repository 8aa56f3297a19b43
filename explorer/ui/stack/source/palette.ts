// The palette: kinds in groups; what a kind is and what is inside it shows on hover and on focus.

import { arrows, el, picture } from "./dom";
import type { Editor } from "./editor";
import type { Kind, Shelf } from "./types";

const WAIT = 350; // milliseconds of rest before the explanation comes

export class PaletteView {
  readonly root = el("aside", { class: "xp-palette", "aria-label": "Blocks to add" });
  private readonly answer = el("div", { class: "xp-explain", popover: "manual", role: "tooltip", id: "xp-explain" });
  private drawn?: Shelf;
  private waiting = 0;

  constructor(private readonly editor: Editor) {
    this.root.addEventListener("keydown", (event) => arrows(event, this.root));
    this.root.addEventListener("scroll", () => this.hide());
  }

  draw(shelf: Shelf): void {
    if (this.drawn === shelf) return;
    this.drawn = shelf;
    this.root.replaceChildren();
    for (const group of new Set(shelf.palette.map((kind) => kind.group))) {
      const kinds = shelf.palette.filter((kind) => kind.group === group);
      this.root.append(el("h6", {}, group), ...kinds.map((kind) => this.entry(kind)));
    }
    this.root.append(this.answer);
  }

  private entry(kind: Kind): HTMLElement {
    const button = el("button", {
      type: "button", class: `xp-pal f-${kind.family}`, "data-kind": kind.kind, "aria-describedby": "xp-explain",
      "aria-label": `${kind.short}: ${kind.summary} Press to add, or drag into the stack.`,
      onclick: () => { this.hide(); if (!this.editor.drag.swallowed()) this.editor.add(kind); },
    }, picture(kind.drawing), el("span", {}, el("b", {}, kind.short), el("i", {}, kind.which)));
    button.addEventListener("mouseenter", () => this.soon(kind, button));
    button.addEventListener("focus", () => { if (button.matches(":focus-visible")) this.show(kind, button); });
    for (const name of ["mouseleave", "blur", "pointerdown"]) button.addEventListener(name, () => this.hide());
    this.editor.drag.source(button, { kind });
    return button;
  }

  private soon(kind: Kind, button: HTMLElement): void {
    clearTimeout(this.waiting);
    this.waiting = window.setTimeout(() => this.show(kind, button), WAIT);
  }

  private show(kind: Kind, button: HTMLElement): void {
    if (!button.isConnected || this.editor.drag.active) return;
    this.answer.className = `xp-explain f-${kind.family}`;
    this.answer.replaceChildren(
      el("b", {}, kind.title), el("p", {}, kind.summary), kind.inside ? picture(kind.inside) : el("span"),
      kind.formula ? el("code", {}, kind.formula) : el("span"), el("small", {}, kind.source));
    if (!this.answer.matches(":popover-open")) this.answer.showPopover();
    const box = button.getBoundingClientRect();
    this.answer.style.left = `${Math.min(box.right + 8, innerWidth - this.answer.offsetWidth - 8)}px`;
    this.answer.style.top = `${Math.max(8, Math.min(box.top - 8, innerHeight - this.answer.offsetHeight - 8))}px`;
  }

  hide(): void {
    clearTimeout(this.waiting);
    if (this.answer.matches(":popover-open")) this.answer.hidePopover();
  }
}

export function palette(editor: Editor): PaletteView {
  return new PaletteView(editor);
}
