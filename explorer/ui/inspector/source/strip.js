// The selected block with its exact numbers, and the way to the one before and the one after.

class Strip extends View {
  constructor(root) {
    super(root, "strip");
    const arrow = (label, path, by) => {
      const icon = draw("svg", { viewBox: "0 0 16 16", fill: "none", stroke: "currentColor", "stroke-width": 1.6, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": true }, draw("path", { d: path }));
      return el("button", { type: "button", "aria-label": label, title: label, onclick: () => this.step(by) }, icon);
    };
    this.before = arrow("Previous block", "M10 3.5L5.5 8l4.5 4.5", -1);
    this.after = arrow("Next block", "M6 3.5L10.5 8 6 12.5", 1);
    this.place = el("span", { class: "xi-place num" });
    this.name = el("strong", {});
    this.flow = el("span", { class: "num xi-flow" });
    this.facts = el("dl", {});
    this.within = el("div", { class: "xi-within" });
    this.body.append(el("div", { class: "xi-steps" }, this.before, this.place, this.after), el("div", { class: "xi-named" }, this.name, this.flow), this.facts, this.within);
    this.body.setAttribute("role", "status");
  }

  update(data) {
    this.data = data;
    if (data.heard < number) return; // a later click is under way
    this.show(data);
    choose(data.card, data.path, data.detail);
  }

  selected() {
    const { card } = selection;
    this.before.disabled = card < 0;
    this.after.disabled = card >= this.data.cards - 1;
    this.place.textContent = card < 0 ? `– of ${this.data.cards}` : `${card + 1} of ${this.data.cards}`;
  }

  show(data) {
    this.body.style.setProperty("--own", data.family ? colour(data.family) : "var(--xp-line2)");
    this.body.dataset.card = data.card;
    this.name.textContent = data.name;
    this.flow.textContent = data.flow;
    const fact = ([name, value]) => el("div", {}, el("dt", {}, name), el("dd", { class: "num" }, value));
    this.facts.replaceChildren(...data.facts.map(fact));
    this.within.hidden = !data.within && !data.problem;
    this.within.classList.toggle("wrong", Boolean(data.problem));
    if (data.problem) this.within.replaceChildren(data.problem);
    else if (data.within) {
      const { name, operations, flow, facts } = data.within;
      const close = el("button", { type: "button", class: "xi-plain", onclick: () => this.select(data.card) }, "whole block");
      this.within.replaceChildren(el("b", {}, name), el("span", {}, operations), el("span", { class: "num" }, flow), el("dl", {}, ...facts.map(fact)), close);
    }
  }

  step(by) {
    const to = Math.max(-1, Math.min(this.data.cards - 1, selection.card + by));
    this.select(to);
  }
}
