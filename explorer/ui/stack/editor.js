// The editor: what is drawn, what was sent and is not yet answered, and the keys.

const editors = new WeakMap();
const MEASURES = { macs: "MACs", params: "Parameters", saved: "Memory" };
const VIEWS = { stack: "Stack", table: "Table", graph: "Graph" };

function segmented(label, choices, choose) {
  const buttons = Object.entries(choices).map(([value, text]) => el("button", { type: "button", "data-value": value, onclick: () => choose(value) }, text));
  const root = el("div", { class: "xp-segments", role: "group", "aria-label": label }, ...buttons);
  return { root, draw: (value) => buttons.forEach((button) => set(button, "aria-pressed", button.dataset.value === value)) };
}

class Editor {
  constructor(host) {
    // Python remembers by this name which of our messages it has dealt with.
    this.client = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => (byte % 36).toString(36)).join("");
    this.seq = 0;
    this.pending = [];
    this.state = { cards: [], selected: -1 };
    this.measure = "macs";
    this.stack = new StackView(this);
    this.table = new TableView(this);
    this.totals = new TotalsView(this);
    this.actions = new ActionsView(this);
    this.name = el("strong");
    this.flow = el("span", { class: "num" });
    this.measures = segmented("What the bars show", MEASURES, (value) => { this.measure = value; this.draw(); });
    this.views = segmented("View", VIEWS, (to) => this.post({ op: "view", to }));
    this.toast = el("div", { class: "xp-toast", role: "status", "aria-live": "polite", hidden: true });
    const network = el("button", { type: "button", class: "xp-name", title: "Input, classes and batch", onclick: () => this.select(-1) }, this.name, this.flow);
    this.root = el("div", { class: "xp" }, this.actions.root, palette(this),
      el("section", { class: "xp-center", "aria-label": "Stack" },
        el("div", { class: "xp-bar" }, network, el("span", { class: "xp-grow" }), el("span", { class: "xp-caption" }, "Bars"), this.measures.root, this.views.root),
        this.stack.root, this.table.root),
      this.totals.root, this.toast);
    host.append(this.root);
    this.keys = (event) => this.key(event);
    document.addEventListener("keydown", this.keys);
  }

  update({ data, setStateValue }) {
    this.data = data;
    this.send = setStateValue;
    const answered = data.acknowledged[this.client] ?? -1;
    this.pending = this.pending.filter((message) => message.seq > answered);
    this.draw();
    // A server that was started anew has not heard what was said to the old one.
    if (this.session !== undefined && this.session !== data.session && this.pending.length) this.repeatLater();
    this.session = data.session;
    if (data.notice && data.notice.number !== this.noticed) {
      this.noticed = data.notice.number;
      this.tell(data.notice.text, data.notice.kind);
    }
    if (data.download?.client === this.client && data.download.number !== this.downloaded) {
      this.downloaded = data.download.number;
      download(data.download);
    }
  }

  draw() {
    const { data } = this;
    this.state = this.pending.reduce(
      (state, message) => foresee(state, message, `${this.client}.${message.seq}`),
      { cards: data.cards, selected: data.selected },
    );
    say(this.name, data.network.name);
    say(this.flow, data.network.flow);
    this.measures.draw(this.measure);
    this.views.draw(data.view);
    set(this.root, "data-view", data.view);
    this.stack.draw(this.state, data, this.measure);
    this.table.draw(data.table);
    this.last = Math.min(this.state.selected < 0 ? this.last ?? 0 : this.state.selected, this.state.cards.length - 1);
    this.totals.tabs(this.state, this.last);
    this.totals.draw(data.totals);
    this.actions.draw(data);
  }

  // All that is unanswered goes along each time: nothing is lost when two messages fall into one run.
  post(message) {
    this.seq += 1;
    this.pending.push({ ...message, seq: this.seq });
    this.sendPending();
    this.draw();
  }

  sendPending() {
    this.send("value", { session: this.data.session, client: this.client, messages: this.pending });
  }

  // Not before the network that this browser keeps is back: edits are edits of that.
  repeatLater() {
    setTimeout(() => {
      if (document.documentElement.dataset.restoring !== undefined) this.repeatLater();
      else if (this.pending.length) this.sendPending();
    }, 150);
  }

  select(at, quiet) {
    if (at !== this.state.selected) this.post({ op: "select", at });
    if (quiet) this.stack.focus(at);
  }

  add({ kind }) {
    const { cards, selected } = this.state;
    this.post({ op: "add", kind, at: selected < 0 ? cards.length : selected + 1 });
  }

  edit(at, what) {
    const { cards } = this.state;
    if (!cards[at]) return;
    if (what === "up" && at > 0) this.post({ op: "move", at, to: at - 1 });
    if (what === "down" && at < cards.length - 1) this.post({ op: "move", at, to: at + 1 });
    if (what === "duplicate") this.post({ op: "duplicate", at });
    if (what === "remove") this.post({ op: "remove", at });
  }

  repeat(at, by) {
    const card = this.state.cards[at];
    const times = (card?.repeat ?? 0) + by;
    if (card?.repeat && times >= 1 && times <= MAX_REPEAT) this.post({ op: "set", at, fields: { repeat: times } });
  }

  key(event) {
    const control = (event.ctrlKey || event.metaKey) && !event.altKey;
    if (!control || typing(event.target)) return;
    const key = event.key.toLowerCase();
    const back = key === "z" && !event.shiftKey;
    const forth = (key === "z" && event.shiftKey) || (key === "y" && event.ctrlKey);
    if (!back && !forth) return;
    event.preventDefault();
    this.post({ op: back ? "undo" : "redo" });
  }

  tell(text, kind = "info") {
    clearTimeout(this.hiding);
    say(this.toast, text);
    set(this.toast, "class", `xp-toast ${kind}`);
    this.toast.hidden = false;
    this.hiding = setTimeout(() => (this.toast.hidden = true), kind === "error" ? 9000 : 3500);
  }

  dispose(host) {
    document.removeEventListener("keydown", this.keys);
    this.root.remove();
    editors.delete(host);
  }
}

export default function (component) {
  const host = component.parentElement;
  let editor = editors.get(host);
  if (!editor) editors.set(host, (editor = new Editor(host)));
  editor.update(component);
  return () => editor.dispose(host);
}
