"""Pictures and tables say what the report says: the graph, torchinfo's table, CSV."""

import csv
import io
import re
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from stacks import any_stacks, valid_stacks

from explorer import Network, Shape, analyze, blocks, presets
from explorer.drawing.captions import choices, cost, lines, short
from explorer.drawing.captions import settings as block_settings
from explorer.drawing.curves import smooth
from explorer.drawing.graph import MAX_NODES, TooLargeToDraw, count_nodes, dot, find_side, shortcut_kinds
from explorer.drawing.palette import DARK, LIGHT, following, palette
from explorer.export.torchinfo_table import torchinfo_table
from explorer.ui.tables import csv_text

STYLE_SHEET = Path(__file__).parents[1] / "explorer" / "ui" / "shell.css"
NAMES = [name for name in presets.names() if "1202" not in name]  # torchinfo takes 4 s for that


def statements(text: str) -> tuple[set[str], list[tuple[str, str, str]]]:
    """Nodes and edges of DOT text: names, and (tail, head, attributes)."""
    edges = [(a, b, rest) for a, b, rest in re.findall(r"^\s*(\w+) -> (\w+)(.*)$", text, re.M)]
    nodes = re.findall(r"^\s*(\w+) \[", text, re.M)
    names = [name for name in nodes if name not in ("graph", "node", "edge")]
    assert len(names) == len(set(names)), "a node is drawn twice"
    return set(names), edges


def stack(*parts: object) -> Network:
    return Network(input=Shape(16, 8, 8), blocks=parts)


# The graph


@pytest.mark.parametrize("name", presets.names())
def test_every_card_is_drawn_once_and_a_shortcut_adds_one_node_and_two_edges(name: str) -> None:
    network = presets.load(name)
    report = analyze(network)
    nodes, edges = statements(dot(report))
    with_shortcut = sum(block.has_shortcut() for block in network.blocks)
    assert {f"card{index}" for index in range(len(network.blocks))} <= nodes
    assert len(nodes) == len(network.blocks) + with_shortcut + 2 == count_nodes(report)
    assert len(edges) == len(network.blocks) + 1 + 2 * with_shortcut


def test_an_opened_card_shows_every_copys_operations_and_the_traced_edges() -> None:
    report = analyze(presets.load("digits_resnet20"))
    nodes, edges = statements(dot(report, frozenset(range(len(report.cards)))))
    assert nodes - {"input", "output"} == {f"op{index}" for index in range(len(report.operations))}
    drawn = sorted((tail, head) for tail, head, _ in edges if head != "output")
    assert drawn == sorted((f"op{s}" if s >= 0 else "input", f"op{t}") for s, t in report.edges)


def test_a_card_opened_between_folded_ones_is_joined_to_both() -> None:
    report = analyze(presets.load("digits_resnet20"))
    nodes, edges = statements(dot(report, frozenset({2})))
    inside = [index for index, row in enumerate(report.operations) if row.card == 2]
    assert {f"op{index}" for index in inside} <= nodes
    assert "card2" not in nodes
    pairs = {(tail, head) for tail, head, _ in edges}
    assert ("join1", f"op{inside[0]}") in pairs and (f"op{inside[-1]}", "card3") in pairs


@settings(max_examples=20)
@given(network=any_stacks())
def test_whatever_is_opened_the_graph_is_connected_and_has_the_nodes_that_were_foretold(network: Network) -> None:
    report = analyze(network, partial=True)
    for expanded in (frozenset[int](), frozenset(range(0, len(network.blocks), 2))):
        if count_nodes(report, expanded) > MAX_NODES:
            continue
        nodes, edges = statements(dot(report, expanded))
        assert {end for edge in edges for end in edge[:2]} == nodes
        reached, waiting = {"input"}, ["input"]
        while waiting:
            tail = waiting.pop()
            new = {head for start, head, _ in edges if start == tail} - reached
            reached |= new
            waiting += new
        assert "output" in reached
        if report.error is None:
            assert len(nodes) == count_nodes(report, expanded)


@pytest.mark.parametrize(
    ("block", "style"),
    [
        (blocks.Basic(channels=16), "solid"),
        (blocks.Basic(channels=32, stride=2), "dashed"),
        (blocks.Basic(channels=32, stride=2, shortcut="pad"), "dotted"),
        (blocks.Downsampling(channels=32), "solid"),
        (blocks.LinearProjection(channels=16), "dashed"),
        (blocks.IdentityMapping(), "solid"),
        (blocks.Inception(branches="1x1:8", residual=True), "solid"),
    ],
)
def test_identity_is_solid_projection_dashed_padding_dotted(block: blocks.Basic, style: str) -> None:
    report = analyze(stack(block))
    _, edges = statements(dot(report))
    [arc] = [rest for tail, head, rest in edges if (tail, head) == ("input", "join0")]
    assert f"style={style}" in arc
    opened = dot(report, frozenset({0}))
    assert {f"style={name}" for name in ("solid", "dashed", "dotted") if f"style={name}" in opened} == {
        "style=solid",
        f"style={style}",
    }


def test_a_block_without_shortcut_has_no_arc() -> None:
    report = analyze(stack(blocks.Basic(channels=16, shortcut="none"), blocks.Inception(branches="1x1:8 | 3x3:8")))
    text = dot(report)
    assert "join" not in text
    assert "style=dashed" not in text


def test_a_shortcut_that_is_appended_ends_at_a_concatenation() -> None:
    text = dot(analyze(stack(blocks.Residual(width=16, merge="concat", repeat=2))))
    assert re.search(r"join0 \[label=concat", text)
    assert re.search(r'join0 \[label="\+"', dot(analyze(stack(blocks.LinearProjection(merge="concat")))))


def test_only_the_first_copy_of_a_stage_projects_or_pads() -> None:
    network = stack(blocks.Basic(channels=32, stride=2, repeat=3), blocks.Basic(channels=64, shortcut="pad", repeat=2))
    cards = analyze(network).cards
    assert [shortcut_kinds(block, card) for block, card in zip(network.blocks, cards, strict=True)] == [
        ("project", "identity"),
        ("pad", "identity"),
    ]
    same = stack(blocks.Basic(channels=16, shortcut="pad", repeat=2))
    assert shortcut_kinds(same.blocks[0], analyze(same).cards[0]) == ("identity",)


def test_the_side_of_a_projection_is_its_convolution_and_norm() -> None:
    rows = analyze(stack(blocks.Basic(channels=32, stride=2))).operations
    side = find_side(rows, 0, "project")
    assert side is not None
    assert sorted(rows[index].path for index in side.operations) == ["0.0.shortcut.conv", "0.0.shortcut.norm"]
    assert rows[side.join].op == "add"


def test_a_failing_card_is_red_and_those_behind_it_wait() -> None:
    network = stack(blocks.Basic(channels=16), blocks.Basic(channels=32, shortcut="identity"), blocks.Classifier())
    report = analyze(network, partial=True)
    text = dot(report, frozenset({0, 1, 2}))
    failing = next(line for line in text.splitlines() if line.strip().startswith("card1 "))
    waiting = next(line for line in text.splitlines() if line.strip().startswith("card2 "))
    assert LIGHT.error in failing and "adds" in failing
    assert LIGHT.error not in waiting and "dashed" in waiting
    assert "op0" in text, "what is counted can be opened"


@pytest.mark.parametrize(
    "hostile", ['"]; evil [label="', "<b>bold</b>", "a\\nb\\", "&amp;", "1x1:8 -> x", "\x1b\u2028zero\x00", "->"]
)
def test_no_text_of_a_user_leaves_its_label(hostile: str) -> None:
    block = blocks.Basic(channels=16).model_copy(update={"norm": hostile, "activation": hostile})
    report = analyze(stack(blocks.Basic(channels=16)))
    report.network = stack().model_copy(update={"blocks": (block,)})
    nodes, edges = statements(dot(report))
    assert nodes == {"input", "card0", "join0", "output"}
    assert len(edges) == 4
    assert all(sign.isprintable() or sign in "\n\t" for sign in dot(report))
    if "<" in hostile:
        assert "&lt;b&gt;bold" in dot(report)


def test_a_graph_that_nobody_could_read_is_refused_in_a_sentence() -> None:
    report = analyze(presets.load("cifar_resnet1202"))
    assert len(dot(report)) < 10_000
    with pytest.raises(TooLargeToDraw, match=r"has 1,\d{3} nodes, more than the 400 .* open fewer cards\.$"):
        dot(report, frozenset({1}))
    with pytest.raises(TooLargeToDraw, match="the table shows all of it"):
        dot(analyze(stack(*[blocks.Conv(channels=16)] * 400)))


def test_the_selected_card_has_the_accent_in_both_themes() -> None:
    report = analyze(presets.load("digits_resnet20"))
    for dark in (False, True):
        chosen = [line for line in dot(report, dark=dark, selected=2).splitlines() if palette(dark).accent in line]
        assert len(chosen) == 1 and "card2 " in chosen[0]
        assert palette(dark).accent not in dot(report, dark=dark)


def test_the_graph_of_an_empty_network_is_its_input() -> None:
    assert statements(dot(analyze(Network())))[0] == {"input", "output"}


# Colours and words


def test_pictures_and_the_style_sheet_have_the_same_colours() -> None:
    rules = STYLE_SHEET.read_text(encoding="utf-8")
    found = dict(re.findall(r"--xp-([\w-]+):\s*light-dark\(([^()]+)\)", rules))
    names = {"background": "bg", "strong_line": "line2", "accent_soft": "accent-soft", "error_soft": "error-soft"}
    for field in LIGHT.__dataclass_fields__:
        light, dark = (part.strip() for part in found[names.get(field, field)].split(","))
        full = "#ffffff" if light == "#fff" else light
        assert (getattr(LIGHT, field), getattr(DARK, field)) == (full, dark), field


def test_a_colour_says_by_its_value_what_it_stands_for_so_that_pictures_can_follow_the_theme() -> None:
    values = [getattr(theme, field) for theme in (LIGHT, DARK) for field in LIGHT.__dataclass_fields__]
    assert len(set(values)) == len(values)
    rules = following(".x")
    assert f'.x [fill="{LIGHT.residual}"], .x [fill="{DARK.residual}"]' in rules
    assert f"{{ stroke: light-dark({LIGHT.line}, {DARK.line}) !important; }}" in rules
    assert '[style*="fill: rgb(0, 102, 92)"]' in rules


def test_settings_are_what_differs_and_the_first() -> None:
    assert block_settings(blocks.Basic()) == ("channels 64",)
    assert block_settings(blocks.Basic(channels=1024, stride=2, norm="none")) == (
        "channels 1,024",
        "stride 2",
        "norm: none",
    )
    card = analyze(stack(blocks.Basic(channels=32, stride=2))).cards[0]
    assert choices(card) == ("shortcut: auto → project, +576",)
    assert block_settings(blocks.Classifier(hidden=(4096, 1024)))[-1] == "hidden layers 4096, 1024"


def test_numbers_in_short_have_three_digits() -> None:
    assert [short(n) for n in (0, 640, 9_220, 163_000, 2_650_000, 999_949, 999_950)] == [
        "0", "640", "9.22 k", "163 k", "2.65 M", "1.00 M", "1.00 M",
    ]  # fmt: skip
    assert cost(0, 640) == "640 MACs"
    assert lines(["channels 16", "stride 2", "norm: none"], 24) == ["channels 16 · stride 2", "norm: none"]


# torchinfo's table


@pytest.mark.parametrize("name", NAMES)
def test_what_torchinfo_counts_more_is_explained_to_the_unit(name: str) -> None:
    network = presets.load(name)
    table = torchinfo_table(network)
    report = analyze(network)
    assert (table.own_params, table.own_macs) == (report.params, report.macs)
    assert table.macs == report.macs + sum(part.amount for part in table.macs_differences)
    assert table.params == report.params and not table.params_differences
    assert table.macs > report.macs
    assert table.unexplained_macs == table.unexplained_params == 0


def test_the_difference_shows_its_arithmetic() -> None:
    # a 3×3 convolution 16 -> 32 with a batch norm, a classifier 32 -> 10 with its bias
    table = torchinfo_table(stack(blocks.Conv(channels=32), blocks.Classifier(classes=10)))
    assert table.own_macs == 16 * 32 * 9 * 64 + 32 * 10
    assert [part.amount for part in table.macs_differences] == [2 * 32, 10]
    biased = torchinfo_table(stack(blocks.Conv(channels=32, norm="none")))
    assert [part.amount for part in biased.macs_differences] == [32 * 64]  # a bias is added at each position
    assert "torchinfo counts" in table.notes[1] and "+64" in table.notes[1]


def test_where_torch_refuses_a_single_image_torchinfo_runs_two_and_is_read_for_one() -> None:
    network = Network(input=Shape(4, 1, 1), blocks=(blocks.Conv(channels=8, norm="group"),))
    table = torchinfo_table(network)
    assert (table.images, table.unexplained_macs) == (2, 0)
    assert table.macs == 4 * 8 * 9 + 2 * 8
    assert torchinfo_table(presets.load("digits_resnet20")).images == 1


def test_shared_weights_are_counted_again_by_torchinfo() -> None:
    table = torchinfo_table(
        stack(blocks.Downsampling(channels=32, share="W"), blocks.Downsampling(channels=32, share="W"))
    )
    [shared] = table.params_differences
    assert shared.amount > 0 and "shared weights" in shared.reason
    assert table.params == table.own_params + shared.amount


def test_a_count_that_is_wrong_would_stay_unexplained(monkeypatch: pytest.MonkeyPatch) -> None:
    report = analyze(stack(blocks.Conv(channels=32)))
    report.macs += 1
    monkeypatch.setattr("explorer.export.torchinfo_table.analyze", lambda _: report)
    table = torchinfo_table(stack(blocks.Conv(channels=32)))
    assert table.unexplained_macs == -1
    assert "not explained" in table.notes[1]


@settings(max_examples=15)
@given(network=valid_stacks())
def test_any_stack_that_fits_is_explained_too(network: Network) -> None:
    table = torchinfo_table(network)
    assert table.unexplained_macs == 0
    assert table.unexplained_params == 0


def test_torchinfo_leaves_nothing_behind() -> None:
    from torchinfo import torchinfo

    network = presets.load("digits_resnet20")
    before = analyze(network).operations
    torchinfo_table(network)
    assert torchinfo._cached_forward_pass == {}
    assert all(not module._forward_hooks for module in network.skeleton().modules())
    assert analyze(network).operations == before
    assert all(parameter.device == torch.device("meta") for parameter in network.skeleton().parameters())


# CSV


def test_csv_has_a_line_for_each_block_and_adds_up() -> None:
    report = analyze(presets.load("resnet50"), batch=8)
    read = list(csv.DictReader(io.StringIO(csv_text(report.blocks))))
    assert len(read) == len(report.blocks)
    assert sum(int(line["MACs"]) for line in read) == report.macs
    assert read[0]["Output"] == "64×56×56"
    operations = list(csv.DictReader(io.StringIO(csv_text(report.operations))))
    assert sum(int(line["Parameters"]) for line in operations) == report.params
    assert csv_text([]) == ""


@pytest.mark.parametrize("evil", ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_text_in_a_csv_is_a_formula(evil: str) -> None:
    row = analyze(stack(blocks.Conv(channels=8))).operations[0]
    object.__setattr__(row, "path", evil)
    [line] = csv.DictReader(io.StringIO(csv_text([row])))
    assert line["Path"] == f"'{evil}"
    assert line["Operation"] == row.op


def test_a_loss_behind_a_spike_is_the_mean_of_its_own_steps() -> None:
    losses = [2.0, 1e18, 30.0, 30.0, 30.0, 30.0, 30.0, 31.0]
    assert smooth(range(1, 9), losses)[1][-1] == pytest.approx(30.2)
