"""Runs as CSV, JSON and TensorBoard's files, and what is drawn of several at once."""

import csv
import io
import json
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from explorer import analyze
from explorer.runs import Run, Store
from explorer.runs.courses import costs, course, mean_and_deviation, same_but_seed, smooth, spent, spread, thinned
from explorer.runs.exported import archive, curves_csv, event_file, runs_csv, runs_json
from explorer.runs.exported.tensorboard import crc32c, masked
from explorer.training.recipe import Recipe
from tests.kept import SMALL, keep, loss_at


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def kept(store: Store, **more: object) -> Run:
    run = store.read(keep(store, **more))  # type: ignore[arg-type]
    assert run is not None
    return run


# Courses


def test_the_axis_is_steps_seconds_or_three_times_the_forward_macs(store: Store) -> None:
    run = kept(store)
    macs = analyze(SMALL).macs
    assert costs(run.network_json) == (macs, analyze(SMALL).params)
    assert spent(run) == 3 * macs * 64
    for across, each in (("steps", 1), ("seconds", 0.5), ("macs", 3 * macs * 64)):
        found = course(run, across)  # type: ignore[arg-type]
        assert found is not None
        assert found.at.tolist() == [each * step for step in range(1, 21)]
        assert [(test.at, test.accuracy) for test in found.tests] == [(10 * each, 0.5), (20 * each, 0.9)]


def test_a_run_that_ends_by_the_clock_is_as_long_as_it_was(store: Store) -> None:
    run = kept(store, recipe=Recipe(seconds=30.0), made=12)
    found = course(run)
    assert found is not None and found.at[-1] == 12 and found.tests[-1].at == 12


def test_no_seconds_are_made_up(store: Store) -> None:
    assert course(kept(store, elapsed=False), "seconds") is None
    assert course(kept(store, status="running", made=0)) is None


def test_a_point_is_the_mean_of_the_last_five_steps() -> None:
    assert smooth([5.0, 1.0, 3.0, 7.0, 4.0, 10.0]).tolist() == [5, 3, 3, 4, 4, 5]
    assert smooth([]).tolist() == []


def test_seeds_make_a_mean_and_a_deviation(store: Store) -> None:
    runs = [kept(store, recipe=Recipe(steps=20, seed=seed)) for seed in (0, 1, 2)]
    assert len({same_but_seed(run) for run in runs}) == 1
    assert same_but_seed(kept(store, recipe=Recipe(steps=20, momentum=0.8))) != same_but_seed(runs[0])
    courses = [one for one in map(course, runs) if one is not None]
    found = spread(courses)
    assert found.count == 3 and found.at.tolist() == courses[0].at.tolist()
    # losses of seeds are 0.01 apart, so the deviation of 0, 0.01 and 0.02 is 0.01
    np.testing.assert_allclose(found.deviation["loss"], 0.01, rtol=1e-9)
    np.testing.assert_allclose(found.mean["loss"], courses[1].loss, rtol=1e-12)
    assert mean_and_deviation([0.9, 0.91, 0.92]) == pytest.approx((0.91, 0.01))
    assert mean_and_deviation([0.5]) == (0.5, 0.0)


def test_runs_of_unequal_length_meet_where_all_of_them_are_known(store: Store) -> None:
    long, short = kept(store), kept(store, status="stopped", made=5)
    found = spread([one for one in (course(long, "seconds"), course(short, "seconds")) if one is not None])
    assert (found.at[0], found.at[-1]) == (0.5, 2.5)
    assert found.deviation["loss"].max() < 1e-12  # the same curve, read between its steps


def test_thinning_keeps_the_last_point() -> None:
    assert thinned(3) == [0, 1, 2] and thinned(0) == []
    assert thinned(1001, 500)[-1] == 1000 and len(thinned(1001, 500)) <= 501


# Tables


def test_a_line_a_run_with_the_whole_recipe(store: Store) -> None:
    runs = [kept(store), kept(store, recipe=Recipe(steps=20, seed=4), kind="plain", status="stopped", made=3)]
    lines = list(csv.DictReader(io.StringIO(runs_csv(runs))))
    assert [line["id"] for line in lines] == [run.id for run in runs]
    assert (lines[0]["steps_made"], lines[0]["test_accuracy"], lines[0]["recipe.seed"]) == ("20", "0.9", "0")
    assert (lines[1]["steps_made"], lines[1]["test_accuracy"], lines[1]["name"]) == ("3", "", "Small, plain twin")
    assert int(lines[0]["parameters"]) == analyze(SMALL).params
    assert {f"recipe.{name}" for name in Recipe.model_fields} <= lines[0].keys()


def test_a_line_a_step(store: Store) -> None:
    run = kept(store)
    lines = list(csv.DictReader(io.StringIO(curves_csv([run]))))
    assert len(lines) == 20 and float(lines[4]["loss"]) == loss_at(5, 0)
    assert int(lines[4]["macs_spent"]) == 5 * 3 * analyze(SMALL).macs * 64
    assert [line["test_accuracy"] for line in lines if line["test_accuracy"]] == ["0.5", "0.9"]


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-2", "@x"])
def test_no_spreadsheet_reads_a_name_as_a_formula(store: Store, name: str) -> None:
    run = kept(store, network=SMALL.model_copy(update={"name": name}))
    for text in (runs_csv([run]), curves_csv([run])):
        assert next(csv.DictReader(io.StringIO(text)))["name"] == f"'{name}"


def test_json_holds_everything_that_was_told(store: Store) -> None:
    run = kept(store)
    (found,) = json.loads(runs_json([run]))["runs"]
    assert found["network"] == json.loads(SMALL.to_json()) and found["recipe"] == run.recipe.model_dump(mode="json")
    assert len(found["events"]) == len(run.events) and found["made_with"]["torch"]


# TensorBoard


def records(file: bytes) -> Iterator[bytes]:
    """The records of a file of events, their checksums compared."""
    while file:
        (length,) = struct.unpack("<Q", file[:8])
        data = file[12 : 12 + length]
        assert struct.unpack("<I", file[8:12])[0] == masked(file[:8])
        assert struct.unpack("<I", file[12 + length : 16 + length])[0] == masked(data)
        file = file[16 + length :]
        yield data


def test_the_checksum_is_castagnolis() -> None:
    # RFC 3720, B.4: 32 bytes of zeros, of ones, and counting up; and the usual check value
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"123456789") == 0xE3069283


def test_a_file_of_events_has_a_record_a_step(store: Store) -> None:
    found = list(records(event_file(kept(store))))
    assert found[0].endswith(b"\x1a\x0dbrain.Event:2")  # field 3, 13 bytes
    assert len(found) == 2 + 20 + 2  # version and recipe, steps, two tests
    assert all(b"\nloss/train" in each.replace(b"\n\n", b"\n") for each in found[2:22])
    loss = found[2].partition(b"loss/train\x15")[2][:4]
    assert struct.unpack("<f", loss)[0] == pytest.approx(loss_at(1, 0), rel=1e-6)


def test_names_are_no_paths(store: Store) -> None:
    run = kept(store, network=SMALL.model_copy(update={"name": "../../etc/passwd ☃ C:\\x"}))
    (name,) = zipfile.ZipFile(io.BytesIO(archive([run]))).namelist()
    assert name.startswith("runs/etc-passwd-") and ".." not in name and "\\" not in name and name.count("/") == 2


def test_tensorboard_itself_reads_it(store: Store, tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", exc_type=ImportError)
    run = kept(store)
    zipfile.ZipFile(io.BytesIO(archive([run]))).extractall(tmp_path / "out")
    (folder,) = (tmp_path / "out" / "runs").iterdir()
    found = reader.EventAccumulator(str(folder))
    found.Reload()
    losses = found.Scalars("loss/train")
    assert [point.step for point in losses] == list(range(1, 21))
    assert [point.value for point in losses] == pytest.approx([loss_at(step, 0) for step in range(1, 21)], rel=1e-6)
    assert [(point.step, point.value) for point in found.Scalars("accuracy/test")] == [
        (10, 0.5),
        (20, pytest.approx(0.9)),
    ]
