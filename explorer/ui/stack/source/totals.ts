// The totals on the right, each with its change; the budget; and which form stands below.

import { BudgetView } from "./budget";
import { el, help, say, set } from "./dom";
import type { Editor } from "./editor";
import type { Data, Figure as FigureData, State, Totals } from "./types";

class Figure {
  private readonly number = el("div", { class: "num" });
  private readonly change = el("span", { class: "xp-change" });
  private readonly note = el("span");
  readonly label: HTMLElement;
  readonly root: HTMLElement;

  constructor(label: string) {
    this.label = el("span", { class: "xp-label" }, el("span", {}, label));
    this.root = el("div", { class: "xp-figure" }, this.label, this.number, el("small", { class: "num" }, this.change, this.note));
  }

  draw({ number, exact, change, note }: FigureData): void {
    say(this.number, number);
    set(this.number, "title", exact);
    say(this.change, change);
    set(this.change, "class", `xp-change ${change.startsWith("+") ? "up" : change.startsWith("−") ? "down" : ""}`);
    say(this.note, note);
  }
}

export class TotalsView {
  private readonly upto = el("div", { class: "xp-upto", hidden: true });
  private readonly params = new Figure("Parameters");
  private readonly macs = new Figure("MACs");
  private readonly field = new Figure("Receptive field");
  private readonly memory = new Figure("Memory");
  private readonly batch: HTMLInputElement;
  private readonly segments: { bar: HTMLElement; name: HTMLElement; size: HTMLElement }[];
  private readonly budget: BudgetView;
  private readonly card: HTMLButtonElement;
  private readonly network: HTMLButtonElement;
  private helped = false;
  private shown?: string;
  private totals?: Totals;
  readonly root: HTMLElement;

  constructor(private readonly editor: Editor) {
    this.batch = el("input", { type: "number", class: "num", min: 1, max: 65536, step: 1, "aria-label": "Batch: images in a training step" });
    this.batch.addEventListener("change", () => {
      const size = Math.round(Number(this.batch.value));
      if (size >= 1) editor.post({ op: "batch", size });
      else this.batch.value = String(this.totals?.batch ?? "");
    });
    this.memory.label.append(el("label", { class: "xp-batch" }, "batch", this.batch));
    const parts = el("div", { class: "xp-parts" });
    const split = el("div", { class: "xp-split" });
    this.segments = [0, 1, 2, 3].map((number) => {
      const segment = { bar: el("i", { class: `p${number}` }), name: el("span"), size: el("b", { class: "num" }) };
      split.append(segment.bar);
      parts.append(el("span", {}, el("i", { class: `p${number}` }), segment.name, segment.size));
      return segment;
    });
    this.memory.root.append(split, parts);
    this.memory.root.classList.add("xp-wide");
    this.field.root.classList.add("xp-wide", "xp-line");
    this.budget = new BudgetView(editor);
    const tab = (act: () => void): HTMLButtonElement => el("button", { type: "button", role: "tab", onclick: act });
    this.card = tab(() => editor.select(editor.shownCard));
    this.network = tab(() => editor.select(-1));
    say(this.network, "Network");
    this.root = el("section", { class: "xp-totals", "aria-label": "Totals" },
      this.upto, this.params.root, this.macs.root, this.memory.root, this.field.root, this.budget.root,
      el("div", { class: "xp-tabs", role: "tablist", "aria-label": "Settings of" }, this.card, this.network));
  }

  // Which form stands below: that of a card, of several, or of the network.
  private tabs({ cards, selected, chosen }: State, last: number): void {
    const card = cards[last];
    if (card?.id !== this.shown) document.querySelector(".st-key-form")?.scrollTo(0, 0);
    this.shown = card?.id;
    this.card.hidden = !card;
    say(this.card, chosen.length > 1 ? `${chosen.length} cards` : card ? `${last + 1} of ${cards.length} · ${card.label || card.title.replace(/ \(.*\)$/, "")}` : "");
    set(this.card, "title", card && chosen.length < 2 ? card.title : null);
    set(this.card, "aria-selected", String(selected >= 0));
    set(this.network, "aria-selected", String(selected < 0));
  }

  draw(data: Data, state: State, last: number): void {
    if (!this.helped) {
      const { macs, field, memory } = this.editor.shelf.help;
      for (const [figure, text] of [[this.macs, macs], [this.field, field], [this.memory, memory]] as const) figure.label.firstChild?.after(...help(text));
      this.helped = true;
    }
    this.tabs(state, last);
    this.totals = data.totals;
    if (!this.root.hasAttribute("data-foreseen")) this.write(data.totals);
    this.budget.draw(data.budget, data.fit);
  }

  // The totals as a drop would make them; null: as they are.
  foresee(totals: Totals | null): void {
    set(this.root, "data-foreseen", totals ? "" : null);
    const shown = totals ?? this.totals;
    if (shown) this.write(shown);
  }

  private write(totals: Totals): void {
    this.upto.hidden = !totals.upto;
    say(this.upto, totals.upto);
    set(this.root, "data-partial", totals.upto ? "yes" : null);
    this.params.draw(totals.params);
    this.macs.draw(totals.macs);
    this.field.draw(totals.field);
    this.memory.draw(totals.memory);
    if (document.activeElement !== this.batch) this.batch.value = String(totals.batch);
    totals.memory.parts.forEach(({ name, size, share }, number) => {
      const segment = this.segments[number];
      if (!segment) return;
      say(segment.name, name);
      say(segment.size, size);
      segment.bar.style.flexGrow = String(share);
    });
  }
}
