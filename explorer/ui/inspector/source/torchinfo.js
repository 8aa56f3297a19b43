// torchinfo's table; each line selects the block whose module it lists.

class Torchinfo extends View {
  constructor(root) {
    super(root, "torchinfo");
    this.text = el("pre", { tabindex: "0", "aria-label": "torchinfo's table" });
    this.body.append(this.text);
    this.clicks();
    this.fills();
  }

  show({ lines }) {
    const longest = Math.max(...lines.map(({ text }) => text.trimEnd().length), 1);
    this.text.style.fontSize = `${Math.max(9.5, Math.min(11.5, (this.text.clientWidth - 24) / longest / 0.6)).toFixed(2)}px`; // 0.6: a sign's width
    this.text.replaceChildren(...lines.map(({ text, card }) => el("span", { "data-card": card < 0 ? null : card }, `${text.trimEnd()}\n`)));
  }

  selected() {
    super.selected();
    if (this.seen === selection.card) return;
    this.seen = selection.card;
    const first = this.text.querySelector("span.on");
    if (!first) return;
    const [box, all] = [first.getBoundingClientRect(), this.text.getBoundingClientRect()];
    if (box.top < all.top || box.bottom > all.bottom) this.text.scrollTop += box.top - all.top - 40;
  }
}
