"""Finding, starring, tagging, deleting and bringing back runs."""

import sqlite3
import time
from pathlib import Path

import pytest

from explorer.runs import Store
from explorer.runs.catalogue import LONGEST_QUERY, MOST_TAGS, Catalogue, clean_tag, matches, ordered, query
from explorer.training.recipe import Recipe
from tests.kept import SMALL, keep


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def catalogue(store: Store) -> Catalogue:
    return Catalogue(store)


def ids(catalogue: Catalogue, text: str = "") -> list[str]:
    return [row.id for row in catalogue.rows() if matches(row, query(text))]


def test_a_row_says_what_a_run_was_and_what_came_of_it(store: Store, catalogue: Catalogue) -> None:
    run_id = keep(store, recipe=Recipe(steps=20, seed=3))
    (row,) = catalogue.rows()
    assert (row.id, row.status, row.name, row.data, row.step) == (run_id, "finished", "Small", "digits", 20)
    assert (row.seconds, row.accuracy, row.device) == (10.0, 0.93, "CPU, one thread")
    assert row.words == Recipe(steps=20, seed=3).words()
    assert catalogue.rows() == (row,)  # from what was remembered, the same


def test_a_run_that_ended_early_says_how_far_it_came(store: Store, catalogue: Catalogue) -> None:
    keep(store, status="stopped", made=7)
    (row,) = catalogue.rows()
    assert (row.step, row.accuracy) == (7, None)
    assert row.loss == next(reversed(store.read(row.id).steps)).loss  # type: ignore[union-attr]


def test_a_run_that_was_found_lost_has_no_time_of_its_own(store: Store, catalogue: Catalogue) -> None:
    keep(store, status="stopped", made=7)
    keep(store, status="lost", made=7)
    lost, stopped = catalogue.rows()
    assert (lost.status, lost.seconds, lost.step) == ("lost", None, 7)  # nobody knows when it ended
    assert stopped.seconds is not None


def test_a_run_under_way_says_its_last_step(store: Store, catalogue: Catalogue) -> None:
    keep(store, status="running", made=4)
    (row,) = catalogue.rows()
    assert (row.status, row.step, row.seconds, row.active) == ("running", 4, 2.0, True)


def test_a_deleted_folder_and_another_versions_recipe_are_rows_still(store: Store, catalogue: Catalogue) -> None:
    gone, foreign = keep(store), keep(store)
    for path in store.folder(gone).iterdir():
        path.unlink()
    with sqlite3.connect(store.directory / "index.sqlite") as database:
        database.execute("UPDATE runs SET recipe = '{\"of\": 2099}', network = 'not json' WHERE id = ?", (foreign,))
    rows = {row.id: row for row in catalogue.rows()}
    assert (rows[gone].device, rows[gone].accuracy) == ("", 0.9)
    assert rows[foreign].recipe is None and rows[foreign].name == "Untitled network"


def test_words_and_fields_find_runs(store: Store, catalogue: Catalogue) -> None:
    first = keep(store, recipe=Recipe(steps=20, seed=1))
    second = keep(store, SMALL.model_copy(update={"name": "Deep one"}), status="stopped")
    catalogue.tag([first], "Talk")
    catalogue.star([second], True)
    assert ids(catalogue) == [second, first]
    assert ids(catalogue, "deep") == [second] == ids(catalogue, "status:stopped") == ids(catalogue, "is:starred")
    assert ids(catalogue, "tag:talk") == [first] == ids(catalogue, "seed:1") == ids(catalogue, "small sgd seed:1")
    assert ids(catalogue, "data:digits name:one") == [second]
    assert ids(catalogue, "nothing like it") == [] == ids(catalogue, "tag:tal")
    assert ids(catalogue, "what:ever") == []  # no field of that name: a word


def test_a_hostile_query_is_only_text(store: Store, catalogue: Catalogue) -> None:
    keep(store)
    for text in ("'; DROP TABLE runs; --", "status:' OR 1=1", "%", "\0", "tag:" * 500, "(" * 10_000, "zz " * 10_000):
        assert ids(catalogue, text) == []
    assert len(" ".join(query("b" * 9999).words)) == LONGEST_QUERY
    assert len(catalogue.rows()) == 1


def test_rows_are_ordered_and_what_is_missing_comes_last(store: Store, catalogue: Catalogue) -> None:
    low, high = keep(store, recipe=Recipe(steps=20)), keep(store, recipe=Recipe(steps=20, seed=5))
    without = keep(store, status="stopped", made=3)
    rows = catalogue.rows()
    assert [row.id for row in ordered(rows, "accuracy")] == [high, low, without]
    assert [row.id for row in ordered(rows, "accuracy", descending=False)] == [low, high, without]
    assert [row.id for row in ordered(rows)] == [without, high, low]
    assert [row.step for row in ordered(rows, "steps", descending=False)] == [3, 20, 20]


def test_tags_are_cleaned_bounded_and_taken_away(store: Store, catalogue: Catalogue) -> None:
    run_id = keep(store)
    catalogue.tag([run_id], "  For the   Talk! <b>")
    assert catalogue.rows()[0].tags == ("for-the-talk-b",) == catalogue.tags()
    with pytest.raises(ValueError, match="needs a letter"):
        clean_tag("<>!")
    with pytest.raises(ValueError, match="24 characters at most; this one has 25"):
        clean_tag("a" * 25)
    for number in range(MOST_TAGS - 1):
        catalogue.tag([run_id], f"t{number}")
    with pytest.raises(ValueError, match="12 tags at most"):
        catalogue.tag([run_id], "one-more")
    catalogue.tag([run_id], "t0")  # has it already
    catalogue.untag([run_id], "for-the-talk-b")
    assert "for-the-talk-b" not in catalogue.rows()[0].tags


def test_deleting_is_taken_back_with_everything(store: Store, catalogue: Catalogue) -> None:
    kept, run_id = keep(store), keep(store, recipe=Recipe(steps=20, seed=2))
    catalogue.tag([run_id], "talk")
    catalogue.star([run_id], True)
    before = store.read(run_id)
    assert catalogue.delete([run_id]) == (run_id,)
    assert ids(catalogue) == [kept] and store.read(run_id) is None and catalogue.is_deleted(run_id)
    assert store.of_network(SMALL) == (kept,)  # no other page shows it either
    assert (store.folder(run_id) / "events.jsonl").exists() and store.checkpoint(run_id).exists()
    (lying,) = catalogue.deleted()
    assert lying.id == run_id and lying.tags == ("talk",) and lying.accuracy == 0.92 and lying.deleted is not None
    assert catalogue.restore([run_id, run_id]) == (run_id,)
    assert store.read(run_id) == before and not catalogue.deleted()
    assert next(row for row in catalogue.rows() if row.id == run_id).star


def test_a_run_under_way_is_not_deleted(store: Store, catalogue: Catalogue) -> None:
    run_id = keep(store, status="running", made=2)
    assert catalogue.delete([run_id]) == () and ids(catalogue) == [run_id]


def test_files_go_only_when_purged(store: Store, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new, kept = keep(store), keep(store), keep(store)
    catalogue.delete([old])
    with monkeypatch.context() as patch:
        now = time.time()
        patch.setattr("explorer.runs.catalogue.time.time", lambda: now + 8 * 86_400)
        catalogue.delete([new])
        assert catalogue.purge() == (old,)  # after a week
    assert not store.folder(old).exists() and store.folder(new).exists()
    assert catalogue.purge([new, kept]) == (new,)  # what is not in the trash stays
    assert not store.folder(new).exists() and store.folder(kept).exists()
    assert catalogue.restore([old, new]) == () and not catalogue.deleted()


def test_what_is_starred_outlasts_what_the_store_forgets(
    store: Store, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    starred, old, new = keep(store), keep(store), keep(store)
    catalogue.star([starred], True)
    monkeypatch.setattr("explorer.runs.store.KEPT_RUNS", 1)
    monkeypatch.setattr("explorer.runs.store.KEPT_CHECKPOINTS", 0)
    opened = Store(store.directory)
    assert [row.id for row in Catalogue(opened).rows()] == [new, starred]
    assert not store.folder(old).exists()
    assert store.checkpoint(starred).exists() and not store.checkpoint(new).exists()


@pytest.mark.parametrize("run_id", ["../../etc", "", "x" * 21, "0000000g-0000000000/0", "'; --"])
def test_what_is_no_id_reaches_no_folder(catalogue: Catalogue, run_id: str) -> None:
    for deed in (catalogue.delete, catalogue.restore, catalogue.purge, lambda ids: catalogue.star(ids, True)):
        with pytest.raises(ValueError, match="not the id of a run"):
            deed([run_id])


def test_an_index_that_was_deleted_is_made_anew(store: Store, catalogue: Catalogue) -> None:
    keep(store)
    for path in store.directory.glob("index.sqlite*"):
        path.unlink()
    assert catalogue.rows() == () and catalogue.tags() == () and catalogue.families() == ()
    run_id = keep(store)
    catalogue.star([run_id], True)
    assert catalogue.rows()[0].star


def test_families_are_kept_by_their_group(catalogue: Catalogue) -> None:
    catalogue.keep_family("abc", {"axes": []})
    family = catalogue.family("abc")
    assert family is not None and family.plan == {"axes": []} and catalogue.families() == (family,)
    assert catalogue.family("' OR 1") is None
