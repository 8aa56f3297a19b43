"""Measured milliseconds on screen: they stay with the blocks that were measured, and a session keeps them as JSON."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from explorer import Network, Shape, blocks
from explorer.runs import Manager
from explorer.runs.timings import Measurement
from explorer.training import timing
from explorer.training.timing import Timed, Timing, TimingEnded
from explorer.ui import measuring
from explorer.ui.desk import Desk, new_session

SOON = 60.0  # seconds that a loaded machine may take for what takes one

SMALL = Network(
    input=Shape(1, 8, 8),
    blocks=(
        blocks.Stem(form="cifar", channels=4),
        blocks.Basic(channels=4, repeat=3),
        blocks.Basic(channels=8, stride=2, repeat=3),
        blocks.Classifier(),
    ),
)


class Said:
    """Measurements that say what a test has them say."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.status, self.reason = "queued", ""
        self.asked: list[tuple[Network, int]] = []
        self.stopped: list[str] = []

    @property
    def timings(self) -> "Said":
        return self

    def start(self, network: Network, batch: int) -> str:
        self.asked.append((network, batch))
        self.events, self.status, self.reason = [], "queued", ""
        return f"job{len(self.asked)}"

    def read(self, timing_id: str) -> Any:
        return Measurement(self.status, self.reason, tuple(self.events)) if timing_id.startswith("job") else None

    def stop(self, timing_id: str) -> None:
        self.stopped.append(timing_id)

    def say(self, network: Network, milliseconds: float = 1.0, batch: int = 4) -> None:
        """A whole measurement."""
        keys = dict.fromkeys(part.key for part in timing.parts(network))
        timed = [Timed(key=key, forward=milliseconds, backward=2 * milliseconds) for key in keys]
        self.events = [Timing(device="CPU, 1 thread", batch=batch, blocks=len(keys)), *timed, TimingEnded(seconds=1)]
        self.status = "done"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    said = Said()
    monkeypatch.setattr(measuring, "manager", lambda: said)
    return said


def desk_with(network: Network) -> Desk:
    desk = Desk(new_session())
    desk.load(network)
    desk.set_batch(4)
    return desk


def test_cards_get_the_milliseconds_of_all_their_copies(said: Said) -> None:
    desk = desk_with(SMALL)
    assert measuring.state(desk) == {"state": "none", "text": "", "stale": False}
    assert measuring.of(desk, desk.report()) == (None,) * 4
    measuring.start(desk)
    measuring.start(desk)
    assert said.asked == [(SMALL, 4)], "asked once for what is under way"
    assert measuring.state(desk) == {"state": "running", "text": "Waiting for a worker", "stale": False}
    said.say(SMALL)
    said.events, whole, said.status = said.events[:3], said.events, "running"
    measuring.poll(desk)
    assert measuring.state(desk) == {
        "state": "running", "text": "Measured 2 of 6 distinct blocks, batch 4, CPU, 1 thread", "stale": True,
    }  # fmt: skip
    assert [found is not None for found in measuring.of(desk, desk.report())] == [True, False, False, False]
    said.events, said.status = whole, "done"
    measuring.poll(desk)
    text = "Forward and backward, batch 4, CPU, 1 thread"
    assert measuring.state(desk) == {"state": "done", "text": text, "stale": False}
    assert measuring.of(desk, desk.report()) == (
        {"forward": 1, "backward": 2}, {"forward": 3, "backward": 6}, {"forward": 3, "backward": 6},
        {"forward": 1, "backward": 2},
    )  # fmt: skip


def test_after_an_edit_unchanged_cards_keep_their_milliseconds_and_new_ones_show_nothing(said: Said) -> None:
    desk = desk_with(SMALL)
    measuring.start(desk)
    said.say(SMALL)
    measuring.poll(desk)
    desk.apply({"op": "set", "at": 1, "fields": {"repeat": 5, "label": "Stage 1"}})
    assert measuring.of(desk, desk.report())[1] == {"forward": 5, "backward": 10}
    assert measuring.state(desk)["stale"] is False, "only how often it stands has changed"
    desk.apply({"op": "set", "at": 2, "fields": {"channels": 16}})
    found = measuring.of(desk, desk.report())
    assert [each is not None for each in found] == [True, True, False, False], "the head's input has changed too"
    assert measuring.state(desk)["stale"] is True
    desk.undo()
    assert None not in measuring.of(desk, desk.report())
    desk.apply({"op": "set", "at": 2, "fields": {"shortcut": "identity"}})
    assert measuring.of(desk, desk.report()) == (*found[:2], None, None)
    assert measuring.state(desk)["stale"] is False, "the failing card has nothing to measure"


def test_what_was_measured_otherwise_does_not_stand_beside_it(said: Said) -> None:
    desk = desk_with(SMALL)
    measuring.start(desk)
    said.say(SMALL)
    measuring.poll(desk)
    desk.apply({"op": "remove", "at": 2})
    desk.set_batch(8)
    measuring.start(desk)
    assert said.asked[-1] == (desk.network, 8)
    said.say(desk.network, 5.0, batch=8)
    measuring.poll(desk)
    desk.undo()
    assert [found is not None for found in measuring.of(desk, desk.report())] == [True, True, False, False]
    assert measuring.state(desk)["text"] == "Forward and backward, batch 8, CPU, 1 thread"


def test_another_network_ends_the_measurement_under_way(said: Said) -> None:
    desk = desk_with(SMALL)
    measuring.start(desk)
    desk.apply({"op": "remove", "at": 2})
    measuring.start(desk)
    assert said.stopped == ["job1"] and len(said.asked) == 2
    measuring.stop(desk)
    assert said.stopped == ["job1", "job2"]
    assert measuring.state(desk)["state"] == "none"


def test_a_failure_is_its_sentence_and_what_was_measured_stays(said: Said) -> None:
    desk = desk_with(SMALL)
    measuring.start(desk)
    said.say(SMALL)
    said.events, said.status, said.reason = said.events[:2], "failed", "The worker was killed."
    measuring.poll(desk)
    assert measuring.state(desk) == {"state": "failed", "text": "The worker was killed.", "stale": True}
    assert measuring.of(desk, desk.report())[0] == {"forward": 1, "backward": 2}
    desk.session["timing"]["job"] = "gone"  # type: ignore[typeddict-item]
    measuring.poll(desk)
    assert measuring.state(desk)["text"].startswith("The measurement is lost")


def test_a_session_keeps_a_bounded_number_of_blocks_as_plain_json(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = desk_with(SMALL)
    monkeypatch.setattr(measuring, "KEPT", 4)
    measuring.start(desk)
    said.say(SMALL)
    measuring.poll(desk)
    kept = desk.session["timing"]  # type: ignore[typeddict-item]
    assert list(kept["known"]) == [event.key for event in said.events[1:-1]][-4:]
    assert json.loads(json.dumps(kept)) == kept


def test_the_page_measures_in_a_real_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = Manager(tmp_path, workers=1)
    monkeypatch.setattr(measuring, "manager", lambda: manager)
    desk = desk_with(SMALL.replace(2, blocks.Basic(channels=8, shortcut="identity")))
    try:
        measuring.start(desk)
        limit = time.monotonic() + SOON
        while measuring.state(desk)["state"] == "running":
            assert time.monotonic() < limit
            measuring.poll(desk)
            time.sleep(0.02)
    finally:
        manager.close()
    assert measuring.state(desk)["state"] == "done"
    *found, failing, waiting = measuring.of(desk, desk.report())
    assert failing is None and waiting is None
    assert len(found) == 2 and all(each and each["forward"] > 0 and each["backward"] > 0 for each in found)
