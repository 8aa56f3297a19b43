// What a message will do, drawn before Python answers. Python's answer is the truth: messages it has not yet seen are
// foreseen again on top of each answer, so quick edits never jump back. Costs of a foreseen card wait for the answer.

import type { Card, Json, Kind, Message, Role, State } from "./types";

export const NETWORK = -1;
const RANK: { [role in Role]: number } = { stem: 0, body: 1, head: 2 };

// The nearest place where a role may stand.
export function placeOf(cards: readonly Card[], role: Role, at: number): number {
  const stems = cards.filter((card) => card.role === "stem").length;
  const bodies = cards.filter((card) => RANK[card.role] < RANK.head).length;
  if (role === "stem") return 0;
  if (role === "head") return cards.length;
  return Math.max(stems, Math.min(at, bodies));
}

// The order in which the cards stand once those at `moving` stand together before old card `slot`.
export function orderAfter(count: number, moving: readonly number[], slot: number): number[] {
  const rest = (from: number, to: number): number[] =>
    Array.from({ length: to - from }, (_, index) => from + index).filter((index) => !moving.includes(index));
  return [...rest(0, slot), ...moving, ...rest(slot, count)];
}

function made(kind: Kind | undefined, id: string): Card | null {
  if (!kind) return null;
  return {
    id, kind: kind.kind, title: kind.short, label: "", kindTitle: kind.title, family: kind.family, role: kind.role,
    settings: "", status: "waiting", repeat: kind.repeats ? 1 : null, input: "…", output: "…", block: { kind: kind.kind },
    drawing: kind.drawing,
  };
}

function with_(card: Card, fields: Json): Card {
  const next = { ...card, block: { ...card.block, ...fields } };
  if (typeof fields.repeat === "number") next.repeat = fields.repeat;
  if (typeof fields.label === "string") {
    next.label = fields.label;
    next.title = fields.label || card.kindTitle;
  }
  return next;
}

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index);

export function foresee({ cards, selected, chosen }: State, message: Message, id: string, palette: readonly Kind[]): State {
  const next = [...cards];
  const op = message.op;
  const at = message.at as number;
  const card = next[at];
  const name = (number: number): string => (number ? `${id}.${number}` : id);
  const kindOf = (block: Json): Kind | undefined => palette.find((entry) => entry.kind === block.kind);
  const alone = (index: number): State => ({ cards: next, selected: index, chosen: index < 0 ? [] : [index] });
  switch (op) {
    case "select":
      return { cards: next, selected: at, chosen: at < 0 ? [] : ((message.chosen as number[] | undefined) ?? [at]) };
    case "add": {
      const fresh = made(palette.find((entry) => entry.kind === message.kind), id);
      if (!fresh) break;
      const to = placeOf(next, fresh.role, at);
      next.splice(to, 0, fresh);
      return alone(to);
    }
    case "paste": {
      const blocks = message.blocks as Json[];
      const fresh = blocks.map((block, number) => {
        const card = made(kindOf(block), name(number));
        return card && with_(card, block);
      }).filter((card) => card !== null);
      if (fresh.length !== blocks.length) break;
      next.splice(at, 0, ...fresh);
      return { cards: next, selected: at + fresh.length - 1, chosen: range(at, fresh.length) };
    }
    case "move":
      if (!card) break;
      next.splice(at, 1);
      next.splice(message.to as number, 0, card);
      return alone(message.to as number);
    case "duplicate":
      if (!card) break;
      next.splice(at + 1, 0, { ...card, id });
      return alone(at + 1);
    case "remove":
      if (!card) break;
      next.splice(at, 1);
      return alone(chosen.includes(at) || selected === at ? Math.min(at, next.length - 1) : selected - (at < selected ? 1 : 0));
    case "arrange":
      return arranged({ cards, selected, chosen }, message.order as number[], name);
    case "group": {
      for (const edit of message.edits as { at: number; fields: Json }[]) {
        const changed = next[edit.at];
        if (changed) next[edit.at] = with_(changed, edit.fields);
      }
      return { cards: next, selected, chosen };
    }
    case "set":
      if (card) next[at] = with_(card, message.fields as Json);
      return selected < 0 || chosen.includes(at) ? { cards: next, selected: selected < 0 ? selected : at, chosen } : alone(at);
  }
  return { cards: next, selected, chosen };
}

function arranged({ cards, selected, chosen }: State, order: readonly number[], name: (number: number) => string): State {
  const seen = new Set<number>();
  const fresh: number[] = [];
  const next = order.map((index, place) => {
    const card = cards[index] as Card;
    if (!seen.has(index)) {
      seen.add(index);
      return card;
    }
    fresh.push(place);
    return { ...card, id: name(fresh.length - 1) };
  });
  if (fresh.length) return { cards: next, selected: fresh.at(-1) as number, chosen: fresh };
  const kept = chosen.filter((index) => seen.has(index)).map((index) => order.indexOf(index)).sort((a, b) => a - b);
  if (kept.length) return { cards: next, selected: seen.has(selected) ? order.indexOf(selected) : (kept[0] as number), chosen: kept };
  const nearest = Math.min(chosen[0] ?? selected, next.length - 1);
  return { cards: next, selected: nearest, chosen: nearest < 0 ? [] : [nearest] };
}
