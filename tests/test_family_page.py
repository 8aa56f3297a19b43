"""The Family page by Streamlit's own test harness: the plan, its price, the start, and what is seen of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer import presets
from explorer.network import Network
from explorer.runs import Estimate, Manager, Run
from explorer.runs import Member as Asked
from explorer.runs.catalogue import Catalogue
from explorer.training.family import grid, plan_of, seeded
from explorer.training.recipe import Recipe
from explorer.ui.families import kept
from explorer.ui.families.planning import price
from explorer.ui.session import KEY as SESSION
from tests.kept import SMALL, keep

ROOT = Path(__file__).parents[1]
ENTRY = str(ROOT / "explorer" / "ui" / "app.py")
BASE = presets.load("digits_resnet20")
SHORT = Recipe(steps=20)
SOON = 120.0


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """A manager that measures nothing: a run takes a second for every million MACs."""
    made = Manager(tmp_path, workers=2)

    def known(network: Network, recipe: Recipe, **more: object) -> Estimate:
        from explorer import analyze

        return Estimate(analyze(network).macs / 1e6, 1_000_000)

    monkeypatch.setattr(made, "known_estimate", known)
    monkeypatch.setattr("explorer.runs.jobs._manager", [made])
    yield made
    made.close()


def page(network: Network = BASE, **query: str) -> AppTest:
    app = AppTest.from_file(ENTRY, default_timeout=30)
    app.query_params["net"] = network.token()
    app.run()
    app.switch_page(str(ROOT / "pages" / "family.py"))
    for name, value in query.items():
        app.query_params[name] = value
    return again(app)


def again(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, app.exception
    return app


def text(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def test_the_first_plan_is_priced_before_anything_starts(manager: Manager) -> None:
    said = text(page())
    assert "4 networks × 2 seeds" in said and "2 at once" in said
    # two networks of depth 20 with 2.5 million MACs, two of depth 56 with 7.8, each twice, two at once: 21 s
    assert "about 21 s on free cores" in said
    assert not manager.store.recent()


def test_what_cannot_be_stands_in_the_table_with_its_reason(manager: Manager) -> None:
    app = page()
    app.text_input(key="family-depth").set_value("20, 21")
    said = text(again(app))
    assert "No network of these blocks has depth 21: 20 or 22 is near." in said and "2 networks × 2 seeds" in said


@pytest.mark.parametrize(
    "typed", ["twenty", "9999999", "20,20", "<script>alert(1)</script>", "8,10,12,14,16,18,20,22,24"]
)
def test_a_line_that_is_no_plan_says_what_is_wrong(manager: Manager, typed: str) -> None:
    app = page()
    app.text_input(key="family-depth").set_value(typed)
    said = text(again(app))
    assert "role='alert'" in said and "<script>" not in said
    assert not [button for button in app.button if button.key == "family-start"]


def test_what_is_not_measured_yet_is_reckoned_by_macs(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of([("depth", [20, 56])], 2)
    members = grid(BASE, SHORT, plan)
    answers = {members[0].network: Estimate(10.0, 5)}
    monkeypatch.setattr(manager, "known_estimate", lambda network, recipe: answers.get(network))
    found = price(manager, members)
    assert (found.measured, found.members, found.waiting) == (1, 2, (1,))
    assert found.seconds == (10.0, pytest.approx(10.0 * members[1].macs / members[0].macs))
    answers[members[1].network] = Estimate(0.0, 0, "It needs more memory.")
    found = price(manager, members)
    assert found.refusals == {1: "It needs more memory."} and found.members == 1 and found.seconds[1] is None
    assert found.total(seeds=2, at_once=2) == 10.0


def made_family(manager: Manager, unfinished: bool = False) -> tuple[str, tuple[str, ...]]:
    """A family of two depths and two seeds whose runs nobody trained."""
    plan = plan_of([("depth", [20, 21, 56])], 2)
    members = grid(BASE, SHORT, plan)
    ids = [
        keep(
            manager.store, member.network, recipe, group="g1",
            status="stopped" if unfinished and number == 3 else "finished",
        )
        for number, (member, recipe) in enumerate(
            (member, recipe) for member in members if member.network for recipe in seeded(member, 2)
        )
    ]  # fmt: skip
    kept.keep("g1", BASE.name, "20 steps", plan, members, ids)
    return "g1", tuple(ids)


def test_a_family_is_one_plot_with_mean_and_deviation(manager: Manager) -> None:
    group, ids = made_family(manager)
    family = kept.read(group)
    assert family is not None and family.run_ids == ids
    points = kept.reached(kept.stand(family), 0)
    # accuracies of seeds 0 and 1 are 0.90 and 0.91: mean 0.905, deviation 0.01 / √2
    assert [(one.at, round(one.accuracy, 6), one.seeds) for one in points] == [("20", 0.905, 2), ("56", 0.905, 2)]
    assert points[0].accuracy_deviation == pytest.approx(0.01 / 2**0.5)
    said = text(page(family=group))
    assert "4 finished" in said and "90.5 ± 0.7 %" in said and "depth 21" in said and "20 or 22 is near" in said


def test_a_point_opens_as_its_network(manager: Manager) -> None:
    group, _ = made_family(manager)
    app = page(family=group)
    app.selectbox(key="family-open-which").set_value(1)
    app.button(key="family-open").click()
    app.run()
    token = app.session_state[SESSION]["history"]["now"]["network"]
    assert Network.from_token(token).unnamed() == presets.load("digits_resnet56").unnamed()


def test_deleted_and_unfinished_runs_are_said_and_the_rest_is_shown(manager: Manager) -> None:
    group, ids = made_family(manager, unfinished=True)
    Catalogue(manager.store).delete(ids[:2])
    said = text(page(family=group))
    assert "1 finished, 1 stopped, 2 deleted" in said and "deleted</td>" in said


@pytest.mark.parametrize("address", ["nothing", "' OR 1=1", "<script>", "x" * 5000])
def test_what_is_no_family_says_so(manager: Manager, address: str) -> None:
    said = text(page(family=address))
    assert "There is no such family here." in said and "<script>" not in said


def test_a_family_of_another_version_is_none(manager: Manager) -> None:
    Catalogue(manager.store).keep_family("g2", {"of": 2099})
    assert kept.read("g2") is None and kept.earlier() == {}


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    made = Manager(tmp_path_factory.mktemp("family"), workers=2)
    yield made
    made.close()


def test_a_family_trains_with_the_same_batches_for_all(workers: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.runs.jobs._manager", [workers])
    monkeypatch.setattr(workers, "known_estimate", lambda *about: Estimate(1.0, 1))
    app = page(SMALL)
    app.text_input(key="family-depth").set_value("4, 6")
    app.number_input(key="family-steps").set_value(3)
    again(app)
    app.button(key="family-start").click()
    again(app)
    ids = workers.store.group(app.query_params["family"][0] if isinstance(app.query_params["family"], list)
                              else app.query_params["family"])  # fmt: skip
    assert len(ids) == 8
    assert all(workers.wait(run_id, SOON) for run_id in ids)
    runs = [run for run in map(workers.read, ids) if run is not None]
    assert {run.status for run in runs} == {"finished"}
    assert len({run.network_digest for run in runs}) == 4
    for seed in (0, 1):  # a digest of every batch's images
        assert len({order(run) for run in runs if run.recipe.seed == seed}) == 1
    assert order(runs[0]) != order(next(run for run in runs if run.recipe.seed == 1))
    assert [run.recipe.seed for run in runs] == [0] * 4 + [1] * 4  # a whole grid early
    again(app)
    assert "8 finished" in text(app)


def test_a_family_is_stopped_as_one(workers: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.runs.jobs._manager", [workers])
    members = grid(SMALL, Recipe(steps=20_000), plan_of([("depth", [4, 6])], 2))
    plan = plan_of([("depth", [4, 6])], 2)
    asked = [Asked(one.network, recipe) for one in members if one.network for recipe in seeded(one, 2)]
    group, ids = workers.submit_group(asked)
    kept.keep(group, "Small", "20,000 steps", plan, members, ids)
    app = page(family=group)
    app.button(key="family-stop").click()
    again(app)
    assert "4 stopped" in text(app)
    assert [run.status for run in map(workers.read, ids) if run] == ["stopped"] * 4


def order(run: Run) -> str:
    assert run.started is not None
    return run.started.order
