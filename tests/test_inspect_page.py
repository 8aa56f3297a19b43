"""The Inspect page by Streamlit's own test harness."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer import Network, Shape, analyze, blocks, presets

ROOT = Path(__file__).parents[1]
ENTRY = str(ROOT / "explorer" / "ui" / "app.py")
PAGE = str(ROOT / "pages" / "inspection.py")
DRAWN = {"Graph": "graph", "Volumes": "volumes", "Costs": "bars", "Receptive field": "fields", "Memory": "memory"}
VIEWS = [*DRAWN, "Table", "torchinfo"]
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
HOSTILE = "<img src=x onerror=alert(1)> **x** $y$"


def opened(network: Network, view: str = "Graph", **state: object) -> AppTest:
    """The Inspect page on a network, with one of its views in front."""
    app = AppTest.from_file(ENTRY, default_timeout=60)
    app.query_params["net"] = network.token()
    app.run()
    app.switch_page(PAGE)
    app.session_state["inspect-view"] = view
    for key, value in state.items():
        app.session_state[key.replace("_", "-")] = value
    app.run()
    assert not app.exception, app.exception
    return app


def drawn(app: AppTest) -> dict[str, dict]:
    """What the page's components were sent, by the view that they draw."""
    own = [one for one in app.get("bidi_component") if one.proto.component_name == "explorer_inspector"]
    return {data["view"]: data for data in (json.loads(one.proto.json) for one in own)}


def say(app: AppTest, view: str, **message: object) -> AppTest:
    """A message of a view's component, as the browser would send it."""
    app.session_state[f"inspect-{view}-view"] = {"sent": message}
    app.run()
    assert not app.exception, app.exception
    return app


def texts(app: AppTest) -> str:
    """Everything that is written on the page."""
    kinds = ("html", "caption", "markdown", "error", "info", "code")
    return "\n".join(getattr(one, "value", None) or one.proto.body for kind in kinds for one in app.get(kind))


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
    components = set(drawn(app)) - {"strip"}
    assert "strip" in drawn(app)
    assert components == ({DRAWN[view]} if view in DRAWN else {"torchinfo"} if view == "torchinfo" else set())
    assert len(app.dataframe) == (view == "Table")


def test_a_stack_that_does_not_fit_says_where_and_shows_what_comes_before() -> None:
    app = opened(BROKEN, "Volumes")
    [error] = app.error
    assert "Block 3" in error.value and "16×32×32" in error.value and "32×16×16" in error.value
    assert "Counted up to block 2 of 4" in error.value
    assert "→ …" in texts(app)
    assert [box["name"] for box in drawn(app)["volumes"]["boxes"]] == ["input", "1 Stem", "2 Basic block ×2"]
    assert "Of the part of the stack that fits together" in texts(opened(BROKEN, "torchinfo"))
    say(app, "strip", op="select", card=2, path="", number=1)
    assert "adds 16×32×32 to 32×16×16" in drawn(app)["strip"]["problem"]
    say(app, "strip", op="select", card=3, path="", number=2)
    assert drawn(app)["strip"]["problem"].startswith("Waits") and not drawn(app)["strip"]["facts"]


def test_a_stack_whose_first_block_does_not_fit_shows_its_input_alone() -> None:
    network = Network(input=Shape(3, 8, 8), blocks=(blocks.Basic(channels=8, shortcut="identity"),))
    for view in VIEWS:
        app = opened(network, view)
        assert "Nothing is counted yet" in app.error[0].value
    assert [box["shape"] for box in drawn(opened(network, "Volumes"))["volumes"]["boxes"]] == ["3×8×8"]


def test_an_empty_stack_says_what_to_do() -> None:
    app = opened(Network())
    [info] = app.info
    assert "Design page" in info.value
    assert not app.tabs


@pytest.mark.parametrize("view", VIEWS)
def test_a_network_of_600_blocks_is_folded_and_torchinfo_waits_to_be_asked(view: str) -> None:
    network = presets.load("cifar_resnet1202")
    app = opened(network, view)
    data = drawn(app)
    if view == "Graph":
        assert data["graph"]["svg"].count("<g ") < 60
        assert "×200" in data["graph"]["svg"]
    elif view == "Volumes":
        assert [box["name"] for box in data["volumes"]["boxes"]][2] == "2 Basic block ×200"
        assert len(data["volumes"]["boxes"]) == 6
    elif view == "Costs":
        assert len(data["bars"]["items"]) == 5
    elif view == "Receptive field":
        assert len(data["fields"]["windows"]) == 5
    elif view == "Memory":
        assert len(data["memory"]["lives"]) == 5 and data["memory"]["blocks"] == 602
    elif view == "Table":
        assert len(app.dataframe[0].value) == 4210
    else:
        assert "torchinfo" not in data
        [button] = [one for one in app.button if "torchinfo" in one.label]
        assert button.label == "Run torchinfo on 4,210 operations"


def test_graphviz_draws_opens_and_turns_and_says_what_is_too_large() -> None:
    app = opened(presets.load("digits_resnet20"), inspect_drawn="Graphviz")
    assert "graph" not in drawn(app)
    assert "rankdir=TB" in app.get("graphviz_chart")[0].proto.spec
    app.multiselect(key="inspect-opened").select(1).run()
    assert "cluster_card1" in app.get("graphviz_chart")[0].proto.spec
    app.segmented_control(key="inspect-direction").set_value("Across").run()
    assert "rankdir=LR" in app.get("graphviz_chart")[0].proto.spec
    assert [one.proto.label for one in app.get("download_button")] == ["DOT"]
    assert not app.exception
    app = opened(presets.load("cifar_resnet1202"), inspect_drawn="Graphviz")
    app.multiselect(key="inspect-opened").select(1).run()
    assert not app.exception
    assert "open fewer cards" in app.info[0].value
    assert not app.get("graphviz_chart")


@pytest.mark.parametrize("view", DRAWN.values())
def test_a_click_in_any_view_selects_for_the_desk_and_the_strip_has_the_exact_numbers(view: str) -> None:
    network = presets.load("googlenet")
    app = opened(network, next(name for name, own in DRAWN.items() if own == view))
    say(app, view, op="select", card=4, path="", number=7)
    desk = app.session_state["explorer"]
    assert desk["history"]["now"]["selected"] == 4
    card = analyze(network, batch=desk["batch"]).cards[4]
    strip = drawn(app)["strip"]
    assert strip["card"] == 4 and strip["heard"] == 7
    assert strip["name"] == "5 Inception module" and strip["flow"] == "480×14×14 → 512×14×14"
    assert dict(strip["facts"]) == {
        "Parameters": f"{card.params:,}",
        "MACs": f"{card.macs:,}",
        "FLOPs": f"{2 * card.macs:,}",
        "Saved, batch 64": f"{card.saved_bytes:,} B",
        "Receptive field": f"{card.receptive_field.size:,} px",
    }


def test_a_module_inside_a_block_is_named_with_its_own_numbers() -> None:
    network = presets.load("resnet18")
    report = analyze(network, batch=64)
    app = opened(network)
    say(app, "graph", op="select", card=2, path="2.*.conv1", number=1)
    within = drawn(app)["strip"]["within"]
    rows = [row for row in report.operations if row.path.startswith(("2.0.conv1.", "2.1.conv1."))]
    assert len(rows) == 6
    assert within["name"] == "conv1 in all copies"
    assert dict(within["facts"])["MACs"] == f"{sum(row.macs for row in rows):,}"
    say(app, "graph", op="select", card=2, path="2.1", number=2)
    block = next(row for row in report.blocks if row.name == "2.1")
    within = drawn(app)["strip"]["within"]
    assert within["name"] == "copy 2"
    assert [value for _, value in within["facts"]] == [
        f"{block.params:,}", f"{block.macs:,}", f"{block.saved_bytes:,} B",
    ]  # fmt: skip
    say(app, "graph", op="select", card=0, path="0.layers.0", number=3)
    assert drawn(app)["strip"]["within"]["name"] == "layers.0"


@pytest.mark.parametrize(
    "message",
    [
        {"op": "select", "card": 10**9, "path": "", "number": 1},
        {"op": "select", "card": "2", "path": "", "number": 1},
        {"op": "select", "card": 2, "path": 5, "number": 1},
        {"op": "select", "card": 2, "path": "", "number": "1"},
        {"op": "select", "card": 2, "path": "", "number": True},
        {"op": "select", "card": 2, "path": ""},
        {"op": "open", "opened": "1", "number": 1},
        {"op": "open", "opened": ["1"] * 5000, "number": 1},
        {"op": "unit", "at": [0.5, float("nan")], "number": 1},
        {"op": "unit", "at": [2, 0.1], "number": 1},
        {"op": "unit", "at": [True, "x"], "number": 1},
        {"op": "drop", "number": 1},
        ["select"],
        "select",
    ],
)
def test_what_cannot_be_meant_changes_nothing(message: object) -> None:
    app = opened(presets.load("resnet18"))
    before = app.session_state["explorer"]["history"]["now"]
    app.session_state["inspect-graph-view"] = {"sent": message}
    app.run()
    assert not app.exception
    assert app.session_state["explorer"]["history"]["now"] == before
    assert app.session_state["explorer"]["opened"] == []
    assert app.session_state["inspect"]["at"] == [0.5, 0.5]


def test_a_path_that_names_nothing_selects_its_block_alone() -> None:
    app = opened(presets.load("resnet18"))
    for number, path in enumerate(("2.9", "2.0.nothing", "3.0", "2.<b>", "2." + "x" * 500, "2.0..", "２.0"), start=1):
        say(app, "graph", op="select", card=2, path=path, number=number)
        strip = drawn(app)["strip"]
        assert strip["card"] == 2 and strip["within"] is None and strip["path"] == ""


def test_a_message_is_heard_once() -> None:
    app = opened(presets.load("resnet18"))
    say(app, "graph", op="select", card=3, path="", number=5)
    say(app, "strip", op="select", card=1, path="", number=4)
    assert drawn(app)["strip"]["card"] == 3


def test_the_graph_opens_and_closes_and_stays_the_same_whatever_is_selected() -> None:
    app = opened(presets.load("resnet18"))
    say(app, "graph", op="open", opened=["1", "1.0", "bad", 5, "99"], number=1)
    data = drawn(app)["graph"]
    assert data["opened"] == ["1", "1.0"] and 'data-path="1.0.conv1"' in data["svg"]
    say(app, "strip", op="select", card=4, path="", number=2)
    assert drawn(app)["graph"] == data  # so that it is not sent again
    say(app, "graph", op="open", opened=[], number=3)
    assert drawn(app)["graph"]["opened"] == []


def test_a_unit_is_chosen_for_all_blocks() -> None:
    network = presets.load("resnet18")
    app = opened(network, "Receptive field")
    centre = {window["card"]: window["rows"] for window in drawn(app)["fields"]["windows"]}
    say(app, "fields", op="unit", at=[0, 1], number=1)
    corner = drawn(app)["fields"]["windows"]
    assert corner[0]["rows"][0] == analyze(network).cards[0].receptive_field.start
    assert all(window["rows"][0] < centre[window["card"]][0] for window in corner[:-1])
    assert corner[-1]["rows"] is None and "every pixel" in corner[-1]["said"][0]
    assert drawn(app)["fields"]["image"].startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize("rows", ["Operations", "Blocks"])
def test_a_row_of_a_table_selects_its_block_and_the_selected_block_has_its_row(rows: str) -> None:
    network = presets.load("digits_resnet20")
    report = analyze(network)
    app = opened(network, "Table", inspect_rows=rows)
    every = report.operations if rows == "Operations" else report.blocks
    key = f"inspect-{rows.lower()}-{len(every)}"
    shown = app.dataframe[0].value
    assert shown["MACs"].sum() == report.macs and shown["Parameters"].sum() == report.params
    assert app.session_state[key]["selection"]["rows"] == [next(at for at, row in enumerate(every) if row.card == 1)]
    say(app, "strip", op="select", card=3, path="", number=1)
    assert app.session_state[key]["selection"]["rows"] == [next(at for at, row in enumerate(every) if row.card == 3)]
    app.segmented_control(key="inspect-of").set_value("Selected block").run()
    shown = app.dataframe[0].value
    assert list(shown["MACs"]) == [row.macs for row in every if row.card == 3]
    assert shown["MACs"].sum() == report.cards[3].macs
    assert {one.proto.label for one in app.get("download_button")} == {"Operations as CSV", "Blocks as CSV"}


def test_operations_are_those_of_the_selected_block() -> None:
    network = presets.load("resnet18")
    report = analyze(network, batch=64)
    app = opened(network, "Costs", inspect_level="Operations")
    say(app, "bars", op="select", card=3, path="", number=1)
    items = drawn(app)["bars"]["items"]
    card = report.cards[3]
    totals = [sum(item["costs"][place] for item in items) for place in range(3)]
    assert totals == [card.params, card.macs, card.saved_bytes]
    inner = {row.path.split(".", 2)[2] for row in report.operations if row.card == 3 and row.path.count(".") > 1}
    assert {item["label"] for item in items if item["path"]} == inner  # as the table and the graph call them
    app.segmented_control(key="inspect-level").set_value("Stages").run()
    assert [item["name"] for item in drawn(app)["bars"]["items"]][:2] == ["Stem", "56×56"]


def test_volumes_can_be_drawn_by_webgl_and_costs_as_areas() -> None:
    network = presets.load("resnet18")
    app = opened(network, "Volumes", inspect_space="WebGL")
    [figure] = [json.loads(one.proto.spec) for one in app.get("plotly_chart")]
    assert {trace["type"] for trace in figure["data"]} == {"mesh3d", "scatter3d"}
    app = opened(network, "Costs", inspect_form="Treemap", inspect_measure="MACs per image")
    stages = drawn(app)["treemap"]["stages"]
    assert sum(stage["size"] for stage in stages) == analyze(network).macs


def test_torchinfos_table_stands_beside_the_way_to_its_counts() -> None:
    network = presets.load("resnet18")
    app = opened(network, "torchinfo")
    lines = drawn(app)["torchinfo"]["lines"]
    assert "Total params: 11,689,512" in "\n".join(line["text"] for line in lines)
    assert {line["card"] for line in lines} == {-1, 0, 1, 2, 3, 4, 5}
    assert all(line["card"] == 2 for line in lines if "(2): 1-3" in line["text"])
    [table] = [one.value for one in app.markdown if "torchinfo" in one.value]
    assert "| This page | 11,689,512 | 1,814,073,344 |" in table
    assert "Depth" in [one.value for one in app.caption]  # what the numbers above the table are
    assert "Norms" in table and "Biases" in table and "Not explained" not in table


@pytest.mark.parametrize("view", VIEWS)
def test_names_cannot_write_html_or_markdown(view: str) -> None:
    network = presets.load("digits_resnet20")
    named = tuple(block.model_copy(update={"label": HOSTILE[:60]}) for block in network.blocks)
    app = opened(network.model_copy(update={"name": HOSTILE, "blocks": named}), view)
    assert "<img src=x" not in texts(app) and "&lt;img" in texts(app)
    data = drawn(app)
    assert "<img src=x" in data["strip"]["name"]  # goes in as text
    assert "<img" not in data["strip"]["detail"]["svg"] and "<script" not in str(data.get("graph", {}).get("svg"))
    assert "<img" not in str(data.get("graph", {}).get("svg"))


def test_the_page_is_a_thin_script() -> None:
    assert len(Path(PAGE).read_text(encoding="utf-8").splitlines()) < 100
