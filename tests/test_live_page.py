"""The Train page and the dock on recorded runs: what is shown while they go, and after they ended."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer import Network, presets
from explorer.runs import Manager
from explorer.training import box
from explorer.training.events import Evaluated, Event, Failed, Finished, Started, Step, Telemetry
from explorer.training.loop import out_of_memory
from explorer.training.recipe import Recipe
from explorer.ui.live import drawn, series, trying

ROOT = Path(__file__).parents[1]
ENTRY = str(ROOT / "explorer" / "ui" / "app.py")
DIGITS = presets.load("digits_resnet20")
STEPS = 40


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """A manager whose runs are written by the tests."""
    made = Manager(tmp_path, workers=1)
    monkeypatch.setattr("explorer.runs.jobs._manager", [made])
    monkeypatch.setattr(Manager, "estimate", lambda *_, **__: None)
    yield made
    made.close()


def said(network: Network, steps: int = STEPS) -> list[Event]:
    """What a run of this network says of its first steps."""
    copies, cards = sum(block.copies for block in network.blocks), len(network.blocks)
    events: list[Event] = [
        Started(device="CPU, 1 thread", parameters=1, train_images=1437, test_images=360, steps=STEPS, order="0")
    ]
    for number in range(1, steps + 1):
        events.append(
            Step(
                step=number, loss=2.3 / number, accuracy=min(1, number / 30), images_per_second=900, seconds_left=3,
                learning_rate=0.03, milliseconds=70, elapsed=number * 0.07,
            )
        )  # fmt: skip
        if number % 5 == 1:
            events.append(
                Telemetry(
                    step=number, gradients=(1.0,) * cards, activations=(2.0,) * cards,
                    copy_gradients=(0.5,) * copies, copy_activations=(2.0,) * copies, bytes=4 * 10**8,
                )
            )  # fmt: skip
    events.append(Evaluated(step=20, loss=0.7, accuracy=0.75))
    return events


def record(manager: Manager, network: Network, events: list[Event], kind: str = "single", pair: str = "") -> str:
    run_id = manager.store.create(network, Recipe(steps=STEPS), kind, pair)
    manager.store.begin(run_id)
    for event in events:
        manager.store.append(run_id, event)
    return run_id


def finish(manager: Manager, run_id: str, name: str = "digits_resnet20") -> Finished:
    """Ends a run as the one in the box ended, with its weights."""
    done = box.records()[name].result
    manager.store.append(run_id, done)
    manager.store.end(run_id, "finished", finished=done)
    torch.save(box.load(name)[1], manager.store.checkpoint(run_id))
    return done


def opened(network: Network, page: str = "train") -> AppTest:
    app = AppTest.from_file(ENTRY, default_timeout=60)
    app.query_params["net"] = network.token()
    app.run()
    if page != "design":
        app.switch_page(str(ROOT / "pages" / f"{page}.py")).run()
    assert not app.exception, app.exception
    return app


def texts(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def views(app: AppTest, view: str) -> list[dict[str, Any]]:
    """What the live views of this kind were sent."""
    sent = [json.loads(one.proto.json) for one in app.get("bidi_component") if one.proto.json]
    return [one for one in sent if one.get("view") == view]


def test_while_a_twin_trains_both_runs_are_overlaid(recorded: Manager) -> None:
    for kind, network in (("residual", DIGITS), ("plain", DIGITS.plain())):
        record(recorded, network, said(network, 25), kind, "pair")
    app = opened(DIGITS)
    [sent] = views(app, "runs")
    assert [(run["name"], run["colour"]) for run in sent["runs"]] == [
        ("residual", "residual"),
        ("plain twin", "inception"),
    ]
    assert sent["steps"] == STEPS and sent["seconds"] == pytest.approx(25 * 0.07 + 3)
    for run in sent["runs"]:
        assert run["at"][-1] == 25 and len(run["rate"]) == len(run["speed"]) == len(run["milliseconds"]) == 25
        assert run["tests"] == [[20, 0.7, 0.75]] and len(run["memory"]) == 5
        assert run["heat"]["sentence"].startswith("Healthy")
        assert run["heat"]["names"][1] == "2 Basic block ×3"
    assert "of the test images" not in texts(app) and not views(app, "pad")


def test_the_dock_is_sent_the_stripes_of_its_own_cards_alone(recorded: Manager) -> None:
    run_id = record(recorded, DIGITS, said(DIGITS, 25))
    app = opened(DIGITS, "design")
    [sent] = views(app, "brief")
    assert set(sent["stripe"]["cards"]) == set(app.session_state["explorer"]["history"]["now"]["cards"])
    assert sent["stripe"]["step"] == 21 and not sent["stripe"]["over"]
    assert all(one["norm"] == 1.0 for one in sent["stripe"]["cards"].values())
    stacks = [json.loads(one.proto.json) for one in app.get("bidi_component") if one.proto.json]
    assert not any("stripe" in one for one in stacks if "cards" in one)  # the stack itself is not sent anything
    finish(recorded, run_id)
    app.run()
    assert views(app, "brief")[0]["stripe"]["over"]
    another = opened(DIGITS.apply({"op": "input", "shape": [1, 9, 9]}), "design")
    assert not views(another, "brief")


@pytest.mark.parametrize(
    "reason",
    [
        "The loss is no longer finite at step 26: the updates grew too large. What helps: AdamW at 0.001.",
        out_of_memory(DIGITS, Recipe(), torch.device("cpu")),
    ],
    ids=["NaN", "memory"],
)
def test_a_run_that_broke_off_says_why_and_keeps_its_curve(recorded: Manager, reason: str) -> None:
    run_id = record(recorded, DIGITS, said(DIGITS, 25))
    recorded.store.append(run_id, Failed(reason=reason))
    recorded.store.end(run_id, "failed", reason)
    app = opened(DIGITS)
    assert reason.split(":")[0] in texts(app) and "xt-bad" in texts(app)
    assert views(app, "runs")[0]["runs"][0]["at"][-1] == 25
    run = recorded.read(run_id)
    assert run is not None and run.status == "failed" and len(run.steps) == 25
    assert not views(app, "pad")


def test_afterwards_each_class_has_its_share(recorded: Manager) -> None:
    done = finish(recorded, record(recorded, DIGITS, said(DIGITS)))
    text = texts(opened(DIGITS))
    assert "By class" in text and f"Network: {done.test_accuracy:.1%} of 360 test images" in text
    for at, row in enumerate(done.confusion):
        assert f"<small class='num'>{row[at]} of {sum(row)}</small>" in text


def test_of_many_classes_the_worst_are_shown(recorded: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.ui.results.CLASSES", 3)
    done = finish(recorded, record(recorded, DIGITS, said(DIGITS)))
    text = texts(opened(DIGITS))
    worst = sorted(row[at] / sum(row) for at, row in enumerate(done.confusion))[:3]
    assert "the 3 worst of 10" in text and text.count(" of 36</small>") + text.count(" of 37</small>") + text.count(
        " of 35</small>"
    ) == len(worst)


def draw(app: AppTest, pixels: np.ndarray) -> AppTest:
    message = {"number": 1, "pixels": b64encode(pixels.astype(np.uint8).tobytes()).decode()}
    app.session_state[trying.PAD] = {"drawn": message}
    app.run()
    assert not app.exception, app.exception
    return app


def test_a_drawing_is_read_by_the_runs_own_weights(recorded: Manager) -> None:
    finish(recorded, record(recorded, DIGITS, said(DIGITS)))
    app = opened(DIGITS)
    assert views(app, "pad") == [{"view": "pad", "size": drawn.SIDE}]
    assert "Draw something" in texts(app)
    pixels = np.zeros((drawn.SIDE, drawn.SIDE))
    for at in range(36):
        pixels[10:19, 12 + at : 13 + at] = 255  # the bar of a 7
        pixels[10 + at : 12 + at, 40 - at // 2 : 49 - at // 2] = 255
    text = texts(draw(app, pixels))
    assert "Draw something" not in text and "xt-tried" in text
    assert "class='xo-top'><span>7</span>" in text and text.count("<u style='width:") >= 5
    text = texts(draw(app, np.zeros((drawn.SIDE, drawn.SIDE))))  # cleared
    assert "Draw something" in text


@pytest.mark.parametrize(
    "message", [7, {"drawn": 7}, {"drawn": {"pixels": "<img onerror=x>"}}, {"drawn": {"pixels": "A" * 9_999}}]
)
def test_a_hostile_drawing_is_none(recorded: Manager, message: Any) -> None:
    finish(recorded, record(recorded, DIGITS, said(DIGITS)))
    app = opened(DIGITS)
    app.session_state[trying.PAD] = message if isinstance(message, dict) else {"drawn": message}
    app.run()
    assert not app.exception and "Draw something" in texts(app) and "onerror" not in texts(app)


def test_an_uploaded_picture_is_read_and_a_bad_one_is_refused(recorded: Manager) -> None:
    finish(recorded, record(recorded, DIGITS, said(DIGITS)))
    app = opened(DIGITS)
    app.segmented_control(key="try-source-True").set_value("Picture").run()
    three = (ROOT / "assets" / "samples" / "three.png").read_bytes()
    app.file_uploader(key="try-file").set_value(("three.png", three, "image/png")).run()
    assert not app.exception and "class='xo-top'><span>3</span>" in texts(app)
    app.file_uploader(key="try-file").set_value(("bad.png", b"<svg>", "image/png")).run()
    assert not app.exception and "no PNG, JPEG, WebP or GIF picture" in texts(app)


def test_the_weights_go_on_to_inspect(recorded: Manager) -> None:
    first = record(recorded, DIGITS, said(DIGITS))
    finish(recorded, first)
    finish(recorded, record(recorded, DIGITS, said(DIGITS)))
    app = opened(DIGITS)
    app.selectbox(key="train-run").select(first).run()
    app.button(key="try-inspect-single").click().run()
    assert not app.exception
    [weights] = [one for one in app.selectbox if one.label == "Weights"]
    assert weights.value == f"run:{first}"  # and not of the later run, which stands first in the list


def test_weights_that_are_gone_are_not_offered(recorded: Manager) -> None:
    run_id = record(recorded, DIGITS, said(DIGITS))
    finish(recorded, run_id)
    recorded.store.checkpoint(run_id).unlink()
    app = opened(DIGITS)
    assert not views(app, "pad") and "By class" in texts(app)


def test_names_of_runs() -> None:
    assert {kind: series.name(type("R", (), {"kind": kind})) for kind in ("single", "residual", "plain")} == {
        "single": "network", "residual": "residual", "plain": "plain twin",
    }  # fmt: skip
