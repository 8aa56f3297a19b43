// The stack: a list of cards with the shape that flows on between them, and what can be done to those that are chosen.

import { CardView, type Trained } from "./card";
import { el, say, set, still, toggle, typing } from "./dom";
import type { Editor } from "./editor";
import { NETWORK } from "./foresee";
import type { Data, Measure, State } from "./types";

const ANIMATED = 40; // more cards than that move at once, without gliding

export class StackView {
  anchor: number | null = null; // where a choice with Shift begins
  private readonly views = new Map<string, CardView>();
  private readonly input: HTMLButtonElement;
  private readonly list = el("ol", { class: "xp-list", "aria-label": "The stack, from input to output. Space lifts a card, arrow keys go through the cards." });
  private readonly hint: HTMLElement;
  private readonly several: HTMLElement;
  private readonly count = el("b");
  private readonly notes: HTMLElement;
  readonly root: HTMLElement;
  private shown?: string;
  private focused: string | null = null; // the card that the keys work on
  private lifted: string[] = [];
  private trained: { [id: string]: Trained } | null = null; // what training sends through the cards
  private readonly heat = (event: Event): void => {
    this.trained = (event as CustomEvent<{ [id: string]: Trained } | null>).detail;
    for (const [id, view] of this.views) view.train(this.trained?.[id] ?? null);
  };

  constructor(private readonly editor: Editor) {
    this.input = el("button", { type: "button", class: "xp-input num", title: "Input, classes and batch", onclick: () => editor.select(NETWORK) });
    this.hint = el("div", { class: "xp-hint", hidden: true },
      el("b", {}, "An empty stack."), el("p", {}, "Drag a block here, or press one: usually a stem first, a classifier last."),
      el("p", {}, el("button", { type: "button", class: "xp-button xp-strong", onclick: () => editor.openGallery() }, "Open the gallery"), " ",
        el("button", { type: "button", class: "xp-button", onclick: () => editor.post({ op: "article" }) }, "Start from the article")));
    const act = (label: string, title: string, run: () => void): HTMLElement => el("button", { type: "button", class: "xp-button", title, onclick: run }, label);
    this.several = el("div", { class: "xp-several", role: "toolbar", "aria-label": "The chosen cards", hidden: true }, this.count,
      el("span", { class: "xp-step num" },
        el("button", { type: "button", "aria-label": "One copy less of each", onclick: () => editor.repeat(-1) }, "−"), el("span", { class: "xp-times" }, "×N"),
        el("button", { type: "button", "aria-label": "One copy more of each", onclick: () => editor.repeat(1) }, "+")),
      act("Up", "Move up (Alt+↑)", () => editor.step(-1)), act("Down", "Move down (Alt+↓)", () => editor.step(1)),
      act("Duplicate", "Duplicate (Ctrl+D)", () => editor.duplicate()), act("Copy", "Copy as JSON text (Ctrl+C)", () => editor.copy()),
      act("Remove", "Remove (Delete)", () => editor.remove()), act("✕", "Choose one alone (Escape)", () => editor.select(editor.state.selected)));
    this.notes = el("div", { class: "xp-guide", hidden: true }, el("span", {}, "The article's network: each block says what it is and where the article and the literature differ."),
      el("button", { type: "button", class: "xp-button", onclick: () => editor.post({ op: "dismiss", what: "notes" }) }, "Hide explanations"));
    this.root = el("div", { class: "xp-stack" }, this.notes, el("div", { class: "xp-chip xp-first" }, this.input), this.list, this.hint, this.several);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.root.addEventListener("focusin", (event) => {
      const card = (event.target as Element).closest<HTMLElement>(".xp-card");
      this.focused = card?.dataset.id ?? null;
    });
    this.root.addEventListener("focusout", (event) => {
      // A card that is taken out of the page or moved in it loses the focus to nobody: then the keys stay with it.
      if (event.relatedTarget) this.focused = null;
    });
    document.addEventListener("explorer:heat", this.heat);
    document.dispatchEvent(new CustomEvent("explorer:heat-wanted"));
    addEventListener("pointerdown", (event) => { if (!this.root.contains(event.target as Node)) this.focused = null; }, true);
  }

  draw(state: State, data: Data, measure: Measure): void {
    const { cards, selected, chosen } = state;
    say(this.input, data.network.input);
    set(this.input, "aria-pressed", String(selected === NETWORK));
    this.hint.hidden = cards.length > 0;
    this.notes.hidden = !cards.some((card) => card.note);
    this.several.hidden = chosen.length < 2;
    toggle(this.root, "several", chosen.length > 1);
    say(this.count, `${chosen.length} cards`);
    const tops = still() || cards.length > ANIMATED || this.editor.drag.active ? null : new Map([...this.views].map(([id, view]) => [id, view.root.offsetTop]));
    const ids = new Set(cards.map((card) => card.id));
    const lost = this.focused !== null && !ids.has(this.focused);
    for (const [id, view] of this.views) {
      if (ids.has(id)) continue;
      view.dispose();
      this.views.delete(id);
    }
    let place: ChildNode | null = this.list.firstChild;
    cards.forEach((card, index) => {
      let view = this.views.get(card.id);
      if (!view) {
        this.views.set(card.id, (view = new CardView(this.editor, card.id)));
        view.train(this.trained?.[card.id] ?? null);
      }
      while (place && (place as Element).classList.contains("xp-gap")) place = place.nextSibling;
      if (place === view.root) place = place.nextSibling;
      else this.list.insertBefore(view.root, place);
      view.draw(card, index, { state, data, measure, lifted: this.lifted.includes(card.id) });
    });
    const current = selected >= 0 ? this.views.get(cards[selected]?.id ?? "") : undefined;
    if (lost) this.focused = current?.id ?? null;
    // Who works with the keys stays with the card they work on, when it moves and when another takes its place.
    else if (this.focused !== null && current && current.id !== this.shown && this.views.get(this.focused)?.card === document.activeElement) this.focused = current.id;
    this.keepFocus();
    if (current && current.id !== this.shown) current.root.scrollIntoView({ block: "nearest" });
    this.shown = current?.id;
    if (tops) this.slide(tops);
  }

  // Nobody has the focus, but a card had it: it gets it back.
  private keepFocus(): void {
    const view = this.focused === null ? undefined : this.views.get(this.focused);
    if (!view) return;
    const active = document.activeElement;
    const free = active === null || active === document.body || !active.isConnected;
    const elsewhere = active instanceof HTMLElement && active.classList.contains("xp-card") && active !== view.card;
    if (free || elsewhere) view.card.focus({ preventScroll: true });
  }

  dispose(): void {
    document.removeEventListener("explorer:heat", this.heat);
  }

  focusedCard(): string | null {
    return this.focused;
  }

  takeFocus(id: string): void {
    if (document.activeElement !== null && document.activeElement !== document.body) return;
    this.focused = this.views.has(id) ? id : null;
    this.keepFocus();
  }

  // Cards that moved glide to their new place.
  private slide(tops: Map<string, number>): void {
    for (const [id, view] of this.views) {
      const before = tops.get(id);
      const by = before === undefined ? 0 : before - view.root.offsetTop;
      if (by) view.root.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], { duration: 140, easing: "ease-out" });
      else if (before === undefined && tops.size) view.root.animate([{ opacity: 0 }, { opacity: 1 }], { duration: 140 });
    }
  }

  focus(index: number): void {
    const card = this.editor.state.cards[index];
    const view = card && this.views.get(card.id);
    if (view) {
      this.focused = view.id;
      view.card.focus({ preventScroll: true });
    } else this.input.focus();
  }

  // For a drag: geometry at its start, and the gap where a drop would put it.

  lift(cards: readonly number[]): void {
    this.lifted = cards.map((at) => this.editor.state.cards[at]?.id ?? "");
    for (const [id, view] of this.views) view.card.classList.toggle("lifted", this.lifted.includes(id));
  }

  middles(): number[] {
    return this.editor.state.cards.map((card) => {
      const view = this.views.get(card.id);
      return view ? view.root.offsetTop - this.list.offsetTop + view.card.offsetHeight / 2 : 0;
    });
  }

  top(): number {
    return this.list.getBoundingClientRect().top;
  }

  holds(x: number, y: number): boolean {
    const box = this.root.getBoundingClientRect();
    return x >= box.left && x <= box.right && y >= box.top - 30 && y <= box.bottom;
  }

  openGap(gap: HTMLElement, at: number): void {
    const card = this.editor.state.cards[at];
    const next = card ? (this.views.get(card.id)?.root ?? null) : null;
    if (gap.isConnected && gap.nextSibling === next) return;
    this.list.insertBefore(gap, next);
  }

  indexOfGap(gap: HTMLElement): number {
    const next = gap.nextElementSibling;
    const at = this.editor.state.cards.findIndex((card) => this.views.get(card.id)?.root === next);
    return at < 0 ? this.editor.state.cards.length : at;
  }

  private key(event: KeyboardEvent): void {
    const { editor } = this;
    if (typing(event.target)) return;
    if (editor.drag.key(event)) return;
    const inside = (event.target as Element).closest<HTMLElement>(".xp-card");
    const own = inside && event.target === inside;
    const at = inside ? (this.views.get(inside.dataset.id ?? "")?.index ?? editor.state.selected) : editor.state.selected;
    const those = editor.state.chosen.includes(at) ? editor.state.chosen : [at];
    const on = (act: () => void): void => {
      event.preventDefault();
      event.stopPropagation();
      act();
    };
    const to = (index: number): void => on(() => {
      const next = Math.max(NETWORK, Math.min(index, editor.state.cards.length - 1));
      if (event.shiftKey && next >= 0) editor.choose(next, { shift: true, control: false });
      else {
        this.anchor = next;
        editor.select(next);
      }
      this.focus(editor.state.selected);
    });
    const control = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (control && key === "d") return on(() => editor.duplicate(those));
    if (control && key === "a") return on(() => {
      const all = editor.state.cards.map((_, index) => index);
      if (all.length) editor.select(Math.max(0, at), all);
    });
    if (control) return;
    if (event.altKey && event.key === "ArrowUp") return on(() => editor.step(-1, those));
    if (event.altKey && event.key === "ArrowDown") return on(() => editor.step(1, those));
    if (event.altKey) return;
    switch (event.key) {
      case "ArrowUp": return to(at - 1);
      case "ArrowDown": return to(at + 1);
      case "Home": return to(0);
      case "End": return to(editor.state.cards.length - 1);
      case "+": case "=": return on(() => editor.repeat(1, those));
      case "-": case "−": return on(() => editor.repeat(-1, those));
      case "Escape": return editor.state.chosen.length > 1 ? on(() => editor.select(at)) : undefined;
      case "F2": return inside ? on(() => this.views.get(inside.dataset.id ?? "")?.rename()) : undefined;
      case "Delete": case "Backspace": return inside ? on(() => editor.remove(those)) : undefined;
      case " ": return own ? on(() => editor.drag.liftByKey(at)) : undefined;
      case "Enter": return own ? on(() => {
        const card = editor.state.cards[at];
        if (card) editor.open(card);
      }) : undefined;
    }
  }
}
