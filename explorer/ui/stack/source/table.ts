// The table of blocks; a row opens to the operations inside it.

import { el, say } from "./dom";
import type { Editor } from "./editor";
import type { Data } from "./types";

const HEAD = ["", "Block", "Input", "Output", "Parameters", "MACs", "Elements", "Saved", "Field"];
const TITLES: { [head: string]: string } = {
  MACs: "Per image", Elements: "Elementwise and pooling work, per image; never added to MACs",
  Saved: "Kept for the backward pass, for the whole batch", Field: "Receptive field of the output, in pixels of the input",
};

type Table = NonNullable<Data["table"]>;

export class TableView {
  private readonly body = el("tbody");
  private readonly uncounted = el("p", { class: "xp-uncounted", hidden: true });
  readonly root: HTMLElement;
  private drawn = "";

  constructor(private readonly editor: Editor) {
    const titles = HEAD.map((text, column) => el("th", { scope: "col", class: column > 3 ? "right" : null, title: TITLES[text] }, text));
    this.root = el("div", { class: "xp-table", hidden: true }, el("table", {}, el("thead", {}, el("tr", {}, ...titles)), this.body), this.uncounted);
  }

  draw(table: Table | null): void {
    this.root.hidden = !table;
    const key = table ? JSON.stringify(table) : "";
    if (key === this.drawn) return;
    this.drawn = key;
    const active = document.activeElement as HTMLElement | null;
    const held = this.body.contains(active) ? active?.dataset.card : undefined;
    this.body.replaceChildren();
    if (!table) return;
    for (const row of table.rows) {
      const open = table.unfolded.includes(row.card);
      const toggle = row.level === 0
        ? el("button", { type: "button", class: "xp-unfold", "data-card": row.card, "aria-expanded": String(open), "aria-label": `Operations of ${row.name}`, onclick: () => this.toggle(table, row.card) }, open ? "▾" : "▸")
        : null;
      const line = el("tr", { class: `level${row.level}` },
        el("td", {}, toggle), el("td", { class: row.level ? "num" : null }, row.name),
        el("td", { class: "num" }, row.input), el("td", { class: "num" }, row.output),
        ...row.numbers.map((text) => el("td", { class: "num right" }, text)));
      if (row.level === 0) line.addEventListener("click", (event) => { if (event.target !== toggle) this.editor.select(row.card); });
      this.body.append(line);
    }
    this.body.append(el("tr", { class: "total" }, el("td"), el("td", { colspan: 3 }, table.total.name), ...table.total.numbers.map((text) => el("td", { class: "num right" }, text))));
    this.uncounted.hidden = !table.uncounted;
    say(this.uncounted, table.uncounted);
    if (held !== undefined) this.body.querySelector<HTMLElement>(`[data-card="${CSS.escape(held)}"]`)?.focus();
  }

  private toggle(table: Table, card: number): void {
    const cards = table.unfolded.includes(card) ? table.unfolded.filter((each) => each !== card) : [...table.unfolded, card];
    this.editor.post({ op: "unfold", cards });
  }
}
