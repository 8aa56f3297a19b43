"""Runs that are paused, killed, limited, or lose their disk: each is said in a sentence, and nothing else is lost."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.network import Network
from explorer.runs import Manager, Member, Refused, Run, Store
from explorer.runs.limits import Limits, resident_bytes
from explorer.runs.store import EVENTS
from explorer.training import loop
from explorer.training.events import Evaluated, Event, Finished, Notice, Paused, Step, Telemetry
from explorer.training.recipe import Recipe

# Dropout draws from the global generator, so that a run that goes on shows whether that was kept too.
SMALL = Network.from_json(
    """{"input": [1, 8, 8], "blocks": [{"kind": "stem", "form": "cifar", "channels": 4},
    {"kind": "basic", "channels": 4}, {"kind": "dropout", "rate": 0.2}, {"kind": "classifier", "classes": 10}]}"""
)
RECIPE = Recipe(steps=400, batch=16, evaluations=3, schedule="cosine")
SOON = 60.0
TIMED = {"images_per_second", "seconds_left", "milliseconds", "elapsed", "bytes", "seconds", "cpu_seconds", "done"}


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """Two warm workers that write the state of a run as often as they look."""
    manager = Manager(tmp_path_factory.mktemp("runs"), workers=2, save_seconds=0)
    manager.warm()
    until(lambda: manager.workers.idle == 2)  # type: ignore[attr-defined]
    yield manager
    manager.close()


def read(source: Manager | Store, run_id: str) -> Run:
    run = source.read(run_id)
    assert run is not None
    return run


def until(holds: Callable[[], bool], seconds: float = SOON) -> None:
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.01)


def until_saved(store: Store, run_id: str) -> None:
    """Waits until a run has made steps and its state lies on disk."""
    until(lambda: store.state(run_id).exists() and bool(read(store, run_id).steps))


def process_of(manager: Manager, run_id: str) -> int:
    task = manager._tasks[run_id]
    return next(worker.pid for worker in manager.workers._workers if worker.task is task)  # type: ignore[attr-defined]


def curve(events: tuple[Event, ...] | list[Event]) -> list[dict[str, Any]]:
    """All that was said of the run itself, without what depends on the clock."""
    said = [event for event in events if isinstance(event, Step | Telemetry | Evaluated | Finished)]
    return [event.model_dump(exclude=TIMED) for event in said]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], dict[str, torch.Tensor]]:
    """The run that nobody interrupts: its curve and its weights."""
    path = tmp_path_factory.mktemp("whole") / "weights.pt"
    events = list(loop.train(SMALL, RECIPE, torch.device("cpu"), checkpoint=path))
    return curve(events), torch.load(path, weights_only=True)


def same(run: Run, whole: tuple[list[dict[str, Any]], dict[str, torch.Tensor]]) -> None:
    """Whether a run came to the same bits, all the way."""
    assert run.status == "finished", run.reason
    assert curve(run.events) == whole[0]
    weights = torch.load(run.checkpoint, weights_only=True)
    assert weights.keys() == whole[1].keys()
    assert all(torch.equal(tensor, whole[1][name]) for name, tensor in weights.items())
    assert not run.state.exists()


# Going on


def test_a_paused_twin_goes_on_to_the_same_bits(manager: Manager, whole: Any) -> None:
    ids = manager.submit_twin(SMALL, RECIPE)
    assert all(manager._tasks[run_id].began for run_id in ids)
    manager.pause(ids[0])  # both do at their first look
    assert all(manager.wait(run_id, SOON) for run_id in ids)
    for run in (read(manager, run_id) for run_id in ids):
        assert run.status == "paused" and isinstance(run.events[-1], Paused) and run.finished is None
        assert run.reason == f"Paused after step {run.events[-1].step:,}." and run.events[-1].step == len(run.steps)
    assert manager.workers.idle == 2  # type: ignore[attr-defined]  # nobody was killed for it
    assert manager.resume(ids[1]) == ids
    assert all(manager.wait(run_id, SOON) for run_id in ids)
    residual, plain = (read(manager, run_id) for run_id in ids)
    same(residual, whole)
    assert residual.started is not None and residual.started.done > 0
    assert plain.finished is not None and plain.started is not None and plain.started.order == residual.started.order


def test_a_run_whose_worker_was_killed_goes_on_to_the_same_bits(manager: Manager, whole: Any) -> None:
    run_id = manager.submit(SMALL, RECIPE)
    until_saved(manager.store, run_id)
    os.killpg(process_of(manager, run_id), signal.SIGKILL)
    assert manager.wait(run_id, 5)
    killed = read(manager, run_id)
    assert killed.status == "failed" and killed.reason.startswith("The worker was killed.") and killed.resumable
    assert manager.resume(run_id) == (run_id,)
    assert manager.wait(run_id, SOON)
    same(read(manager, run_id), whole)


SERVER = """
import sys, time
from pathlib import Path
from explorer.network import Network
from explorer.runs import Manager
from explorer.training.recipe import Recipe
manager = Manager(Path(sys.argv[1]), 1, save_seconds=0)
run, waiting = (
    manager.submit(Network.from_json(sys.argv[2]), Recipe.model_validate_json(sys.argv[3])) for _ in range(2)
)
print(run, waiting, flush=True)
while True:
    time.sleep(1)
"""


def test_runs_whose_server_was_killed_go_on_in_the_next_one_to_the_same_bits(
    manager: Manager, whole: Any, tmp_path: Path
) -> None:
    arguments = [str(manager.store.directory), SMALL.to_json(), RECIPE.model_dump_json()]
    with subprocess.Popen([sys.executable, "-c", SERVER, *arguments], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        run_id, waiting = server.stdout.readline().split()
        until_saved(manager.store, run_id)
        assert read(manager, run_id).active and not read(manager, run_id).resumable
        server.kill()
    with (manager.store.folder(run_id) / EVENTS).open("ab") as file:
        file.write(b'{"event":"step","st')  # cut off in the middle of a line
    lost, never = read(manager, run_id), read(manager, waiting)
    assert lost.status == never.status == "lost" and "closed before the end" in lost.reason
    assert lost.steps and never.events == () and lost.resumable and never.resumable
    assert manager.resume(run_id) == (run_id,) and manager.resume(waiting) == (waiting,)
    for each in (run_id, waiting):
        assert manager.wait(each, SOON)
        same(read(manager, each), whole)
    began = read(manager, run_id).started
    assert began is not None and began.done > 0


def test_a_run_whose_workers_are_closed_with_the_server_is_lost_and_not_called_out_of_memory(tmp_path: Path) -> None:
    manager = Manager(tmp_path, workers=1)
    run_id = manager.submit(SMALL, Recipe(steps=100_000))
    until(lambda: bool(manager._tasks[run_id].began))
    manager.workers.close()  # as a server does that is told to end
    assert manager.wait(run_id, SOON)
    run = read(manager, run_id)
    assert run.status == "lost" and "closed before the end" in run.reason and run.resumable


def test_a_run_made_again_is_the_same_to_the_bit(manager: Manager, whole: Any) -> None:
    first = manager.submit(SMALL, RECIPE)
    assert manager.wait(first, SOON)
    [second] = manager.again(first)
    assert manager.wait(second, SOON) and second != first
    for run_id in (first, second):
        same(read(manager, run_id), whole)


def test_a_run_that_cannot_come_to_another_end_is_not_resumed(manager: Manager) -> None:
    grows = Recipe(steps=4000, learning_rate=10.0, weight_decay=1.0, warmup=0)  # each step makes all weights -9 times
    run_id = manager.submit(SMALL, grows)
    assert manager.wait(run_id, SOON)
    run = read(manager, run_id)
    assert run.status == "failed" and "no longer finite" in run.reason and not run.resumable
    assert manager.resume(run_id) == ()


def test_a_stopped_run_may_go_on_where_its_state_was_written(manager: Manager, whole: Any) -> None:
    run_id = manager.submit(SMALL, RECIPE)
    until_saved(manager.store, run_id)
    manager.stop(run_id)
    assert read(manager, run_id).status == "stopped" and read(manager, run_id).resumable
    manager.resume(run_id)
    assert manager.wait(run_id, SOON)
    same(read(manager, run_id), whole)


# Limits


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(seconds=0.5), "It was ended after 0.5 s, the longest that a run may take here."),
        (Limits(bytes=50_000_000), "a run may take 50 MB here. A smaller batch, input or network needs less."),
    ],
)
def test_a_run_beyond_its_limit_is_ended_and_kept(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, limits: Limits, said: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(manager, "limits", limits)
        run_id = manager.submit(SMALL, Recipe(steps=100_000))
    pid = 0

    def running() -> bool:
        nonlocal pid
        if run_id in manager._tasks and manager._tasks[run_id].began:
            pid = process_of(manager, run_id)
        return pid > 0

    until(running)
    assert manager.wait(run_id, SOON)
    run = read(manager, run_id)
    assert run.status == "failed" and said in run.reason and run.ended is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    following = manager.submit(SMALL, Recipe(steps=2))
    assert manager.wait(following, SOON) and read(manager, following).status == "finished"


def test_the_memory_of_a_process_is_read() -> None:
    held = resident_bytes(os.getpid())
    assert held is not None and held > 50_000_000  # torch alone
    with subprocess.Popen([sys.executable, "-c", ""]) as other:
        pass
    assert not resident_bytes(other.pid)


# The disk


def full(*about: object) -> Any:
    raise OSError(28, "No space left on device")


def test_a_curve_that_the_disk_does_not_take_ends_its_run_alone(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, whole: Any
) -> None:
    run_id, other = manager.submit(SMALL, RECIPE), manager.submit(SMALL, RECIPE)
    until_saved(manager.store, run_id)
    append = Store.append
    with monkeypatch.context() as patch:
        patch.setattr(Store, "append", lambda store, of, event: full() if of == run_id else append(store, of, event))
        assert manager.wait(run_id, SOON)
    run = read(manager, run_id)
    assert run.status == "failed" and run.reason.startswith("Its curve could not be written (No space left on device)")
    assert run.resumable and run.steps
    assert manager.wait(other, SOON)
    same(read(manager, other), whole)
    manager.resume(run_id)  # there is space again
    assert manager.wait(run_id, SOON)
    same(read(manager, run_id), whole)


def test_a_line_that_the_disk_takes_in_part_is_taken_back(tmp_path: Path) -> None:
    """A limit of the system on the size of files, in a process of its own, does what a full disk does."""
    script = """
import resource, sys
from pathlib import Path
from explorer.network import Network
from explorer.runs.store import Store
from explorer.training.events import Notice
from explorer.training.recipe import Recipe
store = Store(Path(sys.argv[1]))
run_id = store.create(Network.from_json(sys.argv[2]), Recipe(), "single")
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))
kept = 0
try:
    while True:
        store.append(run_id, Notice(text="x" * 700))
        kept += 1
except OSError as error:
    print(run_id, kept, error.strerror)
"""
    command = [sys.executable, "-c", script, str(tmp_path), SMALL.to_json()]
    run_id, kept, *why = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    lines = (tmp_path / run_id / EVENTS).read_bytes().splitlines(keepends=True)
    assert len(lines) == int(kept) == 4 and lines[-1].endswith(b"}\n"), why
    assert [type(event) for event in read(Store(tmp_path), run_id).events] == [Notice] * 4


def test_a_worker_whose_state_and_weights_find_no_room_says_so_and_finishes(tmp_path: Path) -> None:
    job = {
        "job": "train",
        "network": json.loads(SMALL.to_json()),
        "recipe": {"steps": 30, "batch": 8},
        "checkpoint": str(tmp_path / "weights.pt"),
        "resume": str(tmp_path / "state.pt"),
        "run": "this",
        "every": 0,
    }

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))

    with subprocess.Popen(
        [sys.executable, "-m", "explorer.runs.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=little,
    ) as worker:
        assert worker.stdin is not None and worker.stdout is not None
        assert json.loads(worker.stdout.readline())["event"] == "ready"
        worker.stdin.write(json.dumps(job).encode() + b"\n")
        worker.stdin.flush()
        said = []
        while (answer := json.loads(worker.stdout.readline()))["event"] != "ready":
            said.append(answer)
        worker.stdin.close()
    notices = [answer["text"] for answer in said if answer["event"] == "notice"]
    assert (
        len(notices) == 2 and "it cannot go on if it stops" in notices[0] and "weights were not written" in notices[1]
    )
    assert said[-1]["event"] == "finished" and list(tmp_path.iterdir()) == []


def test_an_index_that_is_full_keeps_the_end_of_a_run_in_mind_and_takes_no_new_one(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = Store._open

    def small(store: Store, **about: Any) -> sqlite3.Connection:
        database = connect(store, **about)
        database.execute("PRAGMA max_page_count = 1")  # it grows no further: SQLite's own error follows
        return database

    run_id = manager.submit(SMALL, RECIPE)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "_open", small)
        with pytest.raises(sqlite3.OperationalError, match="full"):
            for _ in range(200):  # what was free in its pages is used up
                manager.store.remove(manager.store.create(SMALL, RECIPE, "single", "f" * 900))
                manager.store.create(SMALL, RECIPE, "single", "f" * 16)
        known = manager.store.recent(1000)
        with pytest.raises(Refused, match=r"database or disk is full\. Nothing was started; free some space first"):
            manager.submit_group([Member(SMALL, RECIPE)] * 3)
        assert manager.store.recent(1000) == known
        assert manager.wait(run_id, SOON)
        assert read(manager, run_id).status == "finished"
    assert read(manager, run_id).status == "finished"


def test_an_end_that_the_index_does_not_take_is_read_as_if_it_stood_there_and_written_later(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(store: Store) -> Any:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("explorer.runs.store.TRY_AGAIN", 0.0)
    run_id = manager.submit(SMALL, RECIPE)
    until_saved(manager.store, run_id)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "_write", broken)
        manager.stop(run_id)
        run = read(manager, run_id)
        assert (run.status, run.reason) == ("stopped", "It was stopped.") and run.ended is not None
        assert not manager.store.end(run_id, "failed", "too late")
        assert read(Store(manager.store.directory), run_id).status == "running"  # what stands on disk
        with pytest.raises(Refused, match="database or disk is full"):
            manager.submit(SMALL, RECIPE)
        with pytest.raises(Refused, match="database or disk is full"):
            manager.resume(run_id)
    assert read(manager, run_id).status == "stopped"
    assert read(Store(manager.store.directory), run_id).status == "stopped"
    following = manager.submit(SMALL, Recipe(steps=2))
    assert manager.wait(following, SOON) and read(manager, following).status == "finished"


def test_a_disk_that_takes_not_a_byte_keeps_runs_readable_and_is_paid_later(tmp_path: Path) -> None:
    script = """
import resource, sqlite3, sys
from pathlib import Path
from explorer.network import Network
from explorer.runs import Manager, Refused, store
from explorer.training.events import Notice
from explorer.training.recipe import Recipe
from tests.test_queue import Script
store.TRY_AGAIN = 0.0
network, script = Network.from_json(sys.argv[2]), Script()
manager = Manager(Path(sys.argv[1]), 1, backend=script)
run_id = manager.submit(network, Recipe())
script.begun[0].on_answer(Notice(text="said before"))
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, most))
script.begun[0].on_answer(Notice(text="said to a full disk"))
run = manager.read(run_id)
print(run.status, len(run.events), run.reason, sep="|")
try:
    manager.submit(network, Recipe())
except Refused as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
print(manager.read(run_id).status, store.Store(Path(sys.argv[1])).read(run_id).status, sep="|")
print(manager.read(manager.submit(network, Recipe())).status)
"""
    command = [sys.executable, "-c", script, str(tmp_path), SMALL.to_json()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr
    ended, refused, later, following = done.stdout.splitlines()
    assert ended.startswith(
        "failed|1|Its curve could not be written (File too large), so it was ended. Free some space"
    )
    assert refused.startswith("The run cannot be kept: ") and refused.endswith("started; free some space first.")
    assert (later, following) == ("failed|failed", "running")


def test_a_run_whose_folder_is_deleted_ends_with_a_sentence_and_leaves_nothing(manager: Manager, whole: Any) -> None:
    run_id, other = manager.submit(SMALL, Recipe(steps=100_000)), manager.submit(SMALL, RECIPE)
    until_saved(manager.store, run_id)
    shutil.rmtree(manager.store.folder(run_id), ignore_errors=True)
    assert manager.wait(run_id, SOON)
    run = read(manager, run_id)
    assert run.status == "failed" and run.reason.startswith("Its folder was deleted while it ran")
    assert not run.resumable and not manager.store.folder(run_id).exists()
    assert manager.wait(other, SOON)
    same(read(manager, other), whole)


def test_a_store_whose_whole_folder_is_deleted_goes_on_with_an_empty_one(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    old = store.create(SMALL, RECIPE, "single")
    shutil.rmtree(tmp_path / "runs")
    assert store.read(old) is None and store.recent() == ()
    assert not store.end(old, "finished")
    new = store.create(SMALL, RECIPE, "single")
    assert read(store, new).status == "queued"


def test_an_index_of_an_earlier_version_is_read_and_written(tmp_path: Path) -> None:
    earlier = (
        "CREATE TABLE runs (id TEXT PRIMARY KEY, created REAL NOT NULL, ended REAL, status TEXT NOT NULL, "
        "reason TEXT NOT NULL DEFAULT '', kind TEXT NOT NULL, pair TEXT NOT NULL, owner TEXT NOT NULL, "
        "network_digest TEXT NOT NULL, network TEXT NOT NULL, recipe TEXT NOT NULL, summary TEXT NOT NULL DEFAULT '{}')"
    )
    row = ("01234567-0123456789ab", 1.0, "finished", "single", "", "", "d", SMALL.to_json(), RECIPE.model_dump_json())
    with closing(sqlite3.connect(tmp_path / "index.sqlite")) as database:
        database.execute(earlier)
        columns = "id, created, status, kind, pair, owner, network_digest, network, recipe"
        database.execute(f"INSERT INTO runs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        database.commit()
    for _ in range(2):
        store = Store(tmp_path)
        run = read(store, row[0])
        assert (run.status, run.user, run.group, run.label, run.began, run.made_with) == (
            "finished",
            "",
            "",
            "",
            None,
            {},
        )
    new = store.create(SMALL, RECIPE, "single", user="a1", group="b2", label="depth 20")
    store.begin(new)
    run = read(store, new)
    assert (run.user, run.group, run.label) == ("a1", "b2", "depth 20") and run.began is not None


def test_a_run_says_what_it_was_made_with(manager: Manager) -> None:
    run_id = manager.submit(SMALL, Recipe(steps=2, seed=5))
    assert manager.wait(run_id, SOON)
    run = read(Store(manager.store.directory), run_id)  # from the disk alone
    assert run.network == SMALL and run.recipe.seed == 5
    assert run.made_with["torch"] == torch.__version__ and run.made_with["python"] == sys.version.split()[0]
    assert run.made_with["explorer"] and run.made_with["machine"]
    assert run.started is not None and run.started.device


def test_states_of_old_runs_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.runs.store.KEPT_STATES", 1)
    store = Store(tmp_path)
    ids = [store.create(SMALL, RECIPE, "single") for _ in range(3)]
    for run_id in ids:
        store.state(run_id).write_bytes(b"state")
    store.end(ids[0], "stopped")
    store.end(ids[1], "paused")
    Store(tmp_path)
    assert [store.state(run_id).exists() for run_id in ids] == [False, True, True]  # the third is still active
