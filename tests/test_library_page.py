"""The page of all runs by Streamlit's own test harness, over runs that nobody trained."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer import presets
from explorer.drawing.comparison import Mark, accuracy
from explorer.drawing.overlay import far_apart, furthest, overlay
from explorer.runs import Manager
from explorer.runs.catalogue import Catalogue
from explorer.training.recipe import Recipe
from explorer.ui.comparison.curves import single
from explorer.ui.library import away, comparing, listing
from explorer.ui.library.lines import Group, accuracy_of, groups, lines, stands
from explorer.ui.library.view import MOST, PAGE, View, data, found, ids, line, read
from explorer.ui.session import KEY as SESSION
from tests.kept import SMALL, keep

ROOT = Path(__file__).parents[1]
ENTRY = str(ROOT / "explorer" / "ui" / "app.py")
DEEP = presets.load("digits_resnet20")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A manager without workers, since nothing is trained here."""
    made = Manager(tmp_path, workers=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("explorer.runs.jobs._manager", [made])
        yield made
    made.close()


class Page:
    """The Runs page at some address."""

    def __init__(self, **query: str) -> None:
        self.app = AppTest.from_file(ENTRY, default_timeout=30)
        self.app.switch_page(str(ROOT / "pages" / "runs.py"))
        for name, value in query.items():
            self.app.query_params[name] = value
        self.run()

    def run(self) -> None:
        self.app.run()
        assert not self.app.exception, self.app.exception

    def press(self, key: str) -> None:
        self.app.button(key=key).click()
        self.run()

    def ask(self, **view: Any) -> None:
        """What the table in the browser says."""
        revision = self.sent["revision"]
        self.app.session_state[listing.TABLE] = {"view": {**View().model_dump(), **view, "revision": revision}}
        self.run()

    @property
    def sent(self) -> dict[str, Any]:
        """What the table was sent."""
        for one in self.app.get("bidi_component"):
            made = json.loads(one.proto.json or "null")
            if isinstance(made, dict) and "found" in made:
                return made
        raise AssertionError("there is no table")

    @property
    def names(self) -> list[str]:
        return [row["name"] for row in self.sent["rows"]]

    @property
    def text(self) -> str:
        return "\n".join(element.proto.body for element in self.app.get("html"))


# The table


def test_all_runs_are_listed_the_latest_first(manager: Manager) -> None:
    first = keep(manager.store, recipe=Recipe(steps=20, seed=1))
    second = keep(manager.store, DEEP, recipe=Recipe(steps=20), status="stopped", made=5)
    page = Page()
    assert page.names == [DEEP.name, "Small"] and page.sent["found"] == [second, first]
    row = page.sent["rows"][1]
    assert (row["steps"], row["accuracy"], row["seconds"], row["status"]) == ("20", "91.0%", "10 s", "finished")
    assert page.sent["rows"][0]["steps"] == "5 / 20" and page.sent["said"] == "2 runs"


def test_an_empty_list_says_so(manager: Manager) -> None:
    page = Page()
    assert page.sent["rows"] == [] and page.sent["none"] == "No network was trained here yet."
    assert page.app.button(key="library-compare").disabled


def test_search_and_order_come_from_the_table(manager: Manager) -> None:
    keep(manager.store, DEEP, recipe=Recipe(steps=20, seed=4))
    keep(manager.store)
    page = Page()
    page.ask(query="seed:4")
    assert page.names == [DEEP.name] and page.sent["said"] == "1 of 2 runs"
    page.ask(sort="accuracy", descending=False)
    assert page.names == ["Small", DEEP.name]
    page.ask(query="<script>alert(1)</script>")
    assert page.names == [] and page.sent["none"] == "No run has all of that."
    assert "<script>" not in page.text


def test_runs_come_in_pages(manager: Manager) -> None:
    for seed in range(PAGE + 3):
        keep(manager.store, recipe=Recipe(steps=2, seed=seed % 5), made=2)
    page = Page()
    assert (len(page.sent["rows"]), page.sent["pages"]) == (PAGE, 2)
    page.ask(page=1)
    assert len(page.sent["rows"]) == 3
    page.ask(page=99_999)
    assert page.sent["page"] == 1 and len(page.sent["rows"]) == 3


@pytest.mark.parametrize(
    "hostile",
    [
        None, 7, "view", [], {"query": "x" * 999}, {"page": -1}, {"page": 10**9}, {"sort": "__class__"},
        {"picked": ["../../etc"]}, {"picked": "x"}, {"picked": ["6b05d5f7-db8f761ba519"] * 5000}, {"more": 1},
        {"descending": "yes"}, {"query": 5}, {"revision": -5},
    ],
)  # fmt: skip
def test_what_no_table_says_is_not_taken(hostile: object) -> None:
    before = View(query="kept", revision=3)
    assert read(hostile, before) == before


def test_an_answer_to_an_older_table_is_not_taken() -> None:
    before = View(revision=3)
    assert read(View(query="old", revision=2).model_dump(), before) is before
    assert read(View(query="new", revision=3).model_dump(), before).query == "new"


def test_hostile_names_reach_the_page_as_text(manager: Manager) -> None:
    name = "<img src=x onerror=alert(1)>"
    run_id = keep(manager.store, SMALL.model_copy(update={"name": name}))
    other = keep(manager.store, SMALL.model_copy(update={"name": name}), recipe=Recipe(steps=20, seed=1))
    assert Page().names == [name, name]  # the table writes them as text
    for query in ({"run": run_id}, {"runs": f"{run_id}~{other}"}):
        text = Page(**query).text
        assert "<img src=x" not in text and "&lt;img src=x" in text


@pytest.mark.parametrize("address", ["x", "../../etc/passwd", "0" * 5000, "~~~~", "<script>", "00000000-000000000000"])
def test_hostile_addresses_end_in_a_sentence_or_the_list(manager: Manager, address: str) -> None:
    keep(manager.store)
    assert "There is no such run here" in Page(run=address).text
    page = Page(runs=address)
    assert "<script>" not in page.text
    assert "There is no such run here" in page.text or page.names == ["Small"]


def test_an_address_names_as_many_runs_as_are_compared() -> None:
    many = [f"00000000-{number:012}" for number in range(50)]
    assert ids("~".join([*many[:3], "x", *many])) == many[:MOST]
    assert ids("~".join(many[:4])) == many[:4]


# Deeds


def test_chosen_runs_are_deleted_and_brought_back(manager: Manager) -> None:
    kept, gone = keep(manager.store), keep(manager.store, DEEP)
    page = Page()
    page.ask(picked=[gone])
    page.press("library-delete")
    assert page.sent["found"] == [kept] and "A run was deleted." in page.text
    page.press("library-undo")
    assert page.sent["found"] == [gone, kept] and "was deleted" not in page.text


def test_a_run_under_way_is_left_and_that_is_said(manager: Manager) -> None:
    run_id = keep(manager.store, status="running", made=3)
    page = Page()
    page.ask(picked=[run_id])
    page.press("library-delete")
    assert page.sent["found"] == [run_id] and "still under way and stayed: stop it first" in page.text


def test_the_trash_gives_back_and_deletes_for_good(manager: Manager) -> None:
    first, second = keep(manager.store), keep(manager.store, DEEP)
    Catalogue(manager.store).delete([first, second])
    page = Page()
    page.app.segmented_control(key="library-shelf").set_value(listing.TRASH)
    page.run()
    assert sorted(page.names) == sorted([DEEP.name, "Small"]) and page.sent["trash"]
    page.ask(picked=[first])
    page.press("library-restore")
    assert manager.read(first) is not None and page.names == [DEEP.name]
    page.ask(picked=[second])
    page.press("library-purge")
    assert page.names == [] and not manager.store.folder(second).exists()


def test_chosen_runs_are_tagged(manager: Manager) -> None:
    run_id, other = keep(manager.store), keep(manager.store)
    page = Page()
    page.ask(picked=[run_id])
    page.app.text_input(key="library-tag").set_value("My Talk")
    page.run()
    assert {row["id"]: row["tags"] for row in page.sent["rows"]} == {run_id: ["my-talk"], other: []}
    page.app.text_input(key="library-tag").set_value("!!!")
    page.run()
    assert "A tag needs a letter or a digit." in page.text


def test_chosen_runs_are_compared_at_an_address_of_their_own(manager: Manager) -> None:
    first, second = keep(manager.store), keep(manager.store, DEEP)
    page = Page()
    page.ask(picked=[first, second])
    page.press("library-compare")
    assert page.app.query_params["runs"] in (f"{first}~{second}", [f"{first}~{second}"])
    assert "2 runs compared" in page.text


# One run


def test_a_run_says_what_it_was_and_opens_its_network(manager: Manager) -> None:
    run_id = keep(manager.store, DEEP, recipe=Recipe(steps=20, seed=3))
    page = Page(run=run_id)
    for said in (DEEP.name, "93.0%", "seed 3", "272,186", run_id, "CPU, one thread"):
        assert said in page.text
    page.app.button(key="library-open").click()
    page.app.run()
    assert page.app.session_state[SESSION]["history"]["now"]["network"] == DEEP.token()


def test_a_deleted_run_says_so_at_its_address_and_comes_back(manager: Manager) -> None:
    run_id = keep(manager.store)
    page = Page(run=run_id)
    page.press("library-delete-one")
    assert "run" not in page.app.query_params and "A run was deleted." in page.text
    page = Page(run=run_id)
    assert "lies in the trash" in page.text
    page.press("library-restore-one")
    assert "Small" in page.text and manager.read(run_id) is not None


def test_a_star_is_kept(manager: Manager) -> None:
    run_id = keep(manager.store)
    Page(run=run_id).press("library-star")
    assert Catalogue(manager.store).rows()[0].star
    Page(run=run_id).press("library-star")
    assert not Catalogue(manager.store).rows()[0].star


def test_weights_are_taken_away_where_they_are_kept(manager: Manager) -> None:
    run_id = keep(manager.store, SMALL.model_copy(update={"name": "../Ünsafe <b>"}))
    run = manager.read(run_id)
    assert run is not None and away.stem_of(run) == f"nsafe-b-{run_id}"
    labels = [button.label for button in Page(run=run_id).app.get("download_button")]
    assert "Weights, state dict" in labels and "TensorBoard" in labels
    run.checkpoint.unlink()
    assert "Weights, state dict" not in [button.label for button in Page(run=run_id).app.get("download_button")]


# Several runs


def test_runs_that_differ_in_their_seed_alone_are_one_line_with_a_band(manager: Manager) -> None:
    kept = [keep(manager.store, recipe=Recipe(steps=20, seed=seed)) for seed in (0, 1, 2)]
    runs = [run for run in map(manager.read, [*kept, keep(manager.store, DEEP)]) if run is not None]
    small, deep = groups(runs, together=True)
    assert (len(small.runs), len(deep.runs), small.seeds, deep.seeds) == (3, 1, "seeds 0, 1, 2", "seed 0")
    (band, alone), without = lines([small, deep], "steps")
    assert band.deviations is not None and alone.deviations is None and not without
    assert band.deviations[0] == pytest.approx([0.01] * 20)
    assert [(point.at, round(point.accuracy, 6), round(point.deviation, 6)) for point in band.tests] == [
        (10, 0.5, 0.0), (20, 0.91, 0.01),
    ]  # fmt: skip
    assert stands(small) == "test 91.0 ± 1.0 %, 3 seeds" and stands(deep) == "test 90.0%"
    apart = groups(runs, together=False)
    assert [group.name for group in apart] == ["Small, seed 0", "Small, seed 1", "Small, seed 2", DEEP.name]
    assert [group.number for group in apart] == [0, 1, 2, 3]


def test_one_seed_has_no_deviation(manager: Manager) -> None:
    states = [("finished", 0), ("queued", 1), ("finished", 2)]
    kept = [keep(manager.store, recipe=Recipe(steps=20, seed=seed), status=status) for status, seed in states]
    first, waiting, second = (run for run in map(manager.read, kept) if run is not None)
    assert accuracy_of(Group(0, "", (first,))) == "90.0%" and accuracy_of(Group(0, "", (waiting,))) == ""
    assert accuracy_of(Group(0, "", (first, waiting))) == "90.0%, 1 of 2 seeds"
    assert accuracy_of(Group(0, "", (first, waiting, second))) == "91.0 ± 1.4 %, 2 of 3 seeds"
    manager.store.remove(kept[1])


def test_a_plain_twin_is_orange_and_its_network_teal_whichever_was_chosen_first(manager: Manager) -> None:
    kinds = ["plain", "single", "residual", "plain"]
    runs = [run for run in (manager.read(keep(manager.store, kind=kind)) for kind in kinds) if run is not None]
    assert [group.number for group in groups(runs, together=False)] == [1, 0, 2, 3]
    assert [group.number for group in groups(runs[:1], together=False)] == [1]
    assert [group.number for group in groups(runs[1:3], together=False)] == [0, 1]


def test_differences_name_only_what_differs(manager: Manager) -> None:
    deeper = SMALL.apply({"op": "set", "at": 1, "fields": {"repeat": 3}})
    first = manager.read(keep(manager.store, recipe=Recipe(steps=20)))
    second = manager.read(keep(manager.store, deeper, recipe=Recipe(steps=20, learning_rate=0.1)))
    assert first is not None and second is not None
    alike = groups([first, second], together=True)
    network = dict(comparing.network_lines([first, second]))
    assert network["Block 2"] == ["Basic block", "Basic block: ×1 → ×3"]
    assert "Block 1" not in network and "Input" not in network and network["Depth, layers"] == ["4", "8"]
    assert comparing.recipe_lines(alike) == [("Learning rate", ["0.03", "0.1"])]
    table = comparing.differences(alike)
    assert "Learning rate" in table and "Momentum" not in table
    assert "the same network and the same recipe" in comparing.differences(groups([first, first], together=False))


def test_an_unreadable_network_is_compared_by_its_recipe_still(manager: Manager) -> None:
    first, second = keep(manager.store), keep(manager.store, DEEP)
    with manager.store._write() as database:
        database.execute("UPDATE runs SET network = '{\"of\": 2099}' WHERE id = ?", (second,))
    assert "another version" in Page(runs=f"{first}~{second}").text


def test_the_chart_is_a_picture(manager: Manager) -> None:
    runs = [manager.read(keep(manager.store, recipe=Recipe(steps=20, seed=seed))) for seed in (0, 1)]
    drawn, _ = lines(groups([run for run in runs if run], together=True), "macs")
    assert away.drawn(drawn, "macs", "PNG").startswith(b"\x89PNG")
    assert away.drawn(drawn, "macs", "PDF").startswith(b"%PDF")


def test_every_compared_network_has_its_name_under_accuracy_however_crowded() -> None:
    crowd = [Mark(f"Published network {number}", 70 + number / 50, 10**9, 10**7, "") for number in range(40)]
    own = [Mark(f"My own network {number}", 70.4, 10**9, 10**7, "", number) for number in range(6)]
    figure = accuracy([*crowd, *own], "Top-1")
    texts = [text for trace in figure.data for text in trace.text or ()]
    texts += [note.text for note in figure.layout.annotations]
    for mark in own:
        assert texts.count(mark.name) == 2  # once in each panel


def test_curves_end_where_the_run_ended_and_not_where_its_recipe_says(manager: Manager) -> None:
    run = manager.read(keep(manager.store, recipe=Recipe(seconds=30.0), made=12))
    assert run is not None
    line_of = single(run, 0, "by the clock", "steps")
    assert line_of is not None and run.recipe.steps == 150
    assert line_of.at[-1] == 12 and [point.at for point in line_of.tests] == [6, 12]
    assert furthest([line_of]) == 12


def test_costs_far_apart_are_on_a_logarithmic_axis(manager: Manager) -> None:
    deep = presets.load("digits_resnet56")
    runs = [manager.read(keep(manager.store, network)) for network in (SMALL, deep)]
    drawn, _ = lines(groups([run for run in runs if run], together=False), "macs")
    assert far_apart(drawn, "macs") and not far_apart(drawn, "steps") and not far_apart(drawn[:1], "macs")
    assert overlay(drawn, "macs").layout.xaxis.type == "log" and overlay(drawn[:1], "macs").layout.xaxis.type is None
    for axis in ("macs", "steps"):
        assert away.drawn(drawn, axis, "PDF").startswith(b"%PDF")


def test_a_line_says_how_far_a_run_under_way_is(manager: Manager) -> None:
    keep(manager.store, recipe=Recipe(steps=20), status="running", made=5)
    (row,) = Catalogue(manager.store).rows()
    assert line(row)["done"] == 0.25 and line(row)["steps"] == "5 / 20"
    assert [one.id for one in found([row], View(query="status:running"))] == [row.id]
    assert data([row], View())["pages"] == 1
