// The table of blocks; a row opens to the operations inside it.

class TableView {
  constructor(editor) {
    this.editor = editor;
    this.body = el("tbody");
    const head = ["", "Block", "Input", "Output", "Parameters", "MACs", "Elements", "Saved", "Field"];
    const titles = { MACs: "Per image", Elements: "Elementwise and pooling work, per image; never added to MACs", Saved: "Kept for the backward pass, for the whole batch", Field: "Receptive field of the output, in pixels of the input" };
    this.uncounted = el("p", { class: "xp-uncounted", hidden: true });
    this.root = el("div", { class: "xp-table", hidden: true },
      el("table", {}, el("thead", {}, el("tr", {}, ...head.map((text, column) => el("th", { scope: "col", class: column > 3 ? "right" : null, title: titles[text] }, text)))), this.body),
      this.uncounted);
  }

  draw(table) {
    this.root.hidden = !table;
    const key = table ? JSON.stringify(table) : "";
    if (key === this.drawn) return;
    this.drawn = key;
    const held = this.body.contains(document.activeElement) ? document.activeElement.dataset.card : null;
    this.body.replaceChildren();
    if (!table) return;
    for (const row of table.rows) {
      const open = table.unfolded.includes(row.card);
      const toggle = row.level === 0
        ? el("button", { type: "button", class: "xp-open", "data-card": row.card, "aria-expanded": open, "aria-label": `Operations of ${row.name}`, onclick: () => this.toggle(table, row.card) }, open ? "▾" : "▸")
        : null;
      this.body.append(el("tr", { class: `level${row.level}` },
        el("td", {}, toggle), el("td", { class: row.level ? "num" : null }, row.name),
        el("td", { class: "num" }, row.input), el("td", { class: "num" }, row.output),
        ...row.numbers.map((text) => el("td", { class: "num right" }, text))));
    }
    this.body.append(el("tr", { class: "total" }, el("td"), el("td", { colspan: 3 }, table.total.name), ...table.total.numbers.map((text) => el("td", { class: "num right" }, text))));
    this.uncounted.hidden = !table.uncounted;
    say(this.uncounted, table.uncounted);
    if (held !== null) this.body.querySelector(`[data-card="${CSS.escape(held)}"]`)?.focus();
  }

  toggle(table, card) {
    const cards = table.unfolded.includes(card) ? table.unfolded.filter((each) => each !== card) : [...table.unfolded, card];
    this.editor.post({ op: "unfold", cards });
  }
}
