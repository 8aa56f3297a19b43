// The big picture: what is closed opens by a click on its sign, what is clicked elsewhere is selected.

import { el, picture, say, segmented } from "./dom";
import type { Editor } from "./editor";
import type { Data } from "./types";

type Style = "drawn" | "graphviz";

export class GraphView {
  private readonly paper = el("div", { class: "xp-paper" });
  private readonly sentence = el("p", { class: "xp-sentence" });
  private readonly styles = segmented<Style>("Drawn by", { drawn: "Picture", graphviz: "Graphviz" }, (to) => this.editor.post({ op: "style", to }));
  private readonly all: HTMLButtonElement;
  readonly root: HTMLElement;
  private drawn = "";

  constructor(private readonly editor: Editor) {
    this.all = el("button", { type: "button", class: "xp-button", onclick: () => this.openAll() }, "Open all");
    this.root = el("div", { class: "xp-graph", hidden: true }, el("div", { class: "xp-graphbar" }, this.all, el("span", { class: "xp-grow" }), this.styles.root), this.sentence, this.paper);
    this.paper.addEventListener("click", (event) => this.click(event));
    this.paper.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); this.click(event); } });
  }

  draw(data: Data["picture"]): void {
    this.root.hidden = !data;
    if (!data) return;
    this.styles.draw(data.style);
    this.paper.hidden = data.style !== "drawn";
    this.all.hidden = data.style !== "drawn";
    say(this.all, data.opened.length ? "Close all" : "Open all");
    this.sentence.hidden = !data.sentence;
    say(this.sentence, data.sentence);
    if (data.svg === this.drawn) return;
    this.drawn = data.svg;
    const held = (document.activeElement as HTMLElement | SVGElement | null)?.dataset?.toggle;
    const { scrollTop, scrollLeft } = this.paper;
    this.paper.replaceChildren(data.svg ? picture(data.svg) : el("span"));
    for (const sign of this.paper.querySelectorAll("[data-toggle]")) {
      sign.setAttribute("tabindex", "0");
      sign.setAttribute("role", "button");
    }
    this.paper.scrollTo(scrollLeft, scrollTop);
    if (held) this.paper.querySelector<SVGElement>(`[data-toggle="${CSS.escape(held)}"]`)?.focus();
  }

  private click(event: Event): void {
    const target = event.target as Element;
    const sign = target.closest<SVGElement>("[data-toggle]");
    if (sign) return this.toggle(sign.dataset.toggle as string);
    const card = target.closest<SVGElement>("[data-card]");
    return this.editor.select(card ? Number(card.dataset.card) : -1);
  }

  private toggle(path: string): void {
    const opened = this.editor.data.picture?.opened ?? [];
    const next = opened.includes(path) ? opened.filter((each) => each !== path && !each.startsWith(`${path}.`)) : [...opened, path];
    this.editor.post({ op: "picture", opened: next });
  }

  private openAll(): void {
    const opened = this.editor.data.picture?.opened ?? [];
    const cards = this.editor.state.cards.flatMap((card, at) => (card.status === "ok" ? [String(at)] : []));
    this.editor.post({ op: "picture", opened: opened.length ? [] : cards });
  }
}
