"""Runs: workers that are processes of their own, and the store that keeps what they say."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from explorer import presets
from explorer.network import Network
from explorer.runs import Manager, Run, Store, owner, worker
from explorer.runs.messages import ANSWER, JOB
from explorer.training import device
from explorer.training.events import Failed, Finished, Started, Step
from explorer.training.recipe import Recipe
from tests.kept import keep

TINY = Network.from_json(
    """{"input": [1, 8, 8], "blocks": [{"kind": "stem", "form": "cifar", "channels": 4},
    {"kind": "basic", "channels": 4}, {"kind": "classifier", "classes": 10}]}"""
)
LONG = Recipe(steps=20_000, batch=64)
SOON = 60.0  # seconds that a loaded machine may take for what takes one


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """Two warm workers, shared by the tests since each takes seconds to start."""
    manager = Manager(tmp_path_factory.mktemp("runs"), workers=2)
    manager.warm()
    yield manager
    manager.close()


def read(manager: Manager, run_id: str) -> Run:
    run = manager.read(run_id)
    assert run is not None
    return run


def until_steps(manager: Manager, run_id: str) -> Run:
    """Waits for the first steps of a run."""
    limit = time.monotonic() + SOON
    while not (run := read(manager, run_id)).steps:
        assert time.monotonic() < limit and run.active, run
        time.sleep(0.02)
    return run


def process_of(manager: Manager, run_id: str) -> int:
    """The process that trains a run."""
    task = manager._tasks[run_id]
    return next(worker._process.pid for worker in manager.workers._workers if worker.task is task)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="no GNU library")
def test_a_worker_gives_back_what_a_job_held() -> None:
    many = [torch.ones(20_000) for _ in range(4000)]  # 80 kB each, which the library does not give back by itself
    many = many[-1:]
    held = device.held_bytes(torch.device("cpu"))
    worker.release()
    after = device.held_bytes(torch.device("cpu"))
    assert held is not None and after is not None and held - after > 200e6


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


# Workers


def test_a_run_goes_through_a_worker_and_leaves_curve_result_and_weights(manager: Manager) -> None:
    recipe = Recipe(steps=12, batch=16)
    run_id = manager.submit(TINY, recipe)
    assert manager.wait(run_id, SOON)
    run = read(manager, run_id)
    assert (run.status, run.reason, run.kind, run.active) == ("finished", "", "single", False)
    assert run.network == TINY and run.recipe == recipe
    assert run.started is not None and run.started.device.startswith(("CPU, 1 thread", "NVIDIA", "Apple"))
    assert [step.step for step in run.steps] == list(range(1, 13))
    assert run.finished is not None and 0 <= run.finished.test_accuracy <= 1
    TINY.build().load_state_dict(torch.load(run.checkpoint, weights_only=True))


def test_twins_run_at_once_on_two_workers_with_the_same_batches_and_one_can_be_stopped(manager: Manager) -> None:
    ids = manager.submit_twin(TINY, LONG)
    both = [until_steps(manager, run_id) for run_id in ids]
    assert [read(manager, run_id).status for run_id in ids] == ["running", "running"]
    assert [run.kind for run in both] == ["residual", "plain"]
    assert [any(block.has_shortcut() for block in run.network.blocks) for run in both] == [True, False]
    assert both[0].started is not None and both[1].started is not None
    assert both[0].started.order == both[1].started.order
    assert manager.pair_of(ids[0]) == manager.pair_of(ids[1]) == manager.latest(TINY) == ids

    first, second = (process_of(manager, run_id) for run_id in ids)
    assert first != second
    began = time.monotonic()
    manager.stop(ids[0])
    assert time.monotonic() - began < 1
    assert gone(first) and not gone(second)
    stopped = read(manager, ids[0])
    assert (stopped.status, stopped.reason) == ("stopped", "It was stopped.")
    assert len(stopped.steps) >= len(both[0].steps) and stopped.finished is None and stopped.ended is not None

    assert read(manager, ids[1]).status == "running"
    os.killpg(second, signal.SIGKILL)
    assert manager.wait(ids[1], 5)
    killed = read(manager, ids[1])
    assert killed.status == "failed" and killed.reason.startswith("The worker was killed.") and killed.steps

    following = manager.submit(TINY, Recipe(steps=2, batch=8))
    assert manager.wait(following, SOON) and read(manager, following).status == "finished"


def test_a_queued_run_can_be_stopped_before_it_begins(manager: Manager) -> None:
    busy = [manager.submit(TINY, Recipe(steps=200)) for _ in range(2)]
    waiting = manager.submit(TINY, LONG)
    assert read(manager, waiting).status == "queued"
    manager.stop(waiting)
    assert read(manager, waiting).status == "stopped"
    for run_id in busy:
        assert manager.wait(run_id, SOON)
        manager.stop(run_id)  # it has ended, and stays as it ended
        assert read(manager, run_id).status == "finished"


def test_a_run_that_cannot_be_made_fails_with_the_sentence(manager: Manager) -> None:
    run_id = manager.submit(TINY.remove(2), Recipe(steps=2))
    assert manager.wait(run_id, SOON)
    run = read(manager, run_id)
    assert run.status == "failed" and "A classifier at the end makes it trainable" in run.reason


def test_an_estimate_comes_from_a_worker_and_is_remembered(manager: Manager) -> None:
    first = manager.estimate(TINY, Recipe(steps=100), wait=SOON)
    assert first is not None and first.seconds > 0 and first.bytes > 0 and first.refusal == ""
    again = manager.estimate(TINY.model_copy(update={"name": "renamed"}), Recipe(steps=200, seed=4))
    assert again is not None and first.seconds < again.seconds < 2 * first.seconds + 1
    refused = manager.estimate(TINY.remove(2), Recipe(), wait=SOON)
    assert refused is not None and "classifier" in refused.refusal


def test_an_estimate_that_is_not_known_yet_keeps_nobody_waiting(manager: Manager) -> None:
    began = time.monotonic()
    assert manager.estimate(TINY, Recipe(batch=37)) is None
    assert time.monotonic() - began < 0.5
    assert manager.estimate(TINY, Recipe(batch=37), wait=SOON) is not None


def test_a_worker_ends_with_its_stdin() -> None:
    worker = subprocess.Popen(
        [sys.executable, "-m", "explorer.runs.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert worker.stdin is not None and worker.stdout is not None
    assert json.loads(worker.stdout.readline()) == {"event": "ready"}
    job = {"job": "train", "network": json.loads(TINY.to_json()), "recipe": {"steps": 20_000}, "checkpoint": "unused"}
    worker.stdin.write(json.dumps(job).encode() + b"\n")
    worker.stdin.flush()
    assert json.loads(worker.stdout.readline())["event"] == "started"
    worker.stdin.close()  # as when the server dies, in the middle of a run
    assert worker.wait(5) == 0
    worker.stdout.close()


def test_a_worker_that_cannot_start_fails_the_run_and_is_not_tried_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    manager = Manager(tmp_path, workers=2)
    ids = [manager.submit(TINY, LONG) for _ in range(3)]
    for run_id in ids:
        assert manager.wait(run_id, SOON)
        assert read(manager, run_id).reason.startswith("The worker could not start.")
    manager.close()


@pytest.mark.parametrize(
    "line",
    [
        '{"job": "erase"}',
        '{"job": "train", "network": {"input": [1, 8, 8], "blocks": []}, "recipe": {"steps": 1e9}, "checkpoint": ""}',
        '{"job": "measure", "network": {"input": [1, 9999, 8], "blocks": []}, "recipe": {}}',
        "[]",
    ],
)
def test_jobs_are_validated(line: str) -> None:
    with pytest.raises(ValueError):
        JOB.validate_json(line)


def test_answers_are_validated() -> None:
    with pytest.raises(ValueError):
        ANSWER.validate_json('{"event": "step", "step": -1}')


# The store


def step(number: int) -> Step:
    return Step(step=number, loss=1.0, accuracy=0.5, images_per_second=10, seconds_left=1)


FINISHED = Finished(
    seconds=1,
    cpu_seconds=1,
    train_loss=1,
    train_accuracy=0.5,
    test_loss=1,
    test_accuracy=0.5,
    confusion=((1,),),
    wrong=(),
    wrong_count=0,
)


def test_a_run_is_found_by_id_by_network_and_among_the_latest(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first, second = store.create(TINY, Recipe(), "single"), store.create(TINY.plain(), Recipe(), "single")
    again = Store(tmp_path)  # another process, or the same after a restart
    found = again.read(first)
    assert found is not None and found.network == TINY and found.status == "queued" and found.events == ()
    assert again.of_network(TINY.model_copy(update={"name": "other"})) == (first,)
    assert again.recent() == (second, first)
    assert again.read("00000000-000000000000") is None


@pytest.mark.parametrize("run_id", ["", "..", "../../etc/passwd", "00000000-00000000000/", "A" * 21, "x" * 10_000])
def test_what_is_no_run_id_never_becomes_a_path(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(ValueError, match="not the id of a run"):
        Store(tmp_path).read(run_id)


def test_a_terminal_state_is_written_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run_id = store.create(TINY, Recipe(), "single")
    store.begin(run_id)
    assert store.end(run_id, "finished", finished=FINISHED)
    assert not store.end(run_id, "stopped", "too late")
    store.begin(run_id)
    run = store.read(run_id)
    assert run is not None and (run.status, run.reason) == ("finished", "")


def test_the_curve_is_read_as_it_grows_and_a_torn_last_line_waits(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run_id = store.create(TINY, Recipe(), "single")
    store.append(run_id, step(1))
    lines = tmp_path / run_id / "events.jsonl"
    whole = step(2).model_dump_json() + "\n"
    with lines.open("a") as file:
        file.write(whole[:20])
    assert [event.step for event in _run(store, run_id).steps] == [1]
    with lines.open("a") as file:
        file.write(whole[20:])
    assert [event.step for event in _run(store, run_id).steps] == [1, 2]
    assert [event.step for event in _run(Store(tmp_path), run_id).steps] == [1, 2]


def test_lines_that_are_no_records_are_passed_over(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run_id = store.create(TINY, Recipe(), "single")
    store.append(run_id, step(1))
    with (tmp_path / run_id / "events.jsonl").open("ab") as file:
        file.write(b'{"event": "step", "step": "many"}\n\xff\xfe\n{"event": "exec", "code": "1"}\n')
    store.append(run_id, step(2))
    assert [event.step for event in _run(store, run_id).steps] == [1, 2]


def test_a_run_whose_owner_is_gone_is_lost_and_keeps_its_curve(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from explorer.runs.store import Store; "
        "from explorer.network import Network; from explorer.training.recipe import Recipe; "
        "from explorer.training.events import EVENT; "
        "store = Store(Path(sys.argv[1])); run = store.create(Network.from_json(sys.argv[2]), Recipe(), 'single'); "
        "store.begin(run); store.append(run, EVENT.validate_json(sys.argv[3])); print(run)"
    )
    arguments = [sys.executable, "-c", script, str(tmp_path), TINY.to_json(), step(1).model_dump_json()]
    run_id = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.strip()
    run = _run(Store(tmp_path), run_id)
    assert run.status == "lost" and len(run.steps) == 1 and "closed before the end" in run.reason


def test_a_process_is_told_from_a_later_one_with_its_number() -> None:
    assert owner.alive(owner.mine())
    pid, _, born = owner.mine().partition("@")
    assert born and not owner.alive(f"{pid}@{born}0")
    assert not owner.alive("") and not owner.alive(f"{pid}@") and not owner.alive("x@1")


def test_old_runs_and_old_weights_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.runs.store.KEPT_RUNS", 2)
    monkeypatch.setattr("explorer.runs.store.KEPT_CHECKPOINTS", 1)
    store = Store(tmp_path)
    ids = [store.create(TINY, Recipe(), "single") for _ in range(4)]
    for run_id in ids[:3]:
        store.end(run_id, "finished", finished=FINISHED)
        store.checkpoint(run_id).write_bytes(b"weights")
    Store(tmp_path)
    assert store.recent() == (ids[3], ids[2], ids[1])  # the fourth is still active, and no ended one
    assert not (tmp_path / ids[0]).exists()
    assert [store.checkpoint(run_id).exists() for run_id in ids[1:3]] == [False, True]


def test_records_of_failure_are_part_of_the_curve(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run_id = store.create(TINY, Recipe(), "single")
    store.append(run_id, Failed(reason="because"))
    assert _run(store, run_id).events == (Failed(reason="because"),)
    assert not any(isinstance(event, Started) for event in _run(store, run_id).events)


def _run(store: Store, run_id: str) -> Run:
    run = store.read(run_id)
    assert run is not None
    return run


def test_a_run_is_shown_to_who_started_it_and_to_others_once_it_has_finished(tmp_path: Path) -> None:
    manager, network = Manager(tmp_path, workers=1), presets.load("digits_resnet20")
    first = keep(manager.store, network, user="one")
    second = manager.store.create(network, Recipe(), "single", user="one")
    assert manager.latest(network, "one") == (second,)
    assert manager.latest(network, "other") == manager.latest(network) == (first,)
    manager.store.end(second, "stopped")  # to be resumed by who started it
    assert manager.latest(network, "one") == (second,) and manager.latest(network, "other") == (first,)
    from_terminal = manager.store.create(network, Recipe(), "single")
    assert manager.latest(network, "other") == (from_terminal,)
    manager.close()
