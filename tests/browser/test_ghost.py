"""What the ghost of a drag says before the drop is what the page says after it: 200 drags with the mouse."""

from __future__ import annotations

import json
import random
import re
from typing import Any

from explorer import presets
from explorer.blocks import KINDS
from explorer.ui.preview import order_after
from explorer.ui.words import compact
from tests.browser.screen import Screen

DRAGS = 200
MOST_CARDS = 12
KEPT = 5  # drags before another stack takes the place of the one on screen

Reading = dict[str, Any]

FITTING: list[list[Reading]] = [
    [block.model_dump(mode="json", exclude_defaults=True) | {"kind": block.kind} for block in presets.load(name).blocks]
    for name in ("digits_resnet20", "article", "cifar_resnet20_plain")
]
STRICT = {"kind": "basic", "channels": 24, "shortcut": "identity"}
UNEVEN = {"kind": "inception", "branches": "1x1:16 | 3x3:16/2"}  # branches that end at different sizes
STACKS = [*FITTING, [*FITTING[0][:2], STRICT, *FITTING[0][2:]], [*FITTING[0][:1], UNEVEN, *FITTING[0][1:]]]

TOTALS = """() => [...document.querySelectorAll(".xp-totals .xp-figure")].map((figure) => ({
  number: figure.querySelector(":scope > .num").textContent,
  exact: figure.querySelector(":scope > .num").title,
  change: figure.querySelector(".xp-change").textContent,
  note: figure.querySelector("small > span:last-child").textContent,
  parts: [...figure.querySelectorAll(".xp-parts b")].map((part) => part.textContent),
})).concat({upto: document.querySelector(".xp-totals .xp-upto").textContent})"""

# The page at rest: of each card what it costs and gives, the first error, the totals.
PAGE = f"""() => ({{
  input: document.querySelector(".xp-input").textContent,
  cards: [...document.querySelectorAll(".xp-card")].map((card) => ({{
    kind: card.dataset.kind,
    words: card.querySelector(".xp-what").textContent,
    status: ["ok", "error", "waiting"].find((status) => card.classList.contains(`s-${{status}}`)),
    exact: card.querySelector(".xp-numbers").title,
    costs: card.querySelector(".xp-numbers").textContent,
    output: card.parentElement.querySelector(":scope > .xp-chip .num").textContent,
    head: card.querySelector(".xp-why b")?.textContent ?? "",
  }})),
  current: [...document.querySelectorAll(".xp-card")].findIndex((card) => card.ariaCurrent === "true"),
  chosen: [...document.querySelectorAll(".xp-card")].flatMap((card, at) => (card.matches(".selected") ? [at] : [])),
  totals: ({TOTALS})(),
}})"""

# The ghost: null until the page knows what a drop here would give.
GHOST = f"""() => {{
  const gap = document.querySelector(".xp-gap:not(.s-asking)");
  if (!gap || !document.querySelector(".xp-totals[data-foreseen]")) return null;
  const text = (part) => gap.querySelector(part).textContent;
  const finger = document.querySelector(".xp-ghost");
  return {{
    slot: Number(gap.dataset.slot), shapes: text(".xp-shapes"), costs: text(".xp-numbers"), head: text(".xp-gapwhy"),
    wrong: [gap.classList.contains("s-error"), finger.hasAttribute("data-wrong")],
    total: finger.querySelector(":scope > .num").textContent,
    totals: ({TOTALS})(),
  }};
}}"""

# Where the mouse takes hold of something, once that is in sight.
HOLD = """(element) => {
  element.scrollIntoView({block: "nearest"});
  const box = element.getBoundingClientRect();
  return [box.left + Math.min(70, box.width / 2), box.top + Math.min(26, box.height / 2)];
}"""

# Of each slot in sight the point of the screen that belongs to it, as the stack stands while something is dragged.
SLOTS = """() => {
  const stack = document.querySelector(".xp-stack").getBoundingClientRect();
  const boxes = [...document.querySelectorAll(".xp-card")].map((card) => card.getBoundingClientRect());
  const ys = boxes.map((box) => box.top + 6).concat(boxes.length ? boxes.at(-1).bottom + 8 : stack.top + 60);
  return ys.filter((y) => y > stack.top + 8 && y < stack.bottom - 40).map((y) => [stack.left + 220, y]);
}"""


def differences(ghost: Reading, before: Reading, after: Reading, at: int, count: int = 1) -> list[str]:
    """In what the page after the drop, with the dragged cards from `at` on, is not what the ghost said."""
    cards = after["cards"][at : at + count]
    source = after["cards"][at - 1]["output"] if at else after["input"]
    first, fits = cards[0]["status"] == "ok", all(card["status"] == "ok" for card in cards)
    head = next((each["head"] for each in after["cards"] if each["status"] == "error"), "")
    pairs: list[tuple[str, Any, Any]] = [
        ("shapes", ghost["shapes"], f"{source if first else '…'} → {cards[-1]['output']}"),
        ("costs", ghost["costs"], together(cards) if fits else ""),
        ("head", ghost["head"], head),
        ("wrong", ghost["wrong"], [bool(head)] * 2),
        ("total", ghost["total"], f"{after['totals'][0]['number']} parameters"),
    ]
    # where nothing was changed, the page still says what the change before that was
    left_out = "change" if before["cards"] == after["cards"] else ""
    for place, (one, other) in enumerate(zip(ghost["totals"], after["totals"], strict=True)):
        pairs += [(f"total {place} {name}", one[name], other[name]) for name in one if name != left_out]
    return [f"{name}: the ghost said {one!r}, the page says {other!r}" for name, one, other in pairs if one != other]


def together(cards: list[Reading]) -> str:
    """What these cards cost, `42.0 k · 2.65 M`, by the exact numbers that stand in their tooltips."""
    exact = [re.findall(r"([\d,]+) (?:parameters|MACs)", card["exact"]) for card in cards]
    params, macs = (sum(int(each[at].replace(",", "")) for each in exact) for at in (0, 1))
    return f"{compact(params)} · {compact(macs)}"


class Mouse:
    """A hand that drags at random, and reads the page before and after each drop."""

    def __init__(self, screen: Screen, seed: int) -> None:
        self.screen, self.page, self.random = screen, screen.page, random.Random(seed)
        self.page.emulate_media(reduced_motion="reduce")
        # near an edge the stack scrolls under the mouse: what counts is the ghost that the drop itself saw
        self.page.evaluate(f"() => addEventListener('pointerup', () => {{ window.ghost = ({GHOST})(); }}, true)")

    def read(self) -> Reading:
        self.screen.settled()
        found: Reading = self.page.evaluate(PAGE)
        return found

    def restart(self, blocks: list[Reading]) -> None:
        """Puts these blocks in the place of the whole stack."""
        if self.screen.cards.count():
            self.screen.cards.first.focus()
            self.page.keyboard.press("Control+a")
            self.page.keyboard.press("Delete")
        self.screen.paste(json.dumps({"blocks": blocks}))
        self.screen.settled()
        assert self.screen.cards.count() == len(blocks), self.page.locator(".xp-toast").inner_text()

    def drag(self, what: str) -> tuple[Reading, Reading, Reading, int, int]:
        """A drag of a kind, of a card or of several: the ghost, the page before and after, which cards it is now."""
        page, mouse = self.page, self.page.mouse
        cards = page.locator(".xp-card").all()
        if what == "several":
            first, other = self.random.sample(range(len(cards)), 2)
            cards[first].locator(".xp-set").click()
            cards[other].locator(".xp-set").click(modifiers=["Control"])
            source = cards[first]
        elif what == "card":
            source = self.random.choice(cards)
        else:
            source = self.screen.palette(what)
        before = self.read()
        x, y = source.evaluate(HOLD)
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + 6, y + 4)
        mouse.move(x + 12, y + 6)
        mouse.move(*self.random.choice(page.evaluate(SLOTS)))
        page.wait_for_function(GHOST)
        lifted = page.evaluate(PAGE)["chosen"]
        mouse.up()
        ghost: Reading = page.evaluate("window.ghost")
        after = self.read()
        if what in KINDS:
            return ghost, before, after, after["current"], 1
        order = order_after(len(cards), lifted, ghost["slot"])
        return ghost, before, after, order.index(lifted[0]), len(lifted)


def test_the_ghost_says_before_each_of_200_drops_what_the_page_says_after_it(screen: Screen) -> None:
    hand = Mouse(screen, seed=3)
    dragged: list[str] = []
    wrong = broken = moved = 0
    for number in range(DRAGS):
        cards = screen.cards.count()
        if number % KEPT == 0 or cards > MOST_CARDS or cards < 2:
            hand.restart(STACKS[number // KEPT % len(STACKS)])
        what = hand.random.choice([*KINDS, *["card"] * 7, *["several"] * 4])
        ghost, before, after, at, count = hand.drag(what)
        found = differences(ghost, before, after, at, count)
        assert not found, (number, what, ghost["slot"], found, before, after)
        assert len(after["cards"]) == len(before["cards"]) + (what in KINDS)
        dragged.append(what)
        wrong += bool(ghost["head"])
        broken += any(card["status"] == "error" for card in before["cards"])
        moved += before["cards"] != after["cards"]
    assert set(dragged) == {*KINDS, "card", "several"}
    assert DRAGS / 5 <= wrong <= DRAGS * 4 / 5
    assert DRAGS / 5 <= broken <= DRAGS * 4 / 5  # stacks that did not fit before the drag either
    assert moved >= DRAGS / 2


def test_a_ghost_that_said_anything_else_would_be_noticed(screen: Screen) -> None:
    ghost, before, after, at, _ = Mouse(screen, seed=1).drag("bottleneck")
    assert not differences(ghost, before, after, at)
    for name in ("shapes", "costs", "head", "total"):
        assert len(differences({**ghost, name: ghost[name] + "1"}, before, after, at)) == 1
    assert differences({**ghost, "wrong": [True, False]}, before, after, at)
    for place, figure in enumerate(ghost["totals"]):
        for name in figure:
            totals = [dict(each) for each in ghost["totals"]]
            totals[place][name] = "another"
            assert len(differences({**ghost, "totals": totals}, before, after, at)) == 1
    assert differences(ghost, before, after, at - 1)
