// Dragging: from the palette, of one card, of several. Pointer and touch come from dnd-kit; the keyboard moves slot by
// slot. What a drop would give is asked of Python once, for all slots, when the drag starts, and shown before the drop.

import { AutoScroller, Cursor, Draggable, DragDropManager, PointerActivationConstraints, PointerSensor, PreventSelection } from "@dnd-kit/dom";
import { el, narrow, picture, say, set } from "./dom";
import type { Editor } from "./editor";
import { orderAfter, placeOf } from "./foresee";
import type { Data, Kind, Slot } from "./types";

type What = { kind: Kind } | { card: string };
type Moving = { kind: Kind; cards?: undefined } | { cards: number[]; kind?: undefined };

const { Delay, Distance } = PointerActivationConstraints;

export class Drag {
  active = false;
  private moving: Moving | null = null;
  private asked = -1; // the number of our question
  private slots: Slot[] | null = null;
  private slot: number | null = null; // where a drop would put it now; null: nowhere
  private middles: number[] = [];
  private byKeys = false;
  private released = false; // a move that is told after the finger was lifted no longer changes where it falls
  private stepped = false; // by a key, since it was lifted
  private swallowing = false;
  private readonly gap: Gap;
  private readonly ghost = new Ghost();
  private readonly manager: DragDropManager;
  private readonly draggables = new Map<Element, Draggable>();

  constructor(private readonly editor: Editor) {
    this.gap = new Gap();
    this.manager = new DragDropManager({
      plugins: [AutoScroller, Cursor, PreventSelection],
      sensors: [PointerSensor.configure({
        activationConstraints: (event) => {
          const grip = event.target instanceof Element && event.target.closest(".xp-grip");
          if (event.pointerType === "touch" && !grip) return [new Delay({ value: 250, tolerance: 8 })];
          return [new Distance({ value: 4 })];
        },
      })],
    });
    const { monitor } = this.manager;
    monitor.addEventListener("dragstart", (event) => {
      const { source, position } = event.operation;
      if (source) this.start(source.data as What, position.current);
    });
    monitor.addEventListener("dragmove", (event) => this.follow(event.to ?? event.operation.position.current));
    monitor.addEventListener("dragend", (event) => this.end(!event.canceled));
    addEventListener("pointerup", this.release, true);
  }

  private readonly release = (): void => {
    this.released = true;
  };

  source(element: HTMLElement, what: What): void {
    const id = "kind" in what ? `kind ${what.kind.kind}` : `card ${what.card}`;
    this.draggables.get(element)?.destroy();
    this.draggables.set(element, new Draggable({ id, element, data: what }, this.manager));
  }

  forget(element: HTMLElement): void {
    this.draggables.get(element)?.destroy();
    this.draggables.delete(element);
  }

  // Whether a click is only the end of a drag.
  swallowed(): boolean {
    return this.swallowing;
  }

  private start(what: What, at: { x: number; y: number }): void {
    const { editor } = this;
    if (this.active) this.finish();
    if ("kind" in what) this.moving = { kind: what.kind };
    else {
      const index = editor.state.cards.findIndex((card) => card.id === what.card);
      if (index < 0) return;
      if (!editor.state.chosen.includes(index)) editor.select(index);
      this.moving = { cards: editor.state.chosen.includes(index) ? [...editor.state.chosen] : [index] };
    }
    this.byKeys = this.released = false;
    this.begin();
    this.ghost.show(this.words(), this.moving.kind ? picture(this.moving.kind.drawing) : null);
    if (narrow() && this.moving.kind) editor.pane("stack");
    this.follow(at);
  }

  // Asks what each slot would give.
  private begin(): void {
    const { editor, moving } = this;
    if (!moving) return;
    this.active = true;
    this.slots = null;
    this.slot = null;
    editor.stack.lift(moving.cards ?? []);
    this.middles = editor.stack.middles();
    set(document.documentElement, "data-xp-dragging", "");
    this.asked = editor.post(moving.kind ? { op: "preview", kind: moving.kind.kind } : { op: "preview", cards: moving.cards });
  }

  // Python's answer to the question.
  answer(preview: Data["preview"]): void {
    if (!this.active || !preview || preview.client !== this.editor.client || preview.number !== this.asked) return;
    if (this.slots) return;
    this.slots = preview.slots;
    this.show();
  }

  private words(): string {
    const { moving } = this;
    if (!moving) return "";
    if (moving.kind) return moving.kind.short;
    const [first] = moving.cards;
    return moving.cards.length > 1 ? `${moving.cards.length} cards` : (this.editor.state.cards[first as number]?.title ?? "");
  }

  private follow({ x, y }: { x: number; y: number }): void {
    if (!this.active || this.byKeys || this.released) return;
    this.ghost.move(x, y);
    this.to(this.editor.stack.holds(x, y) ? this.slotAt(y) : null);
  }

  // Cards behind the gap stand lower than at the start.
  private slotAt(y: number): number {
    const inside = y - this.editor.stack.top();
    const opened = this.gap.root.isConnected ? this.gap.root.offsetHeight : 0;
    const from = this.slot === null ? Infinity : this.editor.stack.indexOfGap(this.gap.root);
    return this.middles.filter((middle, index) => inside > middle + (index >= from ? opened : 0)).length;
  }

  private to(slot: number | null): void {
    if (slot === this.slot) return;
    this.slot = slot;
    this.stepped = true;
    this.show();
  }

  // The gap, the ghost and the totals as they would be.
  private show(): void {
    const { editor, moving, slot } = this;
    if (!moving) return;
    if (slot === null) {
      this.gap.root.remove();
      this.ghost.say("", "");
      editor.foreseen(null);
      return;
    }
    const { cards } = editor.state;
    const found = this.slots?.find((each) => each.slot === slot) ?? null;
    const at = moving.kind ? placeOf(cards, moving.kind.role, slot) : slot;
    editor.stack.openGap(this.gap.root, at);
    const first = cards[moving.cards?.[0] ?? -1];
    const drawing = moving.kind ? moving.kind.drawing : first ? (editor.data.drawings[first.drawing] ?? "") : "";
    this.gap.draw(this.words(), moving.kind?.family ?? first?.family ?? "plain", drawing, found);
    this.ghost.say(found ? found.totals.params.number : "…", found ? found.totals.params.change : "", found?.status === "error" || !!found?.head);
    editor.foreseen(found);
    if (this.byKeys && this.stepped) { // before that, the keys that may be pressed are still being said
      this.gap.root.scrollIntoView({ block: "nearest" });
      const place = moving.cards ? orderAfter(cards.length, moving.cards, slot).indexOf(moving.cards[0] as number) : at;
      editor.announce(`${place + 1} of ${cards.length}. ${found ? found.head || `${found.totals.params.number} parameters.` : ""}`);
    }
  }

  private end(dropped: boolean): void {
    if (!this.active || this.byKeys) return;
    this.swallowing = true;
    setTimeout(() => (this.swallowing = false));
    this.drop(dropped);
  }

  private drop(dropped: boolean): void {
    const { editor, moving, slot } = this;
    this.finish();
    if (dropped && moving && slot !== null) {
      if (moving.kind) editor.add(moving.kind, slot);
      else {
        const before = editor.state.cards;
        editor.moveTo(moving.cards, slot);
        if (before !== editor.state.cards) return;
        editor.post({ op: "dismiss", what: "preview" });
      }
    } else editor.post({ op: "dismiss", what: "preview" });
  }

  private finish(): void {
    this.active = false;
    this.moving = null;
    this.gap.root.remove();
    this.ghost.hide();
    this.editor.stack.lift([]);
    this.editor.foreseen(null);
    set(document.documentElement, "data-xp-dragging", null);
  }

  // By the keyboard: Space lifts and drops, arrows move, Escape puts back.

  liftByKey(index: number): void {
    const { editor } = this;
    if (!editor.state.chosen.includes(index)) editor.select(index);
    this.moving = { cards: [...editor.state.chosen] };
    this.byKeys = true;
    this.stepped = false;
    const words = this.words();
    this.begin();
    this.slot = index;
    this.show();
    editor.announce(`${words} lifted, ${index + 1} of ${editor.state.cards.length}. Arrow keys move, Space drops, Escape puts back.`);
  }

  key(event: KeyboardEvent): boolean {
    if (!this.active || !this.byKeys || !this.moving?.cards) return false;
    const count = this.editor.state.cards.length;
    const { cards } = this.moving;
    const first = cards[0] as number, last = cards.at(-1) as number;
    const slot = this.slot ?? first;
    const inside = (to: number): boolean => to > first && to <= last + 1; // where it stands already
    if (event.key === "ArrowUp") this.to(Math.max(0, inside(slot) && slot - 1 > first ? first : slot - 1));
    else if (event.key === "ArrowDown") this.to(Math.min(count, slot >= first && slot <= last ? last + 2 : slot + 1));
    else if (event.key === "Home") this.to(0);
    else if (event.key === "End") this.to(count);
    else if (event.key === " " || event.key === "Enter") this.drop(true);
    else if (event.key === "Escape") {
      this.drop(false);
      this.editor.announce("Put back.");
    } else if (event.key === "Tab") this.drop(false);
    else return true;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  dispose(): void {
    if (this.active) this.finish();
    removeEventListener("pointerup", this.release, true);
    this.manager.destroy();
    this.ghost.root.remove();
  }
}

// Where the card would stand, with its shapes and costs there.
class Gap {
  private readonly drawing = el("span", { class: "xp-mini" });
  private drawn = "";
  private readonly title = el("b");
  private readonly shapes = el("span", { class: "xp-shapes num" });
  private readonly cost = el("span", { class: "xp-numbers num" });
  private readonly why = el("span", { class: "xp-gapwhy" });
  readonly root = el("li", { class: "xp-gap", "aria-hidden": "true" }, this.drawing, el("span", { class: "xp-gapwhat" }, this.title, this.shapes, this.why), this.cost);

  draw(title: string, family: string, drawing: string, slot: Slot | null): void {
    if (drawing !== this.drawn) this.drawing.replaceChildren(...((this.drawn = drawing) ? [picture(drawing)] : []));
    set(this.root, "class", `xp-gap f-${family}${slot?.head ? " s-error" : ""}${slot ? "" : " s-asking"}`);
    set(this.root, "data-slot", slot?.slot ?? null);
    say(this.title, title);
    say(this.shapes, slot ? `${slot.input} → ${slot.output}` : "");
    say(this.cost, slot?.status === "ok" ? `${slot.params} · ${slot.macs}` : "");
    say(this.why, slot?.head ?? "");
  }
}

// What follows the finger, with the network's total as it would be.
class Ghost {
  private readonly drawing = el("span", { class: "xp-mini" });
  private readonly title = el("b");
  private readonly total = el("span", { class: "num" });
  private readonly change = el("span", { class: "num xp-change" });
  readonly root = el("div", { class: "xp-ghost", popover: "manual", "aria-hidden": "true" }, this.drawing, this.title, this.total, this.change);

  show(title: string, drawing: Element | null): void {
    say(this.title, title);
    this.drawing.replaceChildren(...(drawing ? [drawing] : []));
    this.say("", "");
    if (!this.root.isConnected) document.querySelector(".xp")?.append(this.root);
    if (!this.root.matches(":popover-open")) this.root.showPopover();
  }

  move(x: number, y: number): void {
    const { offsetWidth, offsetHeight } = this.root; // above the finger, which hides what is under it
    this.root.style.transform = `translate(${Math.min(x + 14, innerWidth - offsetWidth - 6)}px, ${Math.max(4, y - offsetHeight - 14)}px)`;
  }

  say(total: string, change: string, wrong = false): void {
    say(this.total, total ? `${total} parameters` : "");
    say(this.change, change);
    set(this.change, "class", `num xp-change ${change.startsWith("+") ? "up" : change.startsWith("−") ? "down" : ""}`);
    set(this.root, "data-wrong", wrong ? "" : null);
  }

  hide(): void {
    if (this.root.matches(":popover-open")) this.root.hidePopover();
  }
}
