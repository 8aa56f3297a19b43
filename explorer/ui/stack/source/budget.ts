// A target and where the network stands against it; "fit" proposes the width and the depths that meet it.

import { el, place, say, set } from "./dom";
import type { Editor } from "./editor";
import type { Budget, Data, Quantity } from "./types";

const NAMES: { [quantity in Quantity]: string } = { params: "Parameters", macs: "MACs", memory: "Training memory" };
const FACTORS: { [letter: string]: number } = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12, b: 1e9 };

// `1.5M`, `500 k`, `64 MB`, `850,000`; null where it is no number.
export function number(text: string): number | null {
  const found = /^([\d,._ ]*\d\.?)\s*([kmgtb]?)\s*(?:b|bytes|macs?|params?|parameters)?$/i.exec(text.trim());
  if (!found) return null;
  const value = Number((found[1] as string).replace(/[,_ ]/g, "")) * (FACTORS[(found[2] as string).toLowerCase()] as number);
  return Number.isFinite(value) && value >= 1 && value <= 1e15 ? Math.round(value) : null;
}

export class BudgetView {
  private readonly set: HTMLButtonElement;
  private readonly text = el("span", { class: "xp-budgettext" });
  private readonly gauge = el("i");
  private readonly track = el("div", { class: "xp-gauge", role: "meter", "aria-valuemin": 0, "aria-valuemax": 1 }, this.gauge, el("span"));
  private readonly fit: HTMLButtonElement;
  private readonly form = el("form", { class: "xp-menu xp-target", popover: "auto" });
  private readonly proposals = el("div", { class: "xp-menu xp-fit", popover: "manual", role: "dialog", "aria-label": "Networks that fit" });
  readonly root: HTMLElement;
  private budget: Budget | null = null;
  private drawn = "";

  constructor(private readonly editor: Editor) {
    this.set = el("button", { type: "button", class: "xp-settarget", onclick: () => this.ask() });
    this.fit = el("button", { type: "button", class: "xp-button xp-small", title: "Propose a width and depths that meet the target", onclick: () => { this.fit.disabled = true; editor.post({ op: "fit" }); } }, "Fit …");
    this.root = el("div", { class: "xp-budget" }, this.set, this.text, this.fit, this.track, this.form, this.proposals);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.keep();
    });
  }

  draw(budget: Budget | null, fit: Data["fit"]): void {
    this.budget = budget;
    say(this.set, budget ? `≤ ${budget.written}` : "Set a budget …");
    set(this.set, "title", budget ? "Change the budget" : "A target of parameters, MACs or training memory");
    set(this.root, "data-state", budget?.state ?? "none");
    this.text.hidden = this.track.hidden = this.fit.hidden = !budget;
    this.fit.disabled = false;
    if (budget) {
      say(this.text, budget.text);
      set(this.text, "title", `${budget.number} of ${budget.written}`);
      this.gauge.style.width = `${Math.min(100, budget.share * 80)}%`; // the target stands at four fifths
      set(this.track, "aria-valuenow", Math.min(1, budget.share).toFixed(3));
      set(this.track, "aria-label", `${budget.number} of ${budget.written}`);
    }
    this.propose(fit);
  }

  private ask(): void {
    const { budget } = this;
    const quantity = el("select", { name: "quantity", "aria-label": "Of what" }, ...Object.entries(NAMES).map(([value, text]) => el("option", { value }, text)));
    quantity.value = budget?.quantity ?? "params";
    const value = el("input", { name: "value", class: "num", placeholder: "1.5M", "aria-label": "At most", autocomplete: "off" });
    value.value = budget ? budget.target.toLocaleString("en") : "";
    this.form.replaceChildren(
      el("h6", {}, "Budget"), el("div", { class: "xp-row" }, quantity, value),
      el("p", { class: "xp-chipwhy", role: "alert", hidden: true }),
      el("div", { class: "xp-row" }, el("button", { type: "submit", class: "xp-button xp-strong" }, "Set"),
        budget ? el("button", { type: "button", class: "xp-button", onclick: () => { this.form.hidePopover(); this.editor.post({ op: "target", quantity: budget.quantity, value: null }); } }, "No budget") : null));
    this.form.showPopover();
    place(this.form, this.set);
    value.focus();
    value.select();
  }

  private keep(): void {
    const value = number((this.form.elements.namedItem("value") as HTMLInputElement).value);
    const quantity = (this.form.elements.namedItem("quantity") as HTMLSelectElement).value as Quantity;
    const why = this.form.querySelector<HTMLElement>(".xp-chipwhy") as HTMLElement;
    why.hidden = value !== null;
    say(why, value === null ? "A whole number up to 1,000T, such as 500k, 1.5M or 850,000." : "");
    if (value === null) return;
    this.form.hidePopover();
    this.editor.post({ op: "target", quantity, value });
  }

  private propose(fit: Data["fit"]): void {
    const key = fit ? JSON.stringify(fit) : "";
    if (key === this.drawn) return;
    this.drawn = key;
    const open = this.proposals.matches(":popover-open");
    if (!fit) {
      if (open) this.proposals.hidePopover();
      return;
    }
    const close = el("button", { type: "button", class: "xp-button", onclick: () => this.editor.post({ op: "dismiss", what: "fit" }) }, "Close");
    this.proposals.replaceChildren(
      el("h6", {}, `${NAMES[fit.quantity]} of at most ${typeof fit.target === "number" ? fit.target.toLocaleString("en") : fit.target}`),
      el("p", {}, fit.grid),
      ...fit.proposals.map((proposal, at) =>
        el("button", { type: "button", class: "xp-proposal", onclick: () => this.editor.post({ op: "adopt", proposal: at }) },
          el("b", {}, proposal.label), el("em", { class: `num ${proposal.meets ? "down" : "up"}` }, proposal.change),
          el("span", { class: "num" }, `${proposal.params} parameters · ${proposal.macs} MACs · ${proposal.memory}`),
          ...proposal.changes.slice(0, 6).map((text) => el("small", {}, text)),
          proposal.changes.length > 6 ? el("small", {}, `and ${proposal.changes.length - 6} more`) : null)),
      ...(fit.proposals.length ? [] : [el("p", {}, "Nothing on this grid fits together.")]), close);
    if (!open) this.proposals.showPopover();
    place(this.proposals, this.root);
    this.proposals.querySelector<HTMLElement>("button")?.focus();
  }
}
