"""What the live views are sent, and what they send back."""

import json
from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from explorer import Network, Shape, presets
from explorer.drawing.curves import POINTS
from explorer.probe import run as probe
from explorer.probe.picture import read as read_picture
from explorer.runs import Run
from explorer.runs.store import Store, network_digest
from explorer.training import box, data
from explorer.training.events import Evaluated, Event, Started, Step, Telemetry
from explorer.training.recipe import Recipe
from explorer.training.telemetry import LARGEST
from explorer.ui.live import drawn, heat, series

SMALL = Network.from_json(
    """{"name": "Small", "input": [1, 8, 8], "blocks": [{"kind": "stem", "form": "cifar", "channels": 4},
    {"kind": "basic", "channels": 4, "repeat": 3}, {"kind": "pool"}, {"kind": "classifier", "classes": 10}]}"""
)


def step(number: int, loss: float = 1.0, elapsed: float | None = None) -> Step:
    return Step(
        step=number, loss=loss, accuracy=0.5, images_per_second=100, seconds_left=5,
        learning_rate=0.1, milliseconds=2.0, elapsed=elapsed if elapsed is not None else number / 10,
    )  # fmt: skip


def telemetry(number: int, gradient: float = 1.0) -> Telemetry:
    return Telemetry(
        step=number, gradients=(gradient, 2.0, 0.0, 3.0), activations=(1.0, 2.0, 3.0, 4.0),
        copy_gradients=(gradient, 1.0, 1.0, 2.0, 0.0, 3.0), copy_activations=(1.0, 1.0, 2.0, 3.0, 3.0, 4.0),
        bytes=1000 + number,
    )  # fmt: skip


def a_run(events: list[Event], tmp_path: Path, **how: object) -> Run:
    """A run as the store gives it."""
    store = Store(tmp_path)
    run_id = store.create(SMALL, Recipe(steps=100), str(how.pop("kind", "single")))
    for event in events:
        store.append(run_id, event)
    store.begin(run_id)
    if how.get("status"):
        store.end(run_id, how["status"], str(how.get("reason", "")))  # type: ignore[arg-type]
    run = store.read(run_id)
    assert run is not None
    return run


STARTED = Started(device="CPU, 1 thread", parameters=1, train_images=10, test_images=10, steps=100, order="0")


def test_long_runs_are_thinned_and_their_last_point_stays(tmp_path: Path) -> None:
    long = [step(number + 1, loss=float(number)) for number in range(10_001)]
    shown = series.curves(series.Said(a_run([STARTED, *long], tmp_path)))
    assert len(shown["at"]) <= POINTS
    assert shown["at"][-1] == 10_001 and shown["at"] == sorted(shown["at"])
    stride = shown["at"][-1] - shown["at"][-2]
    assert shown["loss"][-1] == pytest.approx(sum(range(10_001 - stride, 10_001)) / stride, rel=1e-3)
    assert {len(shown[key]) for key in ("at", "seconds", "loss", "accuracy", "rate", "speed", "milliseconds")} == {
        len(shown["at"])
    }


def test_short_runs_are_drawn_point_by_point_with_their_tests_and_memory(tmp_path: Path) -> None:
    events = [
        STARTED,
        *(step(n) for n in range(1, 8)),
        telemetry(1),
        telemetry(6),
        Evaluated(step=5, loss=0.5, accuracy=0.25),
    ]
    shown = series.curves(series.Said(a_run(events, tmp_path)))
    assert shown["at"] == list(range(1, 8)) and shown["seconds"] == [n / 10 for n in range(1, 8)]
    assert shown["tests"] == [[5, 0.5, 0.25]] and shown["memory"] == [(1, 1001), (6, 1006)]
    assert shown["rate"] == [0.1] * 7


def test_runs_of_older_versions_have_no_seconds_and_no_rate(tmp_path: Path) -> None:
    old = [Step(step=n, loss=1, accuracy=0, images_per_second=1, seconds_left=1) for n in (1, 2)]
    run = a_run([STARTED, *old], tmp_path)
    shown = series.curves(series.Said(run))
    assert shown["seconds"] == shown["rate"] == shown["milliseconds"] == [] and len(shown["loss"]) == 2
    whole = series.whole([run])
    assert whole["seconds"] == 0 and whole["steps"] == 100 and whole["runs"][0]["heat"] is None


def test_a_run_that_failed_is_drawn_up_to_there(tmp_path: Path) -> None:
    events = [STARTED, *(step(n, loss=10.0**n) for n in range(1, 10)), telemetry(1), telemetry(6, LARGEST)]
    run = a_run(events, tmp_path, status="failed", reason="The loss is no longer finite at step 10.")
    whole = series.whole([run])
    assert whole["runs"][0]["at"][-1] == 9
    assert "outgrown float32" in whole["runs"][0]["heat"]["sentence"]
    levels = np.frombuffer(b64decode(whole["runs"][0]["heat"]["gradient"]["cards"]), np.uint8).reshape(4, 2)
    assert levels[0].tolist() == [1, heat.OVERFLOWN] and levels[2].tolist() == [heat.NOTHING] * 2


def test_bytes_keep_values_to_a_tenth_of_a_decade_and_share_one_scale() -> None:
    values = np.array([[1e-6, 3e-4, 0.02], [1.5, 40.0, 999.0]])
    low, high = heat.scale([values])
    assert (low, high) == (-6, 3)
    for value, level in zip(values.flat, heat.levels(values, low, high).flat, strict=True):
        assert abs(np.log10(heat.exact(int(level), low, high)) - np.log10(value)) < 0.05
    assert heat.scale([values, values * 1e4]) == (-5, 7)  # no more than twelve powers of ten
    assert heat.levels(values * 1e-9, -5, 7).max() == 1  # what is below has the first colour
    assert heat.scale([np.zeros((2, 2))]) == (-1, 0) and heat.scale([]) == (-1, 0)
    assert heat.scale([np.full((1, 1), 10.0)]) == (0, 1)


def test_many_copies_share_rows_and_many_readings_columns() -> None:
    part = np.arange(700.0)[:, None]
    pooled, together = heat.pooled(part)
    assert together == 3 and len(pooled) <= heat.ROWS and pooled[0, 0] == 2 and pooled[-1, 0] == 699
    readings = [telemetry(n) for n in range(1, 1000)]
    shown = heat.columns(readings, 600)
    assert len(shown) <= heat.CELLS / heat.ROWS and (shown[0], shown[-1]) == (readings[0], readings[-1])


def test_the_stripe_has_a_cell_a_copy_in_the_colours_of_the_heat(tmp_path: Path) -> None:
    run = a_run([STARTED, step(1), telemetry(1, 1e-3), step(6), telemetry(6, 10.0)], tmp_path)
    cards = ["a", "b", "c", "d"]
    shown = series.stripe([run], network_digest(SMALL), cards)
    assert shown is not None
    assert shown["step"] == 6 and not shown["over"] and list(shown["cards"]) == cards
    assert [len(one["levels"]) for one in shown["cards"].values()] == [1, 3, 1, 1]
    assert shown["cards"]["a"] == {"levels": [254], "norm": 10.0}
    assert shown["cards"]["c"] == {"levels": [heat.NOTHING], "norm": None}  # no weights
    whole = series.whole([run])["runs"][0]["heat"]
    levels = np.frombuffer(b64decode(whole["gradient"]["copies"]), np.uint8).reshape(6, 2)
    assert [level for one in shown["cards"].values() for level in one["levels"]] == levels[:, 1].tolist()
    assert series.stripe([run], network_digest(SMALL), cards[:3]) is None
    assert series.stripe([run], network_digest(SMALL.plain()), cards) is None  # the stack shows another network


def test_what_is_sent_stays_small_however_long_and_deep_a_run_is(tmp_path: Path) -> None:
    deep = presets.load("digits_resnet56")
    copies, cards = sum(block.copies for block in deep.blocks), len(deep.blocks)
    store = Store(tmp_path)
    run_id = store.create(deep, Recipe(steps=5000), "single")
    readings = [
        Telemetry(
            step=1 + 25 * n, gradients=(0.1234,) * cards, activations=(1.234,) * cards,
            copy_gradients=(0.1234,) * copies, copy_activations=(1.234,) * copies, bytes=4 * 10**8,
        )
        for n in range(200)
    ]  # fmt: skip
    for event in [STARTED, *(step(n, loss=1.234567, elapsed=n * 0.0567) for n in range(1, 2001)), *readings]:
        store.append(run_id, event)
    run = store.read(run_id)
    assert run is not None
    assert len(json.dumps(series.whole([run]))) < 40_000
    assert len(json.dumps(series.small([run]))) < 10_000


def stroke(points: list[tuple[int, int]], width: int = 5) -> np.ndarray:
    image = Image.new("L", (drawn.SIDE, drawn.SIDE))
    ImageDraw.Draw(image).line(points, fill=255, width=width, joint="curve")
    return np.asarray(image)


def sent(pixels: np.ndarray) -> dict[str, object]:
    return {"number": 1, "pixels": b64encode(pixels.astype(np.uint8).tobytes()).decode()}


def test_a_drawing_is_read_as_it_was_sent() -> None:
    pixels = stroke([(10, 10), (40, 40)])
    read = drawn.read(sent(pixels))
    assert read is not None and (read == pixels).all()


@pytest.mark.parametrize(
    "message",
    [
        None, 3, "pixels", [], {}, {"pixels": None}, {"pixels": ""}, {"pixels": "A" * 10_000_000},
        {"pixels": "é" * 4184}, {"pixels": "!" * 4184}, {"pixels": ["A"] * 4184}, {"pixels": "A" * 4183},
        {"pixels": "A" * 4183 + "\n"},
        {"pixels": b"A" * 4184}, sent(np.zeros((56, 56))), sent(np.zeros((57, 57))), sent(np.full((56, 56), 9)),
    ],
)  # fmt: skip
def test_any_other_message_is_no_drawing(message: object) -> None:
    assert drawn.read(message) is None


def test_strokes_fill_their_frame() -> None:
    framed = drawn.framed(stroke([(40, 5), (40, 25)], 3))
    assert framed.shape[0] == framed.shape[1] < 30
    rows, columns = np.nonzero(framed)
    assert abs((columns.min() + columns.max()) / 2 - (framed.shape[1] - 1) / 2) <= 1
    assert rows.min() == 0 and rows.max() == framed.shape[0] - 1


STROKES: dict[int, list[list[tuple[int, int]]]] = {
    1: [[(28, 6), (28, 50)]],
    2: [[(14, 16), (20, 8), (34, 8), (40, 16), (36, 26), (14, 48), (42, 48)]],
    3: [[(16, 8), (38, 8), (28, 24), (40, 34), (36, 46), (24, 50), (14, 44)]],
    4: [[(34, 6), (12, 34), (44, 34)], [(34, 6), (34, 50)]],
    5: [[(40, 8), (18, 8), (16, 26), (32, 24), (40, 34), (34, 48), (16, 48)]],
    6: [[(36, 6), (20, 24), (16, 38), (24, 50), (36, 48), (40, 38), (32, 30), (18, 34)]],
    7: [[(12, 10), (42, 10), (22, 50)]],
}


def test_drawings_and_a_photographed_digit_are_read_by_the_trained_weights() -> None:
    network, state = box.load("digits_resnet20")
    three = read_picture((Path(__file__).parents[1] / "assets" / "samples" / "three.png").read_bytes())
    given = {
        digit: drawn.framed(np.maximum.reduce([stroke(line, 9) for line in lines])) for digit, lines in STROKES.items()
    }
    for digit, pixels in [*given.items(), (3, drawn.of_picture(three, 1, True))]:
        images, seen = drawn.images(pixels, "digits", Shape(*network.input))
        assert seen.shape == (8, 8) and tuple(images.shape) == (1, *network.input)
        assert probe.run(network, images, state).top[0][0] == digit


def test_what_is_drawn_in_the_datas_own_size_is_what_training_would_have_given() -> None:
    network = presets.load("digits_resnet20")
    digits = data.load("digits")
    images, seen = drawn.images(digits.test_images[5, 0].numpy(), "digits", Shape(*network.input))
    assert (seen == digits.test_images[5, 0].numpy()).all()
    prepared = data.Prepared(digits, Shape(*network.input), images.device)
    assert (images == prepared.images(digits.test_images[5:6])).all()


def test_a_picture_is_cut_to_its_middle_and_takes_the_colours_of_the_data() -> None:
    file = np.zeros((20, 40, 3), np.uint8)
    file[:, 10:30] = (255, 0, 0)
    kept = BytesIO()
    Image.fromarray(file).save(kept, "PNG")
    picture = read_picture(kept.getvalue())
    assert (drawn.of_picture(picture, 3, False) == (255, 0, 0)).all()
    assert (drawn.of_picture(picture, 1, False) == 76).all() and (drawn.of_picture(picture, 1, True) == 179).all()
