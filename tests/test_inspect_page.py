"""The Inspect page by Streamlit's own test harness."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer import Network, Shape, analyze, blocks, presets

ROOT = Path(__file__).parents[1]
ENTRY = str(ROOT / "explorer" / "ui" / "app.py")
PAGE = str(ROOT / "pages" / "inspection.py")
VIEWS = ["Shapes", "Costs", "Operations", "Graph", "torchinfo"]
BROKEN = Network(
    input=Shape(3, 32, 32),
    blocks=(
        blocks.Stem(form="cifar", channels=16),
        blocks.Basic(channels=16, repeat=2),
        blocks.Basic(channels=32, stride=2, shortcut="identity"),
        blocks.Classifier(),
    ),
)
HEADLESS = Network(input=Shape(3, 33, 20), blocks=(blocks.Stem(form="cifar", channels=8), blocks.IdentityMapping()))


def opened(network: Network, view: str = "Shapes") -> AppTest:
    """The Inspect page on a network, with one of its views in front."""
    app = AppTest.from_file(ENTRY, default_timeout=60)
    app.query_params["net"] = network.token()
    app.run()
    app.switch_page(PAGE)
    app.session_state["inspect-view"] = view
    app.run()
    assert not app.exception, app.exception
    return app


def texts(app: AppTest) -> str:
    """Everything that is written on the page."""
    kinds = ("html", "caption", "markdown", "error", "info", "code")
    return "\n".join(getattr(one, "value", None) or one.proto.body for kind in kinds for one in app.get(kind))


def figures(app: AppTest) -> list[dict]:
    return [json.loads(one.proto.spec) for one in app.get("plotly_chart")]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    "network",
    [presets.load("digits_resnet56"), presets.load("article"), HEADLESS, BROKEN],
    ids=["digits", "article", "no classifier", "broken"],
)
def test_every_view_opens_on_every_network_and_only_the_view_in_front_is_made(network: Network, view: str) -> None:
    app = opened(network, view)
    report = analyze(network, partial=True)
    assert f"{report.params:,}" in texts(app)
    assert f"{report.macs:,}" in texts(app)
    made = {
        "Shapes": len(app.get("plotly_chart")),
        "Costs": len(app.get("plotly_chart")) and len(app.dataframe),
        "Operations": len(app.dataframe),
        "Graph": len(app.get("graphviz_chart")),
        "torchinfo": len(app.code),
    }
    assert made[view] == 1
    absent = {"Shapes": ("Operations", "Graph", "torchinfo"), "Graph": ("Shapes", "Operations", "torchinfo")}
    assert not any(made[other] for other in absent.get(view, ()))


def test_a_stack_that_does_not_fit_says_where_and_shows_what_comes_before() -> None:
    app = opened(BROKEN)
    [error] = app.error
    assert "Block 3" in error.value and "16×32×32" in error.value and "32×16×16" in error.value
    assert "Counted up to block 2 of 4" in error.value
    assert "→ …" in texts(app)
    [figure] = figures(app)
    assert len(figure["data"][0]["x"]) == 1 + 3
    assert "Of the part of the stack that fits together" in texts(opened(BROKEN, "torchinfo"))


def test_a_stack_whose_first_block_does_not_fit_shows_its_input_alone() -> None:
    network = Network(input=Shape(3, 8, 8), blocks=(blocks.Basic(channels=8, shortcut="identity"),))
    for view in VIEWS:
        app = opened(network, view)
        assert "Nothing is counted yet" in app.error[0].value


def test_an_empty_stack_says_what_to_do() -> None:
    app = opened(Network())
    [info] = app.info
    assert "Design page" in info.value
    assert not app.tabs


def test_a_network_of_600_blocks_is_shown_and_torchinfo_waits_to_be_asked() -> None:
    network = presets.load("cifar_resnet1202")
    [figure] = figures(opened(network))
    assert len(figure["data"][0]["x"]) == 603
    app = opened(network, "torchinfo")
    assert not app.code
    [button] = [one for one in app.button if "torchinfo" in one.label]
    assert button.label == "Run torchinfo on 4,210 operations"
    app = opened(network, "Graph")
    app.multiselect(key="graph-opened").select(1).run()
    assert not app.exception
    assert "open fewer cards" in app.info[0].value
    assert not app.get("graphviz_chart")


def test_operations_of_one_card_are_those_of_all_its_copies() -> None:
    network = presets.load("digits_resnet20")
    report = analyze(network)
    app = opened(network, "Operations")
    assert len(app.dataframe[0].value) == len(report.operations)
    app.selectbox(key="operations-card").select(2).run()
    shown = app.dataframe[0].value
    assert list(shown["Path"]) == [row.path for row in report.operations if row.card == 2]
    assert shown["MACs"].sum() == report.cards[2].macs
    assert any("Shortcut: auto → project, +576" in caption.value for caption in app.caption)


def test_a_chosen_block_opens_to_its_operations() -> None:
    network = presets.load("digits_resnet20")
    app = opened(network, "Costs")
    assert len(app.dataframe) == 1
    rows = len(analyze(network).blocks)
    app.session_state[f"blocks-{rows}"] = {"selection": {"rows": [4], "columns": [], "cells": []}}
    app.run()
    assert not app.exception
    assert len(app.dataframe) == 2
    name = analyze(network).blocks[4].name
    assert all(path.startswith(name) for path in app.dataframe[1].value["Path"])


def test_the_graph_opens_cards_and_turns() -> None:
    app = opened(presets.load("digits_resnet20"), "Graph")
    assert "rankdir=TB" in app.get("graphviz_chart")[0].proto.spec
    app.multiselect(key="graph-opened").select(1).run()
    assert "cluster_card1" in app.get("graphviz_chart")[0].proto.spec
    app.segmented_control(key="graph-direction").set_value("Across").run()
    assert "rankdir=LR" in app.get("graphviz_chart")[0].proto.spec
    assert not app.exception


def test_torchinfos_table_stands_below_the_way_to_its_counts() -> None:
    network = presets.load("resnet18")
    app = opened(network, "torchinfo")
    assert "Total params: 11,689,512" in app.code[0].value
    [table] = [one.value for one in app.markdown if "torchinfo" in one.value]
    assert "| This page | 11,689,512 | 1,814,073,344 |" in table
    assert "Norms" in table and "Biases" in table and "Not explained" not in table


def test_a_name_cannot_write_html() -> None:
    network = presets.load("digits_resnet20").model_copy(update={"name": "<img src=x onerror=alert(1)> **x**"})
    written = texts(opened(network))
    assert "<img src=x" not in written and "&lt;img" in written


def test_the_page_is_a_thin_script() -> None:
    assert len(Path(PAGE).read_text(encoding="utf-8").splitlines()) < 100
