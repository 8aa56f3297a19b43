"""A monkey makes 500 edits in the browser; after each, the page, the server and a fresh count say the same."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from explorer import Network, analyze
from explorer.blocks import KINDS
from explorer.shape import show
from explorer.ui.desk import Desk, new_session, sentence
from explorer.ui.preview import order_after
from explorer.ui.totals import totals
from explorer.ui.view import view
from explorer.ui.words import compact
from tests.browser.screen import SOON, Screen

EDITS = 500
MOST_CARDS = 11

Reading = dict[str, Any]

# What the page says; its link is the token that Python gave it.
PAGE = """async () => {
  let link = "";
  const write = navigator.clipboard.writeText;
  navigator.clipboard.writeText = async (text) => { link = text; };
  [...document.querySelectorAll(".xp-actions button")].find((one) => one.textContent === "Copy link").click();
  navigator.clipboard.writeText = write;
  const buttons = (name) => !document.querySelector(`.xp-actions button[aria-label="${name}"]`).disabled;
  const cards = [...document.querySelectorAll(".xp-card")];
  const figures = [...document.querySelectorAll(".xp-totals .xp-figure")];
  return {
    token: new URL(link).searchParams.get("net"),
    name: document.querySelector(".xp-name strong").textContent,
    flow: document.querySelector(".xp-name .num").textContent,
    undo: buttons("Undo"), redo: buttons("Redo"),
    selected: cards.findIndex((card) => card.ariaCurrent === "true"),
    chosen: cards.flatMap((card, at) => (card.matches(".selected") ? [at] : [])),
    cards: cards.map((card) => ({
      kind: card.dataset.kind,
      title: card.querySelector(".xp-what b").textContent,
      settings: card.querySelector(".xp-set").textContent,
      times: card.querySelector(":scope > .xp-step").hidden ? null : card.querySelector(".xp-times").textContent,
      status: ["ok", "error", "waiting"].find((status) => card.classList.contains(`s-${status}`)),
      costs: card.querySelector(".xp-numbers").textContent,
      exact: card.querySelector(".xp-numbers").title,
      output: card.parentElement.querySelector(":scope > .xp-chip .num").textContent,
      head: card.querySelector(".xp-why b")?.textContent ?? "",
      ways: [...card.querySelectorAll(".xp-fix")].map((way) => way.textContent),
    })),
    totals: figures.map((figure) => ({
      number: figure.querySelector(":scope > .num").textContent,
      exact: figure.querySelector(":scope > .num").title,
      change: figure.querySelector(".xp-change").textContent,
      note: figure.querySelector("small > span:last-child").textContent,
    })),
    parts: [...document.querySelectorAll(".xp-parts b")].map((part) => part.textContent),
    upto: document.querySelector(".xp-totals .xp-upto").textContent,
  };
}"""

# The point of a card, or of the gap before the card that stands at `at`, once it is in sight.
POINT = """([at, gap]) => {
  const cards = [...document.querySelectorAll(".xp-card")];
  const card = cards[Math.min(at, cards.length - 1)];
  if (!gap) card.scrollIntoView({block: "center"}); // far from edges that move while a step is measured
  const box = card.getBoundingClientRect();
  return gap ? [box.left + 220, at < cards.length ? box.top + 6 : box.bottom + 8] : [box.left + 70, box.top + 14];
}"""

# Slots that are in sight while something is dragged.
SLOTS = """() => {
  const stack = document.querySelector(".xp-stack").getBoundingClientRect();
  const boxes = [...document.querySelectorAll(".xp-card")].map((card) => card.getBoundingClientRect());
  const ys = boxes.map((box) => box.top + 6).concat(boxes.at(-1).bottom + 8);
  return ys.flatMap((y, slot) => (y > stack.top + 8 && y < stack.bottom - 40 ? [slot] : []));
}"""

KEPT = 'JSON.parse(sessionStorage.getItem("explorer.kept"))'

# Near an edge the stack scrolls under the mouse: only the drag itself says which card it took and where it was let go.
NOTE_DRAGS = """() => {
  const cards = () => [...document.querySelectorAll(".xp-card")];
  addEventListener("pointerdown", ({target}) => { window.tookAt = cards().indexOf(target.closest(".xp-card")); }, true);
  addEventListener("pointerup", () => { window.droppedAt = document.querySelector(".xp-gap")?.dataset.slot; }, true);
}"""

SOUND: list[Reading] = [
    {"kind": "basic", "channels": 32},
    {"kind": "bottleneck", "channels": 64, "mid": 16, "label": "Pasted"},
    {"kind": "inception", "branches": "1x1:16 | 1x1:8 > 3x3:16"},
    {"kind": "conv", "channels": 24, "repeat": 2},
]
BROKEN: list[Reading] = [
    {"kind": "basic", "channels": 48, "shortcut": "identity"},
    {"kind": "basic", "channels": 24, "stride": 2, "shortcut": "identity"},
    {"kind": "inception", "branches": "1x1:16 | 3x3:16/2"},
    {"kind": "conv", "channels": 16, "kernel": 7, "stride": 2, "padding": "valid"},
]
SMALL = ("digits_resnet20", "digits_resnet56", "cifar_resnet20_plain", "cifar_resnet32_b", "article")


def expected(desk: Desk) -> Reading:
    """What the page must say of this desk."""
    data = view(desk)
    figures = [data["totals"][name] for name in ("params", "macs", "memory", "field")]
    return {
        "token": data["token"],
        "name": data["network"]["name"],
        "flow": data["network"]["flow"],
        "undo": data["undo"],
        "redo": data["redo"],
        "selected": data["selected"],
        "chosen": data["chosen"],
        "cards": [_card(card) for card in data["cards"]],
        "totals": [{name: figure[name] for name in ("number", "exact", "change", "note")} for figure in figures],
        "parts": [part["size"] for part in data["totals"]["memory"]["parts"]],
        "upto": data["totals"]["upto"],
    }


def _card(card: Reading) -> Reading:
    ok, error = card["status"] == "ok", card["error"]
    settings = " · ".join(filter(None, [card["kindTitle"] if card["label"] else "", card["settings"]]))
    waits = card["status"] == "waiting" and card["settings"]
    return {
        "kind": card["kind"],
        "title": card["title"],
        "settings": f"{settings} · waits for the block above" if waits else settings,
        "times": None if card["repeat"] is None else f"×{card['repeat']}",
        "status": card["status"],
        "costs": f"{card['params']} · {card['macs']}" if ok else "not counted" if error else "—",
        "exact": card["exact"] if ok else "",
        "output": card["output"],
        "head": error["head"] if error else "",
        "ways": [way["label"] + way["price"] for way in error["ways"]] if error else [],
    }


def counted(token: str, before: str | None) -> Reading:
    """The numbers of a link's network and its changes, from a fresh reading of its JSON."""

    def fresh(text: str) -> Any:
        return analyze(Network.from_json(Network.from_token(text).to_json()), batch=64, partial=True)

    report = fresh(token)
    error = report.error
    found = totals(report, fresh(before) if before else None, "sgd")
    return {
        "outputs": [show(card.output_shape) if card.status == "ok" else "…" for card in report.cards],
        "costs": [
            f"{compact(card.params)} · {compact(card.macs)}" if card.status == "ok" else None for card in report.cards
        ],
        "heads": [sentence(ValueError(error.reason))] if error else [],
        "totals": [(found[name]["number"], found[name]["exact"], found[name]["change"]) for name in _QUANTITIES],
    }


_QUANTITIES = ("params", "macs", "memory", "field")


def said(page: Reading) -> Reading:
    """The same numbers as the page has them."""
    return {
        "outputs": [card["output"] for card in page["cards"]],
        "costs": [card["costs"] if card["status"] == "ok" else None for card in page["cards"]],
        "heads": [card["head"] for card in page["cards"] if card["head"]],
        "totals": [(figure["number"], figure["exact"], figure["change"]) for figure in page["totals"]],
    }


class Monkey:
    """Makes an edit with the mouse or keys, and the same one on a desk of its own."""

    def __init__(self, screen: Screen, seed: int) -> None:
        self.screen, self.page, self.random = screen, screen.page, random.Random(seed)
        self.desk = Desk(new_session())
        self.made: Counter[str] = Counter()
        self.page.emulate_media(reduced_motion="reduce")
        self.page.evaluate(NOTE_DRAGS)
        self.keys = self.page.keyboard
        self.edits: dict[str, tuple[int, Callable[[], bool]]] = {  # with how often each is tried
            "add": (8, self.add),
            "drag": (9, self.drag),
            "remove": (8, self.remove),
            "duplicate": (7, self.duplicate),
            "repeat": (11, self.repeat),
            "paste": (10, self.paste),
            "field": (10, self.field),
            "chip": (12, self.chip),
            "repair": (26, self.repair),
            "undo": (12, self.undo),
            "several": (11, self.several),
            "rename": (7, self.rename),
            "jump": (8, self.jump),
        }

    @property
    def count(self) -> int:
        return len(self.desk.network.blocks)

    def any(self) -> int:
        return self.random.randrange(self.count)

    def act(self) -> str:
        """Makes one edit that can be made now; says of which type it was."""
        while True:
            self.screen.settled()  # what one try has changed stands before the next one looks where to press
            names = list(self.edits)
            name = self.random.choices(names, [self.edits[each][0] for each in names])[0]
            if self.random.random() < 0.25:
                name = min(names, key=self.made.__getitem__)  # the rarest, so that each has its share
            if self.count > MOST_CARDS and name not in ("remove", "undo", "jump"):
                continue
            if self.count < 3 and name not in ("add", "paste", "undo", "jump"):
                continue
            if self.edits[name][1]():
                self.made[name] += 1
                return name

    # What a hand does before

    def press(self, at: int, *modifiers: str) -> None:
        """Presses a card with the mouse; once more where it has moved away under the hand."""
        for _ in range(3):
            x, y = self.page.evaluate(POINT, [at, False])
            for key in modifiers:
                self.keys.down(key)
            self.page.mouse.click(x, y)
            for key in modifiers:
                self.keys.up(key)
            if self.page.evaluate("window.tookAt") == at:
                return
            self.screen.settled()

    def choose(self, at: int) -> None:
        self.press(at)
        self.desk.select(at)

    def card(self, at: int) -> Any:
        return self.screen.cards.nth(at)

    # The edits; each says whether it could be made

    def add(self) -> bool:
        kind = self.random.choice(list(KINDS))
        at = self.desk.selected
        self.screen.palette(kind).click()
        self.desk.add(kind, self.count if at < 0 else at + 1)
        return True

    def drag(self) -> bool:
        at = self.any()
        x, y = self.page.evaluate(POINT, [at, False])
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + 6, y + 4)
        mouse.move(x + 12, y + 6)
        slots = self.page.evaluate(SLOTS)
        slot = self.random.choice(slots)
        mouse.move(*self.page.evaluate(POINT, [slot, True]))
        gap = self.page.locator(".xp-gap:not(.s-asking)")
        gap.wait_for()
        mouse.up()
        at, slot = int(self.page.evaluate("window.tookAt")), int(self.page.evaluate("window.droppedAt"))
        if at not in self.desk.chosen:
            self.desk.select(at)
        moving = self.desk.chosen
        order = order_after(self.count, moving, slot)
        if order == list(range(self.count)):
            return False
        to = order.index(moving[0])
        one = len(moving) == 1
        self.desk.apply({"op": "move", "at": at, "to": to} if one else {"op": "arrange", "order": order})
        return True

    def remove(self) -> bool:
        at = self.any()
        self.choose(at)
        self.keys.press("Delete")
        self.desk.apply({"op": "remove", "at": at})
        return True

    def duplicate(self) -> bool:
        at = self.any()
        self.choose(at)
        self.keys.press("Control+d")
        self.desk.apply({"op": "duplicate", "at": at})
        return True

    def repeat(self) -> bool:
        able = [at for at, block in enumerate(self.desk.network.blocks) if block.repeats]
        if not able:
            return False
        at = self.random.choice(able)
        by = self.random.choice([1, -1]) if self.desk.network.blocks[at].copies > 1 else 1
        self.choose(at)
        self.keys.press("+" if by > 0 else "-")
        self.desk.apply({"op": "set", "at": at, "fields": {"repeat": self.desk.network.blocks[at].copies + by}})
        return True

    def paste(self) -> bool:
        blocks = self.random.choices(BROKEN if self.random.random() < 0.4 else SOUND, k=self.random.randint(1, 2))
        if self.count:
            self.choose(self.any())
        chosen = self.desk.chosen
        self.screen.paste(json.dumps({"blocks": blocks}))
        at = max(chosen) + 1 if chosen else self.count
        self.desk.apply({"op": "paste", "at": at, "blocks": blocks})
        return True

    def field(self) -> bool:
        """Types a width into the form."""
        able = [at for at, block in enumerate(self.desk.network.blocks) if hasattr(block, "channels")]
        if not able:
            return False
        at = self.random.choice(able)
        block = self.desk.network.blocks[at]
        value = self.random.choice([each for each in (8, 16, 24, 32, 48) if each != getattr(block, "channels", 0)])
        self.choose(at)
        self.screen.settled()
        card = self.card(at).get_attribute("data-id") or ""
        name = card.replace(".", "-")
        box = self.page.locator(f'.st-key-form [class*="{name}-channels-v"] input').first
        box.fill(str(value), timeout=SOON)
        box.press("Enter")
        self.desk.apply({"op": "set", "at": at, "fields": {"channels": value}})
        return True

    def chip(self) -> bool:
        able = [at for at, block in enumerate(self.desk.network.blocks) if block.kind == "inception"]
        if not able:
            return False
        at = self.random.choice(able)
        card = self.card(at)
        opener = card.locator(".xp-open")
        if opener.get_attribute("aria-expanded") == "false":
            opener.click()
            card.locator(".xp-step-chip input").first.wait_for()
        chip = card.locator(".xp-step-chip input").first
        text = self.random.choice(
            [each for each in ("1x1:8", "1x1:24", "3x3:16/2", "3x3:8") if each != chip.input_value()]
        )
        chip.fill(text)
        chip.press("Enter")
        self.screen.settled()
        line = getattr(self.desk.network.blocks[at], "branches", "")
        first, *rest = line.split(" | ")
        _, *steps = first.split(" > ")
        self.desk.apply(
            {"op": "set", "at": at, "fields": {"branches": " | ".join([" > ".join([text, *steps]), *rest])}}
        )
        return True

    def repair(self) -> bool:
        error = self.desk.report().error
        if error is None or not error.ways:
            return False
        way = self.random.randrange(len(error.ways))
        self.card(error.index).locator(".xp-fix").nth(way).click()
        self.desk.apply(dict(error.ways[way].edit))
        return True

    def undo(self) -> bool:
        back, forth = bool(self.desk.history["past"]), bool(self.desk.history["future"])
        if not back and not forth:
            return False
        # in a field the keys take back what was typed there
        keys = self.random.random() < 0.7 and not self.page.evaluate(
            "document.activeElement.matches('input, textarea')"
        )
        undo = back and not (forth and self.random.random() < 0.6)
        if keys:
            self.keys.press("Control+z" if undo else "Control+Shift+z")
        else:
            self.page.get_by_role("button", name="Undo" if undo else "Redo", exact=True).click()
        (self.desk.undo if undo else self.desk.redo)()
        return True

    def several(self) -> bool:
        """Chooses two to four cards, and moves, copies or takes them away together, or steps their copies."""
        first, *others = self.random.sample(range(self.count), self.random.randint(2, min(4, self.count)))
        self.choose(first)
        for other in others:
            self.press(other, "Control")
        self.screen.settled()
        chosen = sorted([first, *others])
        self.desk.select(others[-1], chosen)
        number, blocks = self.count, self.desk.network.blocks
        what = self.random.choice(["up", "down", "copy", "remove", "more"])
        if what == "copy" and number + len(chosen) <= MOST_CARDS + 2:
            self.keys.press("Control+d")
            order = list(range(number))
            order[chosen[-1] + 1 : chosen[-1] + 1] = chosen
        elif what == "remove" and len(chosen) < number - 2:
            self.keys.press("Delete")
            order = [at for at in range(number) if at not in chosen]
        elif what in ("up", "down"):
            self.keys.press("Alt+ArrowUp" if what == "up" else "Alt+ArrowDown")
            order = order_after(number, chosen, chosen[0] - 1 if what == "up" else chosen[-1] + 2)
            if (chosen[0] == 0 if what == "up" else chosen[-1] == number - 1) or order == list(range(number)):
                return False
        else:
            able = [at for at in chosen if blocks[at].repeats]
            self.keys.press("+")
            edits = [{"op": "set", "at": at, "fields": {"repeat": blocks[at].copies + 1}} for at in able]
            if edits:
                self.desk.apply(edits[0] if len(edits) == 1 else {"op": "group", "edits": edits})
            return len(edits) > 1
        self.desk.apply({"op": "arrange", "order": order})
        return True

    def rename(self) -> bool:
        at = self.any()
        old = self.desk.network.blocks[at].label
        new = self.random.choice([each for each in ("Stage", "<b>bold</b>", "Kopf & Fuß", "") if each != old])
        self.choose(at)
        self.keys.press("F2")
        self.page.locator(".xp-card .xp-rename").fill(new)
        self.keys.press("Enter")
        self.desk.apply({"op": "set", "at": at, "fields": {"label": new}})
        return True

    def jump(self) -> bool:
        """To a state of the timeline, or to a published network."""
        if self.random.random() < 0.4:
            name = self.random.choice(SMALL)
            self.screen.open_preset(name)
            self.desk.open_preset(name)
            return True
        past, future = len(self.desk.history["past"]), len(self.desk.history["future"])
        near = range(max(0, past - 12), min(past + future, past + 12) + 1)
        if len(near) < 2:
            return False
        to = self.random.choice([each for each in near if each != past])
        self.page.locator(".xp-actions button", has_text="History").first.click()
        self.screen.settled()
        self.page.locator(".xp-states button").nth(past + future - to).click()
        self.page.keyboard.press("Escape")
        self.desk.jump(to)
        return True


def test_after_each_of_500_edits_of_a_monkey_page_server_and_a_fresh_count_agree(screen: Screen) -> None:
    monkey = Monkey(screen, seed=7)
    made: Counter[str] = Counter()
    broken = 0
    for number in range(EDITS):
        name = monkey.act()
        wanted = expected(monkey.desk)
        screen.settled()
        found = screen.page.evaluate(PAGE)
        if name == "field" and found != wanted:  # a form speaks by itself: no message of the stack waits for it
            for _ in range(SOON // 30):
                screen.page.wait_for_timeout(30)
                found = screen.page.evaluate(PAGE)
                if found == wanted:
                    break
        assert found == wanted, (number, name)
        assert said(found) == counted(found["token"], monkey.desk.history["before"]), (number, name)
        made[name] += 1
        broken += monkey.desk.report().error is not None
    screen.page.wait_for_function(
        f"(token) => (kept => kept.states[kept.at].token)({KEPT}) === token", arg=found["token"]
    )
    kept = screen.page.evaluate(KEPT)
    assert len(kept["states"]) == len(monkey.desk.history["past"]) + 1 + len(monkey.desk.history["future"])
    shares = Counter({**made, "field": made["field"] + made["chip"]})
    del shares["chip"]
    assert min(shares.values()) >= EDITS * 0.05, shares
    assert broken >= EDITS * 0.2, broken


def test_a_page_that_said_anything_else_would_be_noticed(screen: Screen) -> None:
    monkey = Monkey(screen, seed=1)
    wanted = expected(monkey.desk)
    screen.settled()
    assert screen.page.evaluate(PAGE) == wanted
    for part in (
        ".xp-numbers",
        ".xp-set",
        ".xp-chip > .num:first-child",
        ".xp-figure > div.num",
        ".xp-card > .xp-step:not([hidden]) > .xp-times",
        ".xp-name .num",
    ):
        first = screen.page.locator(part).last
        old = first.text_content() or ""
        first.evaluate("(node, text) => { node.textContent = text; }", old + "0")
        assert screen.page.evaluate(PAGE) != wanted, part
        first.evaluate("(node, text) => { node.textContent = text; }", old)
        assert screen.page.evaluate(PAGE) == wanted, part
