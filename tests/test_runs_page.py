"""What the page says and offers in each state of a run, with an executor that does what the test says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from explorer import Network
from explorer.runs import Manager
from explorer.runs.queue import Caps
from explorer.training.estimate import Measured
from explorer.training.events import Failed, Notice, Paused, Step
from explorer.training.recipe import Recipe
from explorer.ui import browser
from explorer.ui.training import KEY, ordinal
from tests.test_queue import STARTED, Script

ROOT = Path(__file__).parents[1]
SMALL = Network.from_json(
    """{"name": "Small", "input": [1, 8, 8], "blocks": [{"kind": "stem", "form": "cifar", "channels": 4},
    {"kind": "basic", "channels": 4}, {"kind": "classifier", "classes": 10}]}"""
)
OTHER = SMALL.apply({"op": "set", "at": 1, "fields": {"repeat": 3}})
MEASURED = Measured(build_seconds=1, step_seconds=0.1, evaluation_seconds=1, bytes=1)  # 17 s for the usual recipe


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def manager(tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    made = Manager(tmp_path, 2, backend=script, caps=Caps(running=2, waiting=2))
    monkeypatch.setattr("explorer.runs.jobs._manager", [made])
    monkeypatch.setattr("explorer.runs.local.time", SimpleNamespace(monotonic=lambda: 1000.0))  # no time goes by
    yield made


class Page:
    """The app open on a network."""

    def __init__(self, network: Network, train: bool = False, run: str = "") -> None:
        self.app = AppTest.from_file(str(ROOT / "explorer" / "ui" / "app.py"), default_timeout=60)
        self.app.query_params["net"] = network.token()
        self.run()
        if train:
            if run:
                self.app.query_params["run"] = run
            self.app.switch_page(str(ROOT / "pages" / "train.py"))
            self.run()

    def run(self) -> None:
        self.app.run()
        assert not self.app.exception, self.app.exception

    def press(self, key: str) -> None:
        self.app.button(key=f"train-{key}").click()
        self.run()

    @property
    def buttons(self) -> dict[str, str]:
        """The labels of training's buttons, by key."""
        return {
            button.key.removeprefix("train-"): button.label
            for button in self.app.button
            if button.key and button.key.startswith("train-")
        }

    @property
    def text(self) -> str:
        return "\n".join(element.proto.body for element in self.app.get("html"))


def measured(manager: Manager, script: Script, *networks: Network) -> None:
    """Has the networks measured before the page asks."""
    for network in networks:
        assert manager.estimate(network, Recipe()) is None
        task = script.under_way[-1]
        task.on_answer(MEASURED)
        script.finish(task)
    script.begun.clear()


def test_who_waits_is_told_the_place_and_the_time(manager: Manager, script: Script) -> None:
    measured(manager, script, SMALL, OTHER)
    first = Page(SMALL)
    first.press("twin")
    assert "in the queue" not in first.text
    second = Page(OTHER)
    second.press("twin")
    assert second.buttons == {"pause": "Pause both", "stop": "Stop both"}
    assert "1st in the queue, about 17 s." in second.text and "waits for a free worker" in second.text
    for task in script.under_way:
        task.on_answer(Step(step=1, loss=1, accuracy=0, images_per_second=1, seconds_left=600))
    second.run()
    assert "1st in the queue, about 10 min." in second.text
    users = {task.user for task in script.begun}
    assert len(users) == 1 and all(map(browser.NAME.fullmatch, users))


def test_more_than_may_wait_is_refused_on_the_page_and_nothing_is_lost(manager: Manager, script: Script) -> None:
    measured(manager, script, SMALL)
    page = Page(SMALL)
    user = page.app.session_state[browser.KEY]
    for _ in range(4):
        manager.submit(OTHER, Recipe(), user=user)
    page.press("single")
    assert "You have 2 runs waiting and ask for 1 more; 2 may wait. Stop some, or wait until" in page.text
    assert "single" in page.buttons and page.app.session_state[KEY]["wanted"] is None
    script.finish()
    page.press("single")
    assert "2 may wait" not in page.text and "stop" in page.buttons


def test_where_all_workers_are_busy_a_run_is_queued_without_being_measured(manager: Manager, script: Script) -> None:
    manager.submit_twin(OTHER, Recipe(), user="a1")
    page = Page(SMALL)
    page.press("single")
    assert "All workers are busy" in page.text and set(page.buttons) == {"unmeasured", "cancel"}
    page.press("unmeasured")
    assert "1st in the queue." in page.text and set(page.buttons) == {"pause", "stop"}
    page.press("stop")
    assert "It was stopped before it began." in page.text


def test_pausing_is_said_until_it_is_done_and_resume_goes_on(manager: Manager, script: Script) -> None:
    measured(manager, script, SMALL)
    page = Page(SMALL, train=True)
    page.press("twin")
    both = list(script.under_way)
    for task in both:
        task.on_answer(STARTED)
    page.press("pause")
    assert page.buttons["pause"] == "Pausing …" and page.app.button(key="train-pause").disabled
    assert not page.app.button(key="train-stop").disabled
    for task, step in zip(both, (1069, 72), strict=True):
        task.on_answer(Paused(step=step))
        manager.store.state(task.job.run).write_bytes(b"")  # type: ignore[attr-defined]
        script.under_way.remove(task)
        task.on_end("")
    page.run()
    assert "residual: Paused after step 1,069." in page.text and "plain twin: Paused after step 72." in page.text
    assert page.buttons["resume"] == "Resume both" and "Resume goes on from" not in page.text
    page.press("resume")
    assert set(page.buttons) >= {"pause", "stop"} and len(script.under_way) == 2
    assert {task.user for task in script.under_way} == {page.app.session_state[browser.KEY]}


def test_the_twin_that_has_ended_stays_on_the_page_where_the_other_goes_on(manager: Manager, script: Script) -> None:
    measured(manager, script, SMALL)
    page = Page(SMALL)
    page.press("twin")
    both = list(page.app.session_state[KEY]["follows"])
    killed, other = script.under_way
    script.finish(killed, why="The worker was killed.")
    page.run()
    assert page.buttons == {"pause": "Pause", "stop": "Stop"}
    script.finish(other)
    manager.store.state(both[0]).write_bytes(b"")
    page.run()
    assert page.buttons["resume"] == "Resume"
    page.press("resume")
    assert page.buttons == {"pause": "Pause", "stop": "Stop"}
    assert page.app.session_state[KEY]["follows"] == both and "plain twin" in page.text


def test_what_ended_early_says_why_and_from_where_it_can_go_on(manager: Manager, script: Script) -> None:
    run_id = manager.submit(SMALL, Recipe())
    [task] = script.under_way
    task.on_answer(Notice(text="The state of the run was not written (full): it cannot go on if it stops."))
    page = Page(SMALL)
    assert "it cannot go on if it stops" in page.text
    script.finish(task, why="The worker was killed.")
    page = Page(SMALL)
    assert "The worker was killed." in page.text and "resume" not in page.buttons
    manager.store.state(run_id).write_bytes(b"")
    page = Page(SMALL)
    assert page.buttons["resume"] == "Resume" and "Resume goes on from the last state that was written" in page.text


def test_a_paused_run_without_its_state_says_that_it_begins_anew(manager: Manager, script: Script) -> None:
    manager.submit(SMALL, Recipe())
    [task] = script.under_way
    task.on_answer(Paused(step=3))
    script.under_way.remove(task)
    task.on_end("")
    page = Page(SMALL)
    assert "resume" in page.buttons and "Resume begins anew: no state of it lies on disk." in page.text


def test_what_both_have_to_say_is_said_once(manager: Manager, script: Script) -> None:
    for run_id in manager.submit_twin(SMALL, Recipe()):
        manager.stop(run_id)
    page = Page(SMALL)
    assert page.text.count("It was stopped.") == 1 and "Both: It was stopped." in page.text


def test_an_earlier_run_is_made_again_or_followed(manager: Manager, script: Script) -> None:
    twin = manager.submit_twin(OTHER, Recipe(steps=9, seed=4))
    page = Page(SMALL, train=True, run=twin[0])
    assert page.buttons == {"open": "Open this network", "follow": "Follow it"}
    page.press("follow")
    assert page.app.session_state[KEY]["follows"] == list(twin) and "This trains Small as it was" in page.text
    for task in list(script.under_way):
        task.on_answer(Failed(reason="because"))
        script.finish(task, why="because")
    page = Page(SMALL, train=True, run=twin[0])
    assert page.buttons == {"open": "Open this network", "again": "Run both again"}
    page.press("again")
    new = page.app.session_state[KEY]["follows"]
    assert len(new) == 2 and not set(new) & set(twin) and "run" not in page.app.query_params
    runs = [manager.read(run_id) for run_id in new]
    assert [(run.kind, run.recipe.seed, run.recipe.steps) for run in runs if run] == [
        ("residual", 4, 9),
        ("plain", 4, 9),
    ]


def test_numbers_have_their_endings() -> None:
    said = " ".join(map(ordinal, (1, 2, 3, 4, 10, 11, 12, 13, 21, 22, 101, 111, 112)))
    assert said == "1st 2nd 3rd 4th 10th 11th 12th 13th 21st 22nd 101st 111th 112th"
