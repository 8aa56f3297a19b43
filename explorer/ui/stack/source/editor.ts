// The editor: what is drawn, what was sent and is not yet answered, what is chosen, and what each action says.

import { ActionsView } from "./actions";
import { Clipboard } from "./clipboard";
import { Drag } from "./drag";
import { el, narrow, say, segmented, set, typing } from "./dom";
import { foresee, NETWORK, orderAfter } from "./foresee";
import { GraphView } from "./graph";
import { palette, PaletteView } from "./palette";
import { StackView } from "./stack";
import { TableView } from "./table";
import { TotalsView } from "./totals";
import type { Card, Data, Edit, Json, Kind, Measure, Message, Shelf, Slot, State, View } from "./types";

export const MAX_REPEAT = 256;
const MEASURES: { [measure in Measure]: string } = { macs: "MACs", params: "Params", saved: "Memory", field: "Field", ms: "ms" };
const TITLES = {
  macs: "Multiply-accumulates per image", params: "Parameters", saved: "Memory that training keeps of the forward pass, for the batch",
  field: "Receptive field of the output, in pixels of the input", ms: "Milliseconds of forward and backward, measured on this machine",
};
const VIEWS: { [view in View]: string } = { stack: "Stack", table: "Table", graph: "Graph" };
const PANES = { palette: "Blocks", stack: "Stack", form: "Settings", dock: "Train" };
const ASKED_EVERY = 400; // milliseconds between questions how far a measurement is
// After so long without an answer what is unanswered is sent again, then after twice as long, and so on.
const SILENCE = 600, LONGEST_SILENCE = 10_000; // milliseconds
const PATIENCE = 2; // repeats, after which the whole page is asked to run

let shelf: Shelf | null = null; // the same for every editor of this page; it survives a change of page
let held: string | null = null; // the card that had the keyboard's focus when an editor was taken away

type Component = { data: Data; setStateValue: (name: string, value: unknown) => void; parentElement: HTMLElement };

export class Editor {
  // Python remembers by this name which of our messages it has dealt with.
  readonly client = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => (byte % 36).toString(36)).join("");
  readonly root: HTMLElement;
  readonly stack: StackView;
  readonly drag: Drag;
  data!: Data;
  state: State = { cards: [], selected: NETWORK, chosen: [] };
  measure: Measure = "macs";
  private seq = 0;
  private pending: Message[] = [];
  private send!: Component["setStateValue"];
  private session?: string;
  private static noticed?: string; // of all editors of this tab: a page that is come back to says nothing twice
  private downloaded?: number;
  private last = 0;
  private hiding = 0;
  private asking = 0;
  private silence = 0;
  private repeats = 0; // how often what is unanswered was sent again
  private readonly palette: PaletteView;
  private readonly table: TableView;
  private readonly graph: GraphView;
  private readonly totals: TotalsView;
  private readonly actions: ActionsView;
  private readonly clipboard: Clipboard;
  private readonly name = el("strong");
  private readonly flow = el("span", { class: "num" });
  private readonly measures = segmented<Measure>("What the cards show", MEASURES, (value) => this.show(value), TITLES);
  private readonly views = segmented<View>("View", VIEWS, (to) => this.post({ op: "view", to }));
  private readonly panes = segmented<keyof typeof PANES>("What is on screen", PANES, (value) => this.pane(value));
  private readonly toast = el("div", { class: "xp-toast", role: "status", popover: "manual" });
  private readonly voice = el("div", { class: "xp-voice", "aria-live": "polite", role: "log" });
  private readonly keys = (event: KeyboardEvent): void => this.key(event);

  constructor(host: HTMLElement) {
    this.stack = new StackView(this);
    this.table = new TableView(this);
    this.graph = new GraphView(this);
    this.palette = palette(this);
    this.totals = new TotalsView(this);
    this.actions = new ActionsView(this);
    this.clipboard = new Clipboard(this);
    this.drag = new Drag(this);
    const network = el("button", { type: "button", class: "xp-name", title: "Input, classes and batch; a double click renames", onclick: () => this.select(NETWORK) }, this.name, this.flow);
    network.addEventListener("dblclick", () => this.renameNetwork(network));
    this.root = el("div", { class: "xp", "data-pane": "stack" }, this.actions.root, this.palette.root,
      el("section", { class: "xp-center", "aria-label": "Stack" },
        el("div", { class: "xp-bar" }, network, el("span", { class: "xp-grow" }), this.measures.root, this.views.root),
        this.stack.root, this.table.root, this.graph.root),
      this.totals.root, el("nav", { class: "xp-panes", "aria-label": "Panes" }, this.panes.root), this.toast, this.voice);
    host.append(this.root);
    document.addEventListener("keydown", this.keys);
    this.pane("stack");
  }

  get shelf(): Shelf {
    return shelf as Shelf;
  }

  // The card whose form stands or stood last.
  get shownCard(): number {
    return this.last;
  }

  openGallery(): void {
    this.actions.gallery.open();
  }

  // The totals as a drop here would make them; null: as they are.
  foreseen(slot: Slot | null): void {
    this.totals.foresee(slot?.totals ?? null);
  }

  update({ data, setStateValue }: Component): void {
    this.data = data;
    this.send = setStateValue;
    if (data.shelf) shelf = data.shelf;
    const answered = data.acknowledged[this.client] ?? -1;
    const unanswered = this.pending.filter((message) => message.seq > answered);
    if (unanswered.length < this.pending.length) this.repeats = 0;
    this.pending = unanswered;
    clearTimeout(this.silence);
    if (!shelf) {
      if (!this.pending.some((message) => message.op === "shelf")) this.post({ op: "shelf" });
      return;
    }
    // A server that was started anew has not heard what was said to the old one.
    if (this.session !== undefined && this.session !== data.session && this.pending.length) this.repeatLater(150);
    else this.listen();
    this.session = data.session;
    this.draw();
    this.drag.answer(data.preview);
    this.actions.answer(data);
    this.ask();
    const noticed = data.notice ? `${data.notice.number} ${data.notice.text}` : undefined;
    if (data.notice && noticed !== Editor.noticed) {
      Editor.noticed = noticed;
      this.tell(data.notice.text, data.notice.kind);
    }
    if (data.download?.client === this.client && data.download.number !== this.downloaded) {
      this.downloaded = data.download.number;
      download(data.download);
    }
    if (held) {
      this.stack.takeFocus(held);
      held = null;
    }
  }

  draw(): void {
    const { data } = this;
    if (!shelf || !data) return;
    const { palette } = shelf;
    this.state = this.pending.reduce(
      (state, message) => foresee(state, message, `${this.client}.${message.seq}`, palette),
      { cards: data.cards, selected: data.selected, chosen: data.chosen },
    );
    const { selected, cards } = this.state;
    say(this.name, data.network.name);
    say(this.flow, data.network.flow);
    this.measures.draw(this.measure);
    this.views.draw(data.view);
    set(this.root, "data-view", data.view);
    this.palette.draw(shelf);
    this.stack.draw(this.state, data, this.measure);
    this.table.draw(data.table);
    this.graph.draw(data.view === "graph" ? data.picture : null);
    this.last = Math.max(0, Math.min(selected < 0 ? this.last : selected, cards.length - 1));
    this.totals.draw(data, this.state, this.last);
    this.actions.draw(data);
    set(this.root, "data-waiting", this.pending.length); // how many messages are not yet answered
  }

  // All that is unanswered goes along each time: nothing is lost when two messages fall into one run.
  post(message: Edit): number {
    this.seq += 1;
    this.pending.push({ ...message, seq: this.seq });
    this.sendPending();
    this.draw();
    return this.seq;
  }

  private sendPending(): void {
    const { session } = this.data;
    this.send("sent", { session, client: this.client, messages: this.pending, repeats: this.repeats });
    this.listen();
  }

  // Streamlit drops what a run has drawn when a run of another part begins before that is handed over. Python has then
  // dealt with the message, and only its answer is missing.
  private listen(): void {
    if (this.pending.length) this.repeatLater(Math.min(SILENCE * 2 ** this.repeats, LONGEST_SILENCE));
  }

  // Not before the network that this browser keeps is back: edits are edits of that.
  private repeatLater(wait: number): void {
    clearTimeout(this.silence);
    this.silence = window.setTimeout(() => {
      if (document.documentElement.dataset.restoring !== undefined) this.repeatLater(150);
      else if (this.pending.length) {
        this.repeats += 1;
        this.sendPending();
        if (this.repeats > PATIENCE) document.dispatchEvent(new CustomEvent("explorer:unanswered"));
      }
    }, wait);
  }

  private ask(): void {
    clearTimeout(this.asking);
    if (this.data.timing?.state !== "running") return;
    this.asking = window.setTimeout(() => this.post({ op: "measured" }), ASKED_EVERY);
  }

  // What the cards show. Milliseconds are measured when they are first asked for.
  show(measure: Measure): void {
    const { state, stale } = this.data.timing;
    const again = measure === "ms" && this.measure === "ms";
    this.measure = measure;
    if (measure === "ms" && state !== "running" && (again || state === "none" || stale)) this.post({ op: "measure" });
    else this.draw();
  }

  pane(value: keyof typeof PANES): void {
    this.panes.draw(value);
    set(this.root, "data-pane", value);
  }

  // Choosing

  select(at: number, chosen?: number[]): void {
    const wanted = at < 0 ? [] : (chosen ?? [at]);
    const same = at === this.state.selected && wanted.join() === this.state.chosen.join();
    if (!same) this.post(chosen ? { op: "select", at, chosen: wanted } : { op: "select", at });
  }

  // With Shift everything up to the card, with Ctrl one more or less.
  choose(at: number, { shift, control }: { shift: boolean; control: boolean }): void {
    const { selected, chosen } = this.state;
    if (shift && selected >= 0) {
      const [low, high] = [Math.min(at, this.stack.anchor ?? selected), Math.max(at, this.stack.anchor ?? selected)];
      return this.select(at, Array.from({ length: high - low + 1 }, (_, index) => low + index));
    }
    this.stack.anchor = at;
    if (!control) return this.select(at);
    const next = chosen.includes(at) ? chosen.filter((index) => index !== at) : [...chosen, at].sort((a, b) => a - b);
    if (next.length === 0) return this.select(at);
    return this.select(next.includes(at) ? at : (next.at(-1) as number), next);
  }

  // Actions on the cards given, or on the chosen ones

  private those(cards?: readonly number[]): number[] {
    return [...(cards ?? this.state.chosen)].filter((at) => this.state.cards[at]).sort((a, b) => a - b);
  }

  private named(cards: readonly number[]): string {
    const [first] = cards;
    return cards.length === 1 ? (this.state.cards[first as number]?.title ?? "card") : `${cards.length} cards`;
  }

  add(kind: Kind, at?: number): void {
    const { cards, selected } = this.state;
    this.post({ op: "add", kind: kind.kind, at: at ?? (selected < 0 ? cards.length : selected + 1) });
    this.announce(`${kind.short} added at ${this.state.selected + 1} of ${this.state.cards.length}.`);
    if (narrow()) this.pane("stack");
  }

  // Puts cards together before what stands at `slot` now.
  moveTo(cards: readonly number[], slot: number): void {
    const moving = this.those(cards);
    const order = orderAfter(this.state.cards.length, moving, slot);
    if (!moving.length || order.every((at, place) => at === place)) return;
    const words = this.named(moving);
    const [at] = moving as [number];
    if (moving.length === 1) this.post({ op: "move", at, to: order.indexOf(at) });
    else this.post({ op: "arrange", order });
    this.announce(`${words} moved to ${order.indexOf(at) + 1} of ${order.length}.`);
  }

  step(by: 1 | -1, cards?: readonly number[]): void {
    const moving = this.those(cards);
    const first = moving[0], last = moving.at(-1);
    if (first === undefined || last === undefined) return;
    if (by < 0 && first > 0) this.moveTo(moving, first - 1);
    if (by > 0 && last < this.state.cards.length - 1) this.moveTo(moving, last + 2);
  }

  duplicate(cards?: readonly number[]): void {
    const those = this.those(cards);
    const [at] = those;
    if (at === undefined) return;
    const words = this.named(those);
    if (those.length === 1) this.post({ op: "duplicate", at });
    else {
      const after = those.at(-1) as number;
      const order = this.state.cards.map((_, index) => index);
      order.splice(after + 1, 0, ...those);
      this.post({ op: "arrange", order });
    }
    this.announce(`${words} duplicated.`);
  }

  remove(cards?: readonly number[]): void {
    const those = this.those(cards);
    const [at] = those;
    if (at === undefined) return;
    const words = this.named(those);
    if (those.length === 1) this.post({ op: "remove", at });
    else this.post({ op: "arrange", order: this.state.cards.map((_, index) => index).filter((index) => !those.includes(index)) });
    this.announce(`${words} removed. ${this.state.cards.length} left. Undo brings it back.`);
  }

  repeat(by: number, cards?: readonly number[]): void {
    const those = this.those(cards).filter((at) => this.state.cards[at]?.repeat !== null);
    const edits = those.flatMap((at) => {
      const times = (this.state.cards[at]?.repeat ?? 0) + by;
      return times >= 1 && times <= MAX_REPEAT ? [{ op: "set", at, fields: { repeat: times } }] : [];
    });
    const [only] = edits;
    if (!only) return;
    this.post(edits.length === 1 ? only : { op: "group", edits });
    this.announce(edits.length === 1 ? `${this.named([only.at])} times ${only.fields.repeat}.` : `One copy ${by > 0 ? "more" : "less"} of ${edits.length} cards.`);
  }

  setFields(at: number, fields: Json): void {
    this.post({ op: "set", at, fields });
  }

  paste(blocks: Json[]): void {
    const { selected, cards, chosen } = this.state;
    const at = selected < 0 ? cards.length : Math.max(...chosen, selected) + 1;
    this.post({ op: "paste", at, blocks });
    this.announce(`${blocks.length} ${blocks.length === 1 ? "card" : "cards"} pasted.`);
  }

  copy(): void {
    this.clipboard.copyByButton();
  }

  open(card: Card): void {
    const ids = this.state.cards.filter((each) => each.open).map((each) => each.id);
    const next = ids.includes(card.id) ? ids.filter((id) => id !== card.id) : [...ids, card.id];
    this.post({ op: "inside", cards: next });
  }

  private renameNetwork(button: HTMLElement): void {
    const input = el("input", { class: "xp-rename", maxlength: 80, "aria-label": "The network's name" });
    input.value = this.data.network.name;
    button.replaceWith(input);
    input.select();
    input.focus();
    let open = true; // taking the field away makes it lose the focus, which would end it once more
    const done = (keep: boolean): void => {
      if (!open) return;
      open = false;
      const name = input.value.trim();
      input.replaceWith(button);
      if (keep && name !== this.data.network.name) this.post({ op: "name", name });
    };
    input.addEventListener("blur", () => done(true));
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") done(true);
      if (event.key === "Escape") done(false);
    });
  }

  private key(event: KeyboardEvent): void {
    const control = (event.ctrlKey || event.metaKey) && !event.altKey;
    if (!control || typing(event.target)) return;
    const key = event.key.toLowerCase();
    if (key === "a" && this.stack.root.checkVisibility() && !document.querySelector("dialog[open], .xp-menu:popover-open")) {
      event.preventDefault(); // or all text of the page would be marked
      const all = this.state.cards.map((_, at) => at);
      if (all.length) this.select(all.length - 1, all);
      return;
    }
    const back = key === "z" && !event.shiftKey;
    const forth = (key === "z" && event.shiftKey) || (key === "y" && event.ctrlKey);
    if (!back && !forth) return;
    event.preventDefault();
    this.undo(back ? "undo" : "redo");
  }

  undo(op: "undo" | "redo"): void {
    if (this.pending.length || this.data[op]) this.post({ op });
  }

  // A screen reader says it; nothing is seen.
  announce(text: string): void {
    this.voice.replaceChildren(el("p", {}, text));
  }

  tell(text: string, kind: "info" | "error" = "info"): void {
    clearTimeout(this.hiding);
    say(this.toast, text);
    set(this.toast, "class", `xp-toast ${kind}`);
    if (this.toast.matches(":popover-open")) this.toast.hidePopover(); // on top again, of a dialog too
    this.toast.showPopover();
    this.hiding = window.setTimeout(() => this.toast.hidePopover(), kind === "error" ? 9000 : 3500);
  }

  dispose(): void {
    held = this.stack.focusedCard();
    document.removeEventListener("keydown", this.keys);
    clearTimeout(this.asking);
    clearTimeout(this.silence);
    this.clipboard.dispose();
    this.stack.dispose();
    this.drag.dispose();
    this.root.remove();
  }
}

function download({ name, type, text }: NonNullable<Data["download"]>): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export type { Component };
