"""The queue before the workers, with an executor that does what it is told, so that every order is exact."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from explorer.network import Network
from explorer.runs import Manager, Member, Refused
from explorer.runs.limits import Limits
from explorer.runs.local import Task
from explorer.runs.messages import Measure, Pause, Train
from explorer.runs.queue import Caps, JobQueue, Unit, turn
from explorer.training.estimate import Measured
from explorer.training.events import Finished, Paused, Started, Step
from explorer.training.recipe import Recipe

TINY = Network.from_json(
    """{"input": [1, 8, 8], "blocks": [{"kind": "stem", "form": "cifar", "channels": 4},
    {"kind": "basic", "channels": 4}, {"kind": "classifier", "classes": 10}]}"""
)
STARTED = Started(device="CPU", parameters=1, train_images=1, test_images=1, steps=9, order="")
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


class Script:
    """An executor that begins whatever it gets and ends it when the test says so."""

    def __init__(self) -> None:
        self.begun: list[Task] = []  # all, in order
        self.under_way: list[Task] = []
        self.told: list[BaseModel] = []

    def warm(self) -> None: ...

    def submit(self, *tasks: Task) -> None:
        for task in tasks:
            self.begun.append(task)
            self.under_way.append(task)
            task.begin()

    def withdraw(self, task: Task) -> bool:
        return False

    def stop(self, task: Task) -> None:
        if task in self.under_way:
            task.stopped = True
            self.under_way.remove(task)
            task.on_end("It was stopped.")

    def tell(self, task: Task, message: BaseModel) -> None:
        self.told.append(message)

    def close(self) -> None: ...

    def finish(self, task: Task | None = None, why: str = "") -> None:
        """Ends a task, the oldest unless said."""
        task = task or self.under_way[0]
        self.under_way.remove(task)
        if isinstance(task.job, Train) and not why:
            task.on_answer(FINISHED)
        task.on_end(why)

    @property
    def order(self) -> list[str]:
        return [task.user for task in self.begun]


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time goes by for tasks."""
    monkeypatch.setattr("explorer.runs.local.time", SimpleNamespace(monotonic=lambda: 1000.0))


def run_of(user: str, expected: float | None = None) -> Task:
    def nothing(*about: object) -> None: ...

    job = Train(network=TINY, recipe=Recipe(), checkpoint="")
    return Task(job, on_begin=nothing, on_answer=nothing, on_end=nothing, user=user, expected=expected)


def add(queue: JobQueue, *units: list[Task]) -> None:
    queue.reserve(units[0][0].user, sum(map(len, units)))
    queue.submit_all(units)


# Turns


def test_each_of_ten_users_begins_before_anyone_begins_a_third(script: Script) -> None:
    queue = JobQueue(script, 2)
    for user in "abcdefghij":
        add(queue, *([run_of(user)] for _ in range(5)))
    while script.under_way:
        script.finish()
    # two of a's began before anyone else was there; then all take turns, whoever has waited longest first
    assert script.order == [*"aa", *"bcdefghij", *"abcdefghij" * 3, *"bcdefghij"]
    for number, user in enumerate(script.order):
        if script.order[:number].count(user) == 2:
            assert set(script.order[:number]) == set("abcdefghij")


def test_a_user_who_comes_late_is_next(script: Script) -> None:
    queue = JobQueue(script, 1)
    add(queue, *([run_of("early")] for _ in range(40)))  # as a family of networks
    add(queue, [run_of("late")])
    script.finish()
    assert script.order == ["early", "late"]


def test_what_belongs_together_begins_together_and_is_one_turn(script: Script) -> None:
    queue = JobQueue(script, 2)
    add(queue, [run_of("a"), run_of("a")])
    twin = [run_of("b"), run_of("b")]
    add(queue, twin, [run_of("b")])
    add(queue, [run_of("c")])
    script.finish()
    assert script.begun[-1] is twin[0]
    queue.submit(measurement())  # even what is short comes after the other half
    script.finish(script.begun[1])
    assert script.begun[-1] is twin[1]
    while script.under_way:
        script.finish()
    assert [task.user for task in script.begun if isinstance(task.job, Train)] == ["a", "a", "b", "b", "c", "b"]


def test_one_user_leaves_a_worker_to_others_where_there_are_more_than_two(script: Script) -> None:
    queue = JobQueue(script, 4)
    add(queue, *([run_of("a")] for _ in range(9)))
    assert script.order == ["a", "a", "a"]
    add(queue, [run_of("b"), run_of("b")])
    assert script.order == ["a", "a", "a", "b"]
    script.finish(script.begun[3])
    assert script.order == ["a", "a", "a", "b", "b"]
    assert [Caps.of(workers).running for workers in (1, 2, 3, 4, 16)] == [2, 2, 2, 3, 15]


def measurement() -> Task:
    def nothing(*about: object) -> None: ...

    return Task(Measure(network=TINY, recipe=Recipe()), on_begin=nothing, on_answer=nothing, on_end=nothing)


def test_measurements_go_first_and_take_no_turn(script: Script) -> None:
    queue = JobQueue(script, 1)
    add(queue, *([run_of("a")] for _ in range(3)))
    add(queue, [run_of("b")])
    measured = measurement()
    queue.submit(measured)
    script.finish()
    assert script.begun[-1] is measured
    script.finish()
    assert script.order == ["a", "", "b"]


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 2)), max_size=12),
    st.integers(1, 4),
    st.lists(st.booleans(), max_size=40),
)
def test_whatever_comes_all_begin_once_within_the_caps(
    units: list[tuple[str, int]], size: int, coin: list[bool]
) -> None:
    script = Script()
    queue = JobQueue(script, size)
    flips = iter(coin)
    for user, number in units:
        add(queue, [run_of(user) for _ in range(number)])
        while next(flips, False) and script.under_way:
            script.finish()
        assert len(script.under_way) <= size
    while script.under_way:
        assert len(script.under_way) <= size
        for user in "abcd":  # a twin's other half may be one more
            mine = sum(task.user == user for task in script.under_way)
            assert mine <= queue.caps.running + 1
        script.finish()
    assert len(script.begun) == len(set(script.begun)) == sum(number for _, number in units)


def test_of_equals_the_first_to_come_has_the_turn() -> None:
    units = [Unit("b", []), Unit("a", []), Unit("b", [])]
    assert turn(units, {}, {}, 2) is units[0]
    assert turn(units, {}, {"b": 1}, 2) is units[1]
    assert turn(units, {"b": 2}, {"a": 1}, 2) is units[1]
    assert turn(units, {"a": 2, "b": 2}, {}, 2) is None
    assert turn([], {}, {}, 2) is None


# Standing


def test_the_place_and_the_wait_are_those_that_come_true(script: Script) -> None:
    queue = JobQueue(script, 1)
    add(queue, [run_of("a", 10)], [run_of("a", 20)], [run_of("a", 30)])
    mine = run_of("b", 5)
    add(queue, [run_of("c", 7)])
    add(queue, [mine])
    standing = queue.standing(mine)
    assert standing is not None and standing.place == 2
    assert standing.seconds == 17  # what is left of 10 and the 7 of c
    last = queue.standing(queue._units[1].tasks[0])
    assert last is not None and last.place == 4 and last.seconds == 10 + 7 + 5 + 20
    script.finish()
    script.finish()
    assert script.begun[-1] is mine and queue.standing(mine) is None


def test_a_wait_that_hangs_on_something_of_unknown_length_is_not_guessed(script: Script) -> None:
    queue = JobQueue(script, 2)
    add(queue, [run_of("a", 10)])
    add(queue, [run_of("a")])
    first, second = run_of("b", 5), run_of("c", 5)
    add(queue, [first])
    add(queue, [second])
    known, unknown = queue.standing(first), queue.standing(second)
    assert known is not None and known.place == 1 and known.seconds == 10
    assert unknown is not None and unknown.place == 2 and unknown.seconds == 15
    script.begun[0].foresee(3000)  # it says itself that it takes longer: the one of unknown length is waited for
    unknown = queue.standing(second)
    assert unknown is not None and unknown.seconds is None


def test_twins_stand_at_one_place(script: Script) -> None:
    queue = JobQueue(script, 1)
    add(queue, [run_of("a", 1)])
    twin = [run_of("b", 4), run_of("b", 4)]
    add(queue, twin)
    places = [queue.standing(task) for task in twin]
    assert [each.place for each in places if each] == [1, 1]


# Caps


def test_more_than_may_wait_is_refused_in_a_sentence_and_nothing_of_it_is_taken(script: Script) -> None:
    queue = JobQueue(script, 1, Caps(running=2, waiting=3, in_all=5))
    add(queue, [run_of("a")], *([run_of("a")] for _ in range(2)))
    with pytest.raises(Refused, match=r"^You have 2 runs waiting and ask for 2 more; 3 may wait\. Stop some, or"):
        queue.reserve("a", 2)
    with pytest.raises(Refused, match="You ask for 4 more"):
        queue.reserve("b", 4)
    add(queue, *([run_of("b")] for _ in range(2)))
    with pytest.raises(Refused, match="4 runs of all users wait already: try again in a while"):
        queue.reserve("c", 2)
    queue.reserve("c", 1)
    with pytest.raises(Refused):
        queue.reserve("d", 1)
    queue.release("c", 1)
    queue.reserve("d", 1)


# Through the manager


@pytest.fixture
def manager(tmp_path: Path, script: Script) -> Iterator[Manager]:
    yield Manager(tmp_path, 2, backend=script, caps=Caps(running=2, waiting=6))


def status(manager: Manager, run_id: str) -> str:
    run = manager.read(run_id)
    assert run is not None
    return run.status


def test_a_group_is_taken_whole_found_again_and_stopped_at_once(manager: Manager, script: Script) -> None:
    members = [Member(TINY, Recipe(seed=seed), label=f"seed {seed}") for seed in range(5)]
    group, ids = manager.submit_group(members, user="a")
    other = manager.submit(TINY, Recipe(), user="b")
    assert manager.store.group(group) == ids
    runs = [manager.read(run_id) for run_id in ids]
    assert [run.label for run in runs if run] == [f"seed {seed}" for seed in range(5)]
    assert {(run.group, run.user) for run in runs if run} == {(group, "a")}
    script.finish()
    assert script.order == ["a", "a", "b"]
    manager.stop_group(group)
    assert [status(manager, run_id) for run_id in ids] == ["finished", *["stopped"] * 4]
    assert script.order == ["a", "a", "b"] and status(manager, other) == "running"
    assert manager.store.group("") == ()


def test_a_group_that_is_too_large_leaves_nothing_behind(manager: Manager, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="You ask for 7 more; 6 may wait"):
        manager.submit_group([Member(TINY, Recipe())] * 7, user="a")
    assert manager.store.recent() == () and not [path for path in tmp_path.iterdir() if path.is_dir()]
    manager.submit_group([Member(TINY, Recipe())] * 6, user="a")


def test_a_queued_run_pauses_by_leaving_the_queue_and_comes_back(manager: Manager, script: Script) -> None:
    busy = [manager.submit(TINY, Recipe(), user="a") for _ in range(2)]
    twin = manager.submit_twin(TINY, Recipe(), user="b")
    place = manager.standing(*twin)
    assert place is not None and place.place == 1 and manager.standing(*busy) is None
    manager.pause(twin[1])  # the other one with it
    assert [status(manager, run_id) for run_id in twin] == ["paused", "paused"]
    run = manager.read(twin[0])
    assert run is not None and run.reason == "Paused before it began." and run.resumable
    assert script.told == [] and manager.standing(*twin) is None
    assert manager.resume(twin[0], user="b") == twin
    assert manager.resume(twin[0], user="b") == ()  # it is under way
    script.finish()
    script.finish()
    assert [status(manager, run_id) for run_id in twin] == ["running", "running"]


def test_a_running_run_is_told_to_pause_and_again_once_it_has_started(manager: Manager, script: Script) -> None:
    run_id = manager.submit(TINY, Recipe())
    manager.pause(run_id)
    assert script.told == [Pause(run=run_id)] and manager.pausing(run_id) and status(manager, run_id) == "running"
    [task] = script.under_way
    task.on_answer(STARTED)  # the first word may have come before the job
    assert script.told == [Pause(run=run_id)] * 2
    task.on_answer(Paused(step=1200))
    script.under_way.remove(task)
    task.on_end("")
    run = manager.read(run_id)
    assert run is not None and (run.status, run.reason) == ("paused", "Paused after step 1,200.")
    assert run.resumable and not manager.pausing(run_id)


def test_a_run_may_end_before_it_can_pause(manager: Manager, script: Script) -> None:
    run_id = manager.submit(TINY, Recipe())
    manager.pause(run_id)
    script.finish()
    assert status(manager, run_id) == "finished" and not manager.pausing(run_id)
    assert manager.resume(run_id) == ()


def test_again_makes_the_same_runs_as_new_ones(manager: Manager, script: Script) -> None:
    recipe = Recipe(steps=7, seed=11)
    twin = manager.submit_twin(TINY, recipe, user="a")
    anew = manager.again(*twin, user="b")
    assert len(set(twin) | set(anew)) == 4 and manager.pair_of(anew[1]) == anew
    for old, new in zip(map(manager.read, twin), map(manager.read, anew), strict=True):
        assert old is not None and new is not None
        assert (old.network_json, old.recipe, old.kind) == (new.network_json, new.recipe, new.kind)
        assert (new.user, new.made_with) == ("b", old.made_with)
        assert set(new.made_with) == {"explorer", "torch", "python", "machine"}
    assert manager.again("00000000-000000000000") == ()


def test_what_a_run_says_of_itself_tells_how_long_others_wait(manager: Manager, script: Script) -> None:
    first, _ = (manager.submit(TINY, Recipe(), user="a") for _ in range(2))
    waiting = manager.submit(TINY, Recipe(), user="b")
    unknown = manager.standing(waiting)
    assert unknown is not None and unknown.seconds is None
    for task in script.under_way:
        seconds = 40 if task.job.run == first else 90  # type: ignore[attr-defined]
        task.on_answer(Step(step=1, loss=1, accuracy=0, images_per_second=1, seconds_left=seconds))
    known = manager.standing(waiting)
    assert known is not None and known.seconds == 40


def test_a_measured_run_is_expected_to_take_what_was_measured(manager: Manager, script: Script) -> None:
    assert manager.estimate(TINY, Recipe(steps=100)) is None
    [task] = script.under_way
    task.on_answer(Measured(build_seconds=1, step_seconds=0.1, evaluation_seconds=1, bytes=1))
    script.finish(task)
    for _ in range(2):
        manager.submit(TINY, Recipe(steps=100), user="a")
    waiting = manager.submit(TINY, Recipe(), user="b")
    standing = manager.standing(waiting)
    assert standing is not None and standing.seconds == 12


def test_only_a_users_own_older_question_is_withdrawn(manager: Manager, script: Script) -> None:
    for _ in range(2):
        manager.submit(TINY, Recipe())
    manager.estimate(TINY, Recipe(batch=8), user="a")
    manager.estimate(TINY, Recipe(batch=16), user="b")
    manager.estimate(TINY, Recipe(batch=32), user="b")
    script.finish()
    script.finish()
    batches = [task.job.recipe.batch for task in script.begun if isinstance(task.job, Measure)]
    assert batches == [8, 32]


# Limits


def test_a_limit_is_said_with_its_value_and_the_way_out() -> None:
    limits = Limits(seconds=5400, bytes=2_500_000_000)
    assert limits.exceeded(5399, 2_400_000_000) == ""
    assert limits.exceeded(5401, None).startswith("It was ended after 90 min, the longest that a run may take here. ")
    over = limits.exceeded(1, 2_600_000_000)
    assert over.startswith("It was ended at 2.6 GB of memory; a run may take 2.5 GB here. A smaller batch")
    assert Limits().exceeded(1e9, 10**15) == ""


def test_the_environment_says_the_limits_and_nonsense_there_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from explorer.runs.limits import DAY, machine_bytes, usual

    monkeypatch.setenv("EXPLORER_RUN_SECONDS", "600")
    monkeypatch.setenv("EXPLORER_RUN_GB", "1.5")
    assert usual() == Limits(seconds=600, bytes=1_500_000_000)
    for nonsense in ("", "-3", "inf", "nan", "many"):
        monkeypatch.setenv("EXPLORER_RUN_SECONDS", nonsense)
        monkeypatch.setenv("EXPLORER_RUN_GB", nonsense)
        total = machine_bytes()
        assert usual() == Limits(seconds=DAY, bytes=total // 2 if total else None)
