// What a message will do, drawn before Python answers. Python's answer is the truth: messages it has not yet seen are
// foreseen again on top of each answer, so quick edits never jump back. Costs of a foreseen card wait for the answer.

const RANK = { stem: 0, body: 1, head: 2 };

// The nearest place where a role may stand.
function place(cards, role, at) {
  const before = cards.filter((card) => RANK[card.role] < RANK[role]).length;
  const after = cards.filter((card) => RANK[card.role] <= RANK[role]).length;
  if (role === "stem") return 0;
  if (role === "head") return cards.length;
  return Math.max(before, Math.min(at, after));
}

function foresee({ cards, selected }, message, id) {
  const next = [...cards];
  const { op, at } = message;
  const card = next[at];
  switch (op) {
    case "select":
      return { cards: next, selected: at };
    case "add": {
      const made = SHELF.palette.find((entry) => entry.kind === message.kind);
      const to = place(next, made.role, at);
      next.splice(to, 0, { ...made, id, settings: "", status: "waiting", params: "", macs: "", shares: {}, output: "…", repeat: made.repeats ? 1 : null });
      return { cards: next, selected: to };
    }
    case "move":
      if (!card) break;
      next.splice(at, 1);
      next.splice(message.to, 0, card);
      return { cards: next, selected: message.to };
    case "duplicate":
      if (!card) break;
      next.splice(at + 1, 0, { ...card, id });
      return { cards: next, selected: at + 1 };
    case "remove":
      if (!card) break;
      next.splice(at, 1);
      return { cards: next, selected: at === selected ? Math.min(at, next.length - 1) : selected - (at < selected ? 1 : 0) };
    case "set":
      if (card && message.fields.repeat) next[at] = { ...card, repeat: message.fields.repeat };
      return { cards: next, selected: selected < 0 ? selected : at };
  }
  return { cards: next, selected };
}
