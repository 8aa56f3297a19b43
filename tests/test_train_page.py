"""The dock and the Train page by Streamlit's own test harness, with real workers behind them."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer import Network, analyze, blocks, presets
from explorer.runs import Estimate, Manager
from explorer.runs.store import network_digest
from explorer.training import box
from explorer.training.adapt import depth
from explorer.training.recipe import Recipe
from explorer.ui import browser, keeping
from explorer.ui.desk import Desk
from explorer.ui.session import KEY as SESSION
from explorer.ui.training import KEY

ROOT = Path(__file__).parents[1]
ENTRY = str(ROOT / "explorer" / "ui" / "app.py")
SMALL = Network.from_json(
    """{"name": "Small", "input": [1, 8, 8], "blocks": [{"kind": "stem", "form": "cifar", "channels": 4},
    {"kind": "basic", "channels": 4}, {"kind": "classifier", "classes": 10}]}"""
)
SOON = 60.0


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """The manager that all pages of this file see."""
    made = Manager(tmp_path_factory.mktemp("runs"), workers=2)
    made.warm()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("explorer.runs.jobs._manager", [made])
        yield made
    made.close()


@pytest.fixture(autouse=True)
def nothing_runs(workers: Manager) -> Iterator[None]:
    yield
    for run_id in list(workers._tasks):
        workers.stop(run_id)


class Page:
    """The app open on a network, in a browser of its own or in one whose cookie has this name."""

    def __init__(self, network: Network, page: str = "design", called: str = "") -> None:
        self.app = AppTest.from_file(ENTRY, default_timeout=30)
        self.app.query_params["net"] = network.token()
        if called:
            self.app.session_state[browser.KEY] = called
        self.run()
        if page != "design":
            self.app.switch_page(str(ROOT / "pages" / f"{page}.py"))
            self.run()

    def run(self) -> None:
        self.app.run()
        assert not self.app.exception, self.app.exception

    def press(self, key: str) -> None:
        self.app.button(key=key).click()
        self.run()

    def has(self, key: str) -> bool:
        return any(button.key == key for button in self.app.button)

    @property
    def text(self) -> str:
        return "\n".join(element.proto.body for element in self.app.get("html"))

    @property
    def training(self) -> dict[str, Any]:
        return self.app.session_state[KEY]

    @property
    def network(self) -> Network:
        return Network.from_token(self.app.session_state[SESSION]["history"]["now"]["network"])

    def recipe(self, **fields: object) -> None:
        self.app.session_state[SESSION] = {**self.app.session_state[SESSION], "recipe": fields}

    def until(self, what: str) -> None:
        """Looks again, as the fragment does by itself in a browser, until the text is there."""
        limit = time.monotonic() + SOON
        while what not in self.text and not self.has(what):
            assert time.monotonic() < limit, self.text
            time.sleep(0.1)
            self.run()


def long_estimate(patch: pytest.MonkeyPatch, only: str) -> None:
    """Has the run of one network take long, and others not."""

    def known(self: Manager, network: Network, recipe: Recipe, wait: float = 0, user: str = "") -> Estimate:
        return Estimate(250.0 if network_digest(network) == only else 5.0, 1_200_000_000)

    patch.setattr(Manager, "estimate", known)
    patch.setattr(Manager, "known_estimate", known)


def test_a_stack_that_does_not_fit_together_is_not_trained(workers: Manager) -> None:
    broken = SMALL.apply({"op": "set", "at": 1, "fields": {"channels": 8, "shortcut": "identity"}})
    page = Page(broken)
    assert "Training waits for a stack that fits together." in page.text
    assert not page.has("train-twin")


def test_what_is_pressed_is_trained_whatever_is_typed_until_it_begins(
    workers: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page(SMALL.apply({"op": "input", "shape": [1, 11, 11]}))
    long_estimate(monkeypatch, network_digest(page.network))
    page.recipe(steps=77, batch=128, data="shapes:train=100,test=100")
    page.press("train-single")
    page.recipe(steps=13, momentum=0.5, data="shapes:train=100,test=100")
    page.press("train-anyway")
    [run_id] = page.training["follows"]
    recipe = (workers.read(run_id) or pytest.fail()).recipe
    assert (recipe.steps, recipe.momentum, recipe.batch) == (77, 0.9, 100)  # no batch is larger than the data set


def test_a_stack_that_is_changed_before_its_run_begins_says_that_nothing_was_started(
    workers: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page(SMALL.apply({"op": "input", "shape": [1, 13, 13]}))
    long_estimate(monkeypatch, network_digest(page.network))
    page.press("train-twin")
    assert page.has("train-anyway")
    page.app.session_state[KEY] = {**page.training, "of": "another"}
    page.run()
    assert "The stack was changed before the run began, so nothing was started." in page.text
    assert not page.has("train-anyway") and page.training["follows"] == []


def test_of_a_pair_what_broke_off_is_said_while_its_twin_goes_on(workers: Manager) -> None:
    page = Page(SMALL.apply({"op": "input", "shape": [1, 14, 14]}))
    ids = workers.submit_twin(page.network, Recipe(steps=50_000))
    page.app.session_state[KEY] = {**page.training, "follows": list(ids)}
    page.until("images/s")
    task = workers._tasks[ids[0]]
    worker = next(worker for worker in workers.workers._workers if worker.task is task)
    os.killpg(worker.pid, signal.SIGKILL)
    assert workers.wait(ids[0], SOON)
    page.run()
    assert "Residual: The worker was killed." in page.text and page.has("train-stop")


def test_the_twin_is_one_click_from_the_first_screen_and_a_reload_finds_it_again(workers: Manager) -> None:
    page = Page(SMALL)
    assert "150 steps of 64 images, SGD 0.03" in page.text
    page.recipe(steps=600)
    page.press("train-twin")
    page.until("train-stop")
    ids = page.training["follows"]
    page.until("images/s")
    assert "residual" in page.text and "plain twin" in page.text and "/ 600" in page.text and " left · " in page.text
    assert "1 shortcut fewer" in page.text and "role='progressbar'" in page.text

    reloaded = Page(SMALL, called=page.app.session_state[browser.KEY])  # another session
    assert reloaded.has("train-stop") and reloaded.training["follows"] == []
    elsewhere = Page(SMALL)  # another browser: neither is it shown this run nor can it stop it
    assert elsewhere.has("train-twin") and not elsewhere.has("train-stop")

    page.until("One seed.")
    assert all(workers.wait(run_id, SOON) for run_id in ids)
    assert "test " in page.text and not page.has("train-stop")
    page.run()
    assert "600 steps, training loss" in Page(SMALL).text


def test_the_train_page_shows_the_result_and_earlier_runs(workers: Manager) -> None:
    network = SMALL.apply({"op": "input", "shape": [1, 7, 7]})
    ids = workers.submit_twin(network, Recipe(steps=40))
    assert all(workers.wait(run_id, SOON) for run_id in ids)
    page = Page(network, "train")
    runs = [workers.read(run_id) for run_id in ids]
    for run, name in zip(runs, ("Residual", "Plain twin"), strict=True):
        assert run is not None and run.finished is not None
        assert f"{name}: {run.finished.test_accuracy:.1%} of 360 test images" in page.text
        assert f"Wrong: {run.finished.wrong_count} of 360" in page.text
    assert page.text.count("<figure><img src='data:image/png;base64,") == sum(
        len(run.finished.wrong) for run in runs if run and run.finished
    )
    assert re.search(r"alt='a \d, read as \d'", page.text) and re.search(r"\d \d+\.\d%</span>", page.text)
    assert "One seed (0), and a short run" in page.text

    assert "other images" not in page.text
    page.recipe(data="shapes")
    page.run()
    assert "Trained on other images than those chosen now, colour shapes, difficulty 0.3." in page.text

    other = Page(SMALL.apply({"op": "input", "shape": [1, 6, 6]}), "train")
    assert "Residual:" not in other.text
    chosen = other.app.selectbox(key="train-run")
    assert any("and its twin, 40 steps" in label for label in chosen.options)
    chosen.select(ids[0])
    other.run()
    assert "Residual:" in other.text
    assert "One seed (0), and a short run" in other.text  # below its curves
    assert "".join(other.app.query_params["run"]) == ids[0]
    other.press("train-open")
    assert other.network.blocks == network.blocks and other.network.input == network.input


def test_the_train_page_opens_on_trained_weights_where_the_app_brings_them(workers: Manager) -> None:
    page = Page(presets.load("digits_resnet56"), "train")
    for title, name in (("Residual", "digits_resnet56"), ("Plain twin", "digits_resnet56_plain")):
        record = box.records()[name]
        assert f"{title}: {record.test_accuracy:.1%} of 360 test images" in page.text
        assert record.result.test_accuracy == record.test_accuracy
        assert sum(map(sum, record.result.confusion)) == record.test_images
    assert "Trained already, with the app" in page.text
    assert "Trained already" not in Page(SMALL, "train").text


def test_a_run_named_in_the_address_is_shown_and_nonsense_there_is_not(workers: Manager) -> None:
    run_id = workers.submit(SMALL.apply({"op": "input", "shape": [1, 5, 5]}), Recipe(steps=2))
    assert workers.wait(run_id, SOON)
    for named, found in ((run_id, True), ("../../etc", False), ("00000000-000000000000", False)):
        page = Page(presets.load("digits_resnet20"))
        page.app.query_params["run"] = named
        page.app.switch_page(str(ROOT / "pages" / "train.py"))
        page.run()
        assert ("Network: " in page.text) is found


def test_the_recipe_is_changed_in_its_form_and_put_back(workers: Manager) -> None:
    page = Page(SMALL.apply({"op": "input", "shape": [1, 12, 12]}), "train")
    page.app.number_input(key="recipe-steps").set_value(77)
    page.run()
    page.app.number_input(key="recipe-clip").set_value(2.5)
    page.run()
    assert page.app.session_state[SESSION]["recipe"] == {"steps": 77, "clip": 2.5}
    assert "77 steps of 64 images, SGD 0.03, momentum 0.9, clipped at 2.5" in page.text
    assert keeping.told(Desk(page.app.session_state[SESSION]))["settings"]["recipe"] == {"steps": 77, "clip": 2.5}
    page.press("recipe-reset")
    assert page.app.session_state[SESSION]["recipe"] == {} and "150 steps" in page.text


def test_stopping_and_a_killed_worker_are_said_on_the_page(workers: Manager) -> None:
    page = Page(SMALL.apply({"op": "input", "shape": [1, 9, 9]}))
    page.recipe(steps=20_000)
    page.app.session_state[KEY]["sure"] = True
    ids = workers.submit_twin(page.network, Recipe(steps=20_000))
    page.app.session_state[KEY] = {**page.training, "follows": list(ids)}
    page.until("images/s")
    task = workers._tasks[ids[1]]
    process = next(worker._process.pid for worker in workers.workers._workers if worker.task is task)
    os.killpg(process, signal.SIGKILL)
    assert workers.wait(ids[1], 5)
    page.press("train-stop")
    page.until("residual: It was stopped.")
    assert "plain twin: The worker was killed." in page.text
    assert page.has("train-twin")


def test_a_run_over_a_minute_asks_first_and_offers_an_adapted_copy(
    workers: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = presets.load("resnet18")
    long_estimate(monkeypatch, network_digest(large))
    page = Page(large)
    assert "About 4 min and 1.20 GB a network" in page.text
    page.press("train-twin")
    assert "This takes about 4 min" in page.text and page.training["follows"] == []
    page.press("train-cancel")
    assert page.training["wanted"] is None and page.has("train-twin") and page.training["follows"] == []

    page.press("train-twin")
    page.press("train-adapted")
    page.until("train-stop")
    assert page.network.input == (1, 16, 16) and page.network.name == "ResNet-18, adapted"
    assert analyze(page.network).output_shape == (10,)
    assert len(page.training["follows"]) == 2
    run = workers.read(page.training["follows"][0])
    assert run is not None and run.network == page.network


def test_a_long_run_can_be_agreed_to(workers: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    network = SMALL.apply({"op": "input", "shape": [1, 10, 10]})
    long_estimate(monkeypatch, network_digest(network))
    page = Page(network)
    page.press("train-single")
    assert page.training["follows"] == []
    page.press("train-anyway")
    page.until("train-stop")
    assert len(page.training["follows"]) == 1 and page.network == network


def test_what_cannot_be_trained_is_said_instead_of_tried(workers: Manager) -> None:
    for network in (SMALL.remove(2), Network()):
        page = Page(network)
        assert "A classifier at the end makes it trainable." in page.text
        assert not page.has("train-twin") and not page.has("train-single")
    few = Page(SMALL.apply({"op": "set", "at": 2, "fields": {"classes": 2}}))
    assert "The network has 2 classes, the images 10: set it to 10." in few.text


def test_a_network_whose_twin_does_not_fit_together_is_trained_alone(workers: Manager) -> None:
    grows, fixed = blocks.Residual(width=4, merge="concat"), blocks.IdentityMapping(channels=8)
    page = Page(SMALL.insert(2, grows).insert(3, fixed))
    assert "Without its shortcuts the stack does not fit together" in page.text
    assert page.app.button(key="train-twin").disabled
    page.recipe(steps=3)
    page.press("train-single")
    page.until("of the test images are read correctly")


def test_a_shallow_network_offers_a_deeper_copy(workers: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    long_estimate(monkeypatch, "")
    page = Page(presets.load("digits_resnet20"))
    page.press("deepen")
    assert depth(analyze(page.network)) == 56
    assert not page.has("deepen")


def test_a_network_without_shortcuts_has_no_twin_to_train(workers: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    long_estimate(monkeypatch, "")
    page = Page(SMALL.plain())
    assert "its plain twin is the same network" in page.text
    assert page.app.button(key="train-twin").disabled and not page.app.button(key="train-single").disabled


def test_an_edit_measures_nothing_until_the_network_has_settled(
    workers: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Network] = []
    monkeypatch.setattr(Manager, "estimate", lambda self, network, recipe, wait=0, user="": asked.append(network))
    now = [1000.0]
    monkeypatch.setattr("explorer.ui.training.time.time", lambda: now[0])
    page = Page(SMALL.apply({"op": "input", "shape": [1, 11, 11]}))
    page.run()
    assert asked == []
    now[0] += 1
    page.run()
    assert len(asked) == 1
