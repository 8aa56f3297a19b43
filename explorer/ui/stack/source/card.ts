// One card: what it is, what it costs, what can be done to it, why it does not fit, and what is inside.

import { Chips } from "./chips";
import { el, icon, picture, say, set, toggle, type IconName } from "./dom";
import { MAX_REPEAT, type Editor } from "./editor";
import type { Card, Data, Measure, Refusal, State } from "./types";

export type Trained = { colours: string[]; title: string; over: boolean };
type Around = { state: State; data: Data; measure: Measure; lifted: boolean };

export class CardView {
  index = 0;
  readonly card: HTMLElement;
  readonly root: HTMLElement;
  private readonly drawing = el("span", { class: "xp-mini" });
  private readonly title = el("b");
  private readonly settings = el("div", { class: "xp-set" });
  private readonly tools: HTMLElement;
  private readonly times = el("span", { class: "xp-times num" });
  private readonly stepper: HTMLElement;
  private readonly cost = el("span", { class: "xp-numbers num" });
  private readonly overlay = el("span", { class: "xp-overlay num" });
  private readonly bar = el("i");
  private readonly heat = el("span", { class: "xp-heat" });
  private readonly opener: HTMLButtonElement;
  private readonly why = el("div", { class: "xp-why", hidden: true });
  private readonly inner = el("div", { class: "xp-inner", hidden: true });
  private readonly scene = el("div", { class: "xp-scene" });
  private readonly note = el("p", { class: "xp-note", hidden: true });
  private readonly shape = el("span", { class: "num" });
  private readonly field = el("span", { class: "xp-field num" });
  private readonly chips: Chips;
  private data?: Card;
  private drawn = "";
  private explained = "";
  private inside = "";

  constructor(private readonly editor: Editor, readonly id: string) {
    const act = (name: IconName, title: string, run: () => void): HTMLElement =>
      el("button", { type: "button", class: "xp-tool", title, "aria-label": title, tabindex: -1, onclick: (event) => { event.stopPropagation(); run(); } }, icon(name));
    this.tools = el("span", { class: "xp-tools" },
      act("up", "Move up (Alt+↑)", () => editor.step(-1, [this.index])), act("down", "Move down (Alt+↓)", () => editor.step(1, [this.index])),
      act("duplicate", "Duplicate (Ctrl+D)", () => editor.duplicate([this.index])), act("remove", "Remove (Delete)", () => editor.remove([this.index])));
    const step = (label: string, title: string, by: number): HTMLButtonElement =>
      el("button", { type: "button", title, "aria-label": title, tabindex: -1, onclick: (event) => { event.stopPropagation(); this.repeat(by); } }, label);
    this.stepper = el("span", { class: "xp-step num" }, step("−", "One copy less (−)", -1), this.times, step("+", "One copy more (+)", 1));
    this.opener = el("button", { type: "button", class: "xp-open", tabindex: -1, onclick: (event) => { event.stopPropagation(); this.open(); } }, icon("open"));
    this.chips = new Chips(editor, this);
    this.inner.append(this.scene, this.chips.root);
    this.title.addEventListener("dblclick", () => this.rename());
    this.card = el("div", { class: "xp-card", tabindex: -1, role: "group", "data-id": id },
      el("span", { class: "xp-edge" }), el("span", { class: "xp-grip", title: "Drag to move" }, icon("grip")), this.drawing,
      el("span", { class: "xp-what" }, this.title, this.settings), this.tools, this.stepper,
      el("span", { class: "xp-cost" }, this.cost, el("span", { class: "xp-measure" }, this.overlay, el("span", { class: "xp-track" }, this.bar))),
      this.opener, this.heat, this.note, this.why, this.inner);
    this.card.addEventListener("click", (event) => this.click(event));
    this.root = el("li", { class: "xp-slot" }, this.card, el("div", { class: "xp-chip" }, this.shape, this.field));
    editor.drag.source(this.card, { card: id });
  }

  draw(card: Card, index: number, { state, data, measure, lifted }: Around): void {
    this.index = index;
    this.data = card;
    const { selected, chosen, cards } = state;
    const drawing = data.drawings[card.drawing] ?? this.editor.shelf.palette.find((kind) => kind.kind === card.kind)?.drawing ?? "";
    if (drawing !== this.drawn) {
      this.drawn = drawing;
      this.drawing.replaceChildren(...(drawing ? [picture(drawing)] : []));
    }
    const state_ = ["xp-card", `f-${card.family}`, `s-${card.status}`, chosen.includes(index) && "selected", chosen.length > 1 && index === selected && "first", card.open && "opened", lifted && "lifted"];
    set(this.card, "class", state_.filter(Boolean).join(" "));
    set(this.card, "data-kind", card.kind);
    set(this.card, "tabindex", index === selected || (index === 0 && selected < 0) ? 0 : -1);
    set(this.card, "aria-current", index === selected ? "true" : null);
    const times = card.repeat !== null && card.repeat > 1 ? ` ×${card.repeat}` : "";
    const costs = card.status === "ok" ? `${card.params} parameters, ${card.macs} MACs, gives ${card.output}` : card.status === "error" ? `does not fit: ${card.error?.head ?? ""}` : "waits";
    set(this.card, "aria-label", `${index + 1} of ${cards.length}: ${card.title}${times}. ${card.settings}. ${costs}`);
    if (this.title.isConnected) say(this.title, card.title);
    const words = card.label ? [card.kindTitle, card.settings].filter(Boolean).join(" · ") : card.settings;
    say(this.settings, card.status === "waiting" && card.settings ? `${words} · waits for the block above` : words);
    set(this.settings, "title", words);
    this.stepper.hidden = card.repeat === null;
    say(this.times, `×${card.repeat}`);
    (this.stepper.firstChild as HTMLButtonElement).disabled = (card.repeat ?? 0) <= 1;
    (this.stepper.lastChild as HTMLButtonElement).disabled = (card.repeat ?? 0) >= MAX_REPEAT;
    (this.tools.children[0] as HTMLButtonElement).disabled = index === 0;
    (this.tools.children[1] as HTMLButtonElement).disabled = index === cards.length - 1;
    say(this.cost, card.status === "ok" ? `${card.params} · ${card.macs}` : card.status === "error" ? "not counted" : "—");
    set(this.cost, "title", card.status === "ok" ? (card.exact ?? null) : null);
    const overlay = card.overlays?.[measure];
    const share = overlay?.share ?? 0;
    say(this.overlay, overlay?.text ?? (measure === "ms" && card.status === "ok" ? (data.timing.state === "running" ? "measuring …" : "not measured") : ""));
    this.bar.style.width = `${100 * share}%`;
    this.heat.style.opacity = String(0.08 + 0.92 * (overlay?.heat ?? 0)); // of what it costs, while nothing trains
    say(this.shape, card.output);
    say(this.field, card.overlays?.field?.text ? `field ${card.overlays.field.text}` : "");
    set(this.opener, "aria-expanded", String(!!card.open));
    set(this.opener, "aria-label", card.open ? "Close" : "Open: what is inside");
    set(this.opener, "title", card.open ? "Close (Enter)" : "What is inside (Enter)");
    this.note.hidden = !card.note;
    say(this.note, card.note ?? "");
    this.explain(card.error ?? null);
    this.showInside(card);
  }

  // What training sends through the card: a colour a copy; null where nothing trains.
  train(heat: Trained | null): void {
    toggle(this.heat, "training", heat !== null);
    toggle(this.heat, "over", heat?.over ?? false);
    set(this.heat, "title", heat?.title ?? null);
    const colours = heat?.colours ?? [];
    while (this.heat.childElementCount > colours.length) this.heat.lastElementChild?.remove();
    colours.forEach((colour, at) => {
      const cell = this.heat.children[at] ?? this.heat.appendChild(el("i"));
      set(cell, "style", `background: ${colour}`);
    });
  }

  // The error, at the place where it is, with the ways out.
  private explain(error: Refusal | null): void {
    const key = error ? JSON.stringify(error) : "";
    if (key === this.explained) return;
    this.explained = key;
    this.why.hidden = !error;
    this.why.replaceChildren();
    if (!error) return;
    const price = "Parameters of this card, against the same card without its shortcut.";
    const ways = error.ways.map((way) =>
      el("button", { type: "button", class: "xp-fix", onclick: (event) => { event.stopPropagation(); this.editor.post(way.edit); } },
        way.label, way.price ? el("em", { class: "num", title: price }, way.price) : null));
    this.why.append(el("p", { role: "alert" }, el("b", {}, error.head)), el("div", { class: "xp-fixes" }, ...ways));
  }

  private showInside(card: Card): void {
    this.inner.hidden = !card.open;
    if (!card.open) return;
    const source = card.inside ?? "";
    if (source !== this.inside) {
      this.inside = source;
      this.scene.replaceChildren(...(source ? [picture(source)] : []));
    }
    this.scene.hidden = !source;
    this.chips.draw(card.chips ?? null, card.error?.place ?? null, card.error?.head ?? "");
  }

  private open(): void {
    if (this.data) this.editor.open(this.data);
  }

  private repeat(by: number): void {
    const { chosen } = this.editor.state;
    this.editor.repeat(by, chosen.length > 1 && chosen.includes(this.index) ? chosen : [this.index]);
  }

  private click(event: MouseEvent): void {
    if (this.editor.drag.swallowed() || (event.target as Element).closest("input")) return;
    this.editor.choose(this.index, { shift: event.shiftKey, control: event.ctrlKey || event.metaKey });
    this.editor.stack.focus(this.index);
  }

  // A name of the card's own; an empty one gives it back its kind's.
  rename(): void {
    const { data } = this;
    if (!data || !this.title.isConnected) return;
    const input = el("input", { class: "xp-rename", maxlength: 40, "aria-label": "Name on the card", placeholder: data.kindTitle });
    input.value = data.label;
    this.title.replaceWith(input);
    input.select();
    input.focus();
    let open = true; // taking the field away makes it lose the focus, which would end it once more
    const done = (keep: boolean, back: boolean): void => {
      if (!open) return;
      open = false;
      const label = input.value.trim();
      input.replaceWith(this.title);
      if (keep && label !== this.data?.label) this.editor.setFields(this.index, { label });
      if (back) this.editor.stack.focus(this.index);
    };
    input.addEventListener("blur", () => done(true, false));
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") done(true, true);
      if (event.key === "Escape") done(false, true);
    });
  }

  dispose(): void {
    this.editor.drag.forget(this.card);
    this.root.remove();
  }
}
