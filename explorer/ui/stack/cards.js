// The stack: a list of cards with the shape that flows on between them.

const MAX_REPEAT = 256;

class CardView {
  constructor(editor, id) {
    this.editor = editor;
    this.id = id;
    const act = (title, message) =>
      el("button", { type: "button", class: "xp-tool", title, "aria-label": title, tabindex: -1, onclick: (event) => {
        event.stopPropagation();
        editor.edit(this.index, message);
      } }, icon(message));
    this.tools = el("span", { class: "xp-tools" },
      act("Move up (Alt+↑)", "up"), act("Move down (Alt+↓)", "down"),
      act("Duplicate (Ctrl+D)", "duplicate"), act("Remove (Delete)", "remove"));
    this.times = el("span", { class: "xp-times num" });
    const step = (label, title, by) => el("button", { type: "button", title, "aria-label": title, tabindex: -1, onclick: (event) => {
      event.stopPropagation();
      editor.repeat(this.index, by);
    } }, label);
    this.stepper = el("span", { class: "xp-step num" }, step("−", "One copy less (−)", -1), this.times, step("+", "One copy more (+)", 1));
    this.drawing = el("span", { class: "xp-mini" });
    this.title = el("b");
    this.settings = el("div", { class: "xp-set" });
    this.cost = el("span", { class: "xp-numbers num" });
    this.bar = el("i");
    this.why = el("div", { class: "xp-why", hidden: true });
    this.card = el("div", { class: "xp-card", tabindex: -1, role: "group" },
      el("span", { class: "xp-edge" }), this.drawing, el("span", { class: "xp-what" }, this.title, this.settings),
      this.tools, this.stepper, el("span", { class: "xp-cost" }, this.cost, el("span", { class: "xp-track" }, this.bar)), this.why);
    this.card.addEventListener("click", () => editor.select(this.index, true));
    this.shape = el("span", { class: "num" });
    this.field = el("span", { class: "xp-field num" });
    this.root = el("li", { class: "xp-slot" }, this.card, el("div", { class: "xp-chip" }, this.shape, this.field));
  }

  draw(card, index, selected, measure, last) {
    this.index = index;
    if (this.kind !== card.kind) {
      this.kind = card.kind;
      this.drawing.replaceChildren(miniature(card.kind));
    }
    const state = ["xp-card", `f-${card.family}`, `s-${card.status}`, selected ? "selected" : "", card.shortcut ? `c-${card.shortcut}` : ""];
    set(this.card, "class", state.filter(Boolean).join(" "));
    set(this.card, "data-kind", card.kind);
    set(this.card, "tabindex", selected || (index === 0 && last.selected < 0) ? 0 : -1);
    set(this.card, "aria-current", selected ? "true" : null);
    const times = card.repeat > 1 ? ` ×${card.repeat}` : "";
    const costs = card.status === "ok" ? `${card.params} parameters, ${card.macs} MACs, gives ${card.output}` : card.status === "error" ? "does not fit" : "waits";
    set(this.card, "aria-label", `${index + 1} of ${last.count}: ${card.title}${times}. ${card.settings}. ${costs}`);
    say(this.title, card.title);
    say(this.settings, card.status === "waiting" && card.settings ? `${card.settings} · waits for the block above` : card.settings);
    set(this.settings, "title", card.settings);
    this.stepper.hidden = card.repeat === null;
    say(this.times, `×${card.repeat}`);
    this.stepper.firstChild.disabled = card.repeat <= 1;
    this.stepper.lastChild.disabled = card.repeat >= MAX_REPEAT;
    this.tools.children[0].disabled = index === 0;
    this.tools.children[1].disabled = index === last.count - 1;
    say(this.cost, card.status === "ok" ? `${card.params} · ${card.macs}` : card.status === "error" ? "not counted" : "—");
    set(this.cost, "title", card.status === "ok" ? card.exact : null);
    this.bar.style.width = `${100 * (card.shares?.[measure] ?? 0)}%`;
    say(this.shape, card.output);
    say(this.field, card.field ?? "");
    this.explain(card.error);
  }

  // The error, at the place where it is, with the ways out.
  explain(error) {
    const key = error ? JSON.stringify(error) : "";
    if (key === this.explained) return;
    this.explained = key;
    this.why.hidden = !error;
    this.why.replaceChildren();
    if (!error) return;
    const ways = error.ways.map((way, number) =>
      el("button", { type: "button", class: "xp-fix", onclick: (event) => {
        event.stopPropagation();
        this.editor.post(way.edit);
      } }, way.label, way.price ? el("em", { class: "num", title: "Parameters of this card, against the same card without its shortcut." }, way.price) : null));
    this.why.append(el("p", { role: "alert" }, el("b", {}, error.head)), el("div", { class: "xp-fixes" }, ...ways));
  }
}

class StackView {
  constructor(editor) {
    this.editor = editor;
    this.views = new Map();
    this.input = el("button", { type: "button", class: "xp-input num", title: "Input, classes and batch", onclick: () => editor.select(-1) });
    this.list = el("ol", { class: "xp-list", "aria-label": "The stack, from input to output" });
    this.hint = el("div", { class: "xp-hint", hidden: true },
      el("b", {}, "An empty stack."), el("p", {}, "Take a block from the left to begin: usually a stem first, a classifier last. Or open a preset."));
    this.root = el("div", { class: "xp-stack" }, el("div", { class: "xp-chip xp-first" }, this.input), this.list, this.hint);
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  draw({ cards, selected }, data, measure) {
    say(this.input, data.network.input);
    set(this.input, "aria-pressed", selected === -1);
    this.hint.hidden = cards.length > 0;
    const held = document.activeElement;
    const focused = this.list.contains(held) ? held.closest(".xp-slot") : null;
    const tops = still() ? null : new Map([...this.views].map(([id, view]) => [id, view.root.offsetTop]));
    const ids = new Set(cards.map((card) => card.id));
    const lost = focused && ![...this.views].some(([id, view]) => view.root === focused && ids.has(id));
    for (const [id, view] of this.views) {
      if (!ids.has(id)) {
        view.root.remove();
        this.views.delete(id);
      }
    }
    const last = { count: cards.length, selected };
    cards.forEach((card, index) => {
      let view = this.views.get(card.id);
      if (!view) this.views.set(card.id, (view = new CardView(this.editor, card.id)));
      if (this.list.children[index] !== view.root) this.list.insertBefore(view.root, this.list.children[index] ?? null);
      view.draw(card, index, index === selected, measure, last);
    });
    const current = cards[selected] && this.views.get(cards[selected].id);
    // Who works with the keys stays with the card they work on.
    if (lost || (focused && current && current.id !== this.shown)) current?.card.focus({ preventScroll: true });
    else if (focused && document.activeElement !== held) held.focus({ preventScroll: true });
    if (current && current.id !== this.shown) current.root.scrollIntoView({ block: "nearest" });
    this.shown = current?.id;
    if (tops) this.slide(tops);
  }

  // Cards that moved glide to their new place.
  slide(tops) {
    for (const [id, view] of this.views) {
      const by = tops.has(id) ? tops.get(id) - view.root.offsetTop : 0;
      if (by) view.root.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], { duration: 140, easing: "ease-out" });
      else if (!tops.has(id) && tops.size) view.root.animate([{ opacity: 0 }, { opacity: 1 }], { duration: 140 });
    }
  }

  focus(index) {
    const card = this.editor.state.cards[index];
    if (card) this.views.get(card.id)?.card.focus({ preventScroll: true });
    else this.input.focus();
  }

  key(event) {
    const { editor } = this;
    const inside = event.target.closest(".xp-card");
    const at = inside ? [...this.views.values()].find((view) => view.card === inside).index : editor.state.selected;
    const on = (act) => {
      event.preventDefault();
      event.stopPropagation();
      act();
    };
    const to = (index) => on(() => {
      editor.select(Math.max(-1, Math.min(index, editor.state.cards.length - 1)));
      this.focus(editor.state.selected);
    });
    const control = event.ctrlKey || event.metaKey;
    if (control && event.key.toLowerCase() === "d") return on(() => editor.edit(at, "duplicate"));
    if (control) return undefined;
    if (event.altKey && event.key === "ArrowUp") return on(() => editor.edit(at, "up"));
    if (event.altKey && event.key === "ArrowDown") return on(() => editor.edit(at, "down"));
    if (event.altKey) return undefined;
    switch (event.key) {
      case "ArrowUp": return to(at - 1);
      case "ArrowDown": return to(at + 1);
      case "Home": return to(0);
      case "End": return to(editor.state.cards.length - 1);
      case "+": case "=": return on(() => editor.repeat(at, 1));
      case "-": case "−": return on(() => editor.repeat(at, -1));
      case "Delete": case "Backspace": return inside ? on(() => editor.edit(at, "remove")) : undefined;
    }
    return undefined;
  }
}
