"""The command `explorer`, as people and scripts use it."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest
import torch

from explorer import Network, analyze, checkpoint, presets
from explorer.__main__ import main
from explorer.fit import fit

BROKEN = """{"input": [3, 32, 32], "blocks": [
    {"kind": "stem", "form": "cifar", "channels": 16}, {"kind": "basic", "channels": 32, "shortcut": "identity"}]}"""

DIGITS = presets.load("digits_resnet20")

OWN_MODULE = """
from torch import nn

class Small(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 8 * 8, 10))

class Needy(nn.Sequential):
    def __init__(self, width):
        super().__init__(nn.Conv2d(3, width, 3))

small = Small()
number = 3
def text():
    return "no module"
"""


def failing(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """The sentence on stderr of a command that must fail with nothing else."""
    assert main(argv) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("explorer: ")
    assert err.count("\n") == 1, "one sentence, no traceback"
    return err.removeprefix("explorer: ").strip()


def test_the_summary_of_a_preset_is_an_aligned_table_with_totals(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "resnet50"]) == 0
    text = capsys.readouterr().out
    _, _, head, rule, *rest = text.splitlines()
    body = rest[: rest.index(rule)]
    assert len(body) == 1 + 3 + 4 + 6 + 3 + 1
    column = slice(head.index("output") + len("output"), head.index("parameters") + len("parameters"))
    parameters = [int(line[column].split()[-1].replace(",", "")) for line in body]
    assert sum(parameters) == 25_557_032
    total = rest[rest.index(rule) + 1]
    assert total.split()[:4] == ["total", "1000", "25,557,032", "4,089,184,256"]
    assert "8,178,368,512 = 2 × MACs" in text
    assert "427 px, stride 32" in text


def test_a_network_can_come_from_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    network = presets.load("cifar_resnet20")
    path = tmp_path / "mine.json"
    path.write_text(network.to_json(), encoding="utf-8")
    assert main(["summary", str(path)]) == 0
    assert f"{analyze(network).params:,}" in capsys.readouterr().out


def test_a_network_can_come_from_stdin(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(presets.load("cifar_resnet20").to_json()))
    assert main(["summary", "-"]) == 0
    assert "total" in capsys.readouterr().out


def test_the_input_of_a_network_can_be_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "resnet50", "--input", "1x96x96", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["input"] == [1, 96, 96]


@pytest.mark.parametrize("name", ["Small", "small"])
def test_a_module_of_ones_own_is_counted(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_networks.py").write_text(OWN_MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    assert main(["summary", f"own_networks:{name}", "--input", "3,8,8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["totals"]["params"] == (3 * 4 * 9 + 4) + (4 * 8 * 8 * 10 + 10)
    assert sys.path == before
    monkeypatch.delitem(sys.modules, "own_networks")


def test_json_carries_rows_that_add_up_to_its_totals(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "article", "--json", "--operations", "--batch", "4"]) == 0
    found = json.loads(capsys.readouterr().out)
    report = analyze(presets.load("article"), batch=4)
    assert found["totals"]["saved_bytes"] == report.saved_bytes
    for rows in (found["blocks"], found["operations"]):
        for figure in ("params", "macs", "elements"):
            assert sum(row[figure] for row in rows) == found["totals"][figure] == getattr(report, figure)


@pytest.mark.parametrize("flags", [(), ("--operations",)])
def test_csv_has_a_line_for_each_row(flags: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "cifar_resnet20", "--csv", *flags]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    report = analyze(presets.load("cifar_resnet20"))
    assert len(rows) == len(report.operations if flags else report.blocks)
    assert sum(int(row["macs"]) for row in rows) == report.macs
    assert rows[0]["output_shape"] == "16×32×32"


def test_operations_are_listed_with_their_paths(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "cifar_resnet20", "--operations"]) == 0
    paths = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line]
    assert {row.path for row in analyze(presets.load("cifar_resnet20")).operations if row.path} <= set(paths)


def test_an_unknown_name_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    sentence = failing(capsys, "summary", "resnet5O")
    assert sentence.startswith("'resnet5O' is neither a preset nor a file; did you mean")
    assert "resnet50" in sentence


def test_an_impossible_stack_is_refused_with_its_ways_out(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text(BROKEN, encoding="utf-8")
    sentence = failing(capsys, "summary", str(path))
    assert sentence.startswith("block 2 (Basic block) adds 16×32×32 to 32×32×32; use shortcut")


def test_a_file_that_is_no_network_is_refused_by_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text('{"blocks": [{"kind": "basis"}]}', encoding="utf-8")
    assert failing(capsys, "summary", str(path)).startswith(f"{path}: ")
    path.write_bytes(b"\xff\xfe\x00")
    assert failing(capsys, "summary", str(path)) == f"{path} is not UTF-8 text"
    missing = str(tmp_path / "missing.json")
    assert failing(capsys, "summary", missing) == f"{missing} cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("own_refused:Missing", "has no attribute 'Missing'"),
        ("own_refused:Needy", "cannot be made without arguments"),
        ("own_refused:text", "gives a str, not a torch.nn.Module"),
        ("own_refused:number", "cannot be made without arguments"),
        ("own_nowhere:Net", "there is no module 'own_nowhere' to import"),
    ],
)
def test_what_is_no_module_is_refused(
    name: str, reason: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_refused.py").write_text(OWN_MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert reason in failing(capsys, "summary", name, "--input", "3,8,8")
    sys.modules.pop("own_refused", None)


def test_a_module_without_an_input_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "add --input" in failing(capsys, "summary", "torch.nn:ReLU")


@pytest.mark.parametrize(
    "argv",
    [
        ("summary",),
        ("summary", "resnet18", "--input", "3,x"),
        ("summary", "a", "--batch", "0"),
        ("fit", "resnet18"),
        ("fit", "resnet18", "--params", "some"),
        ("fit", "resnet18", "--params", "0.5"),
        ("fit", "resnet18", "--params", "1", "--macs", "1"),
    ],
)
def test_a_wrong_usage_exits_with_2(argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == 2
    assert "usage: explorer" in capsys.readouterr().err


def test_proposals_for_a_budget_are_a_table_and_the_first_can_be_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "small.json"
    assert main(["fit", "digits_resnet56", "--params", "513.289k", "--save", str(path)]) == 0
    kept = analyze(Network.from_json(path.read_text(encoding="utf-8")))
    _, _, grid, _, head, first, *rest = capsys.readouterr().out.splitlines()
    assert grid == "Widths ×0.25 to ×2 by depths ×0.25 to ×2, in steps of 0.125; target 513,289"
    assert head.split() == ["parameters", "MACs", "memory", "from", "target"]
    row = first.split()
    assert row[:6] == ["width", "×0.875,", "depth", "×0.75", f"{kept.params:,}", f"{kept.macs:,}"]
    assert row[-1] == f"−{513_289 - kept.params:,}"
    assert "  2 Basic block: channels 16 → 14, ×9 → ×7" in rest


def test_a_budget_of_memory_is_of_the_batch_and_the_optimiser(capsys: pytest.CaptureFixture[str]) -> None:
    network = presets.load("digits_resnet20")
    assert main(["fit", "digits_resnet20", "--memory", "4M", "--batch", "32", "--optimizer", "adamw"]) == 0
    text = capsys.readouterr().out
    found = fit(network, "memory", 4_000_000, batch=32, optimizer="adamw")
    assert "target 4.0 MB" in text
    assert all(f"{each.label}  " in text and f"{each.params:,}" in text for each in found.proposals)


def test_a_proposal_that_cannot_be_kept_is_still_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "digits_resnet20", "--macs", "1M", "--save", "/no/where"]) == 1
    out, err = capsys.readouterr()
    assert "width ×" in out
    assert err == "explorer: /no/where cannot be written: No such file or directory\n"


SMALL = """{"input": [1, 8, 8], "blocks": [
    {"kind": "stem", "form": "cifar", "channels": 4}, {"kind": "basic", "channels": 8, "stride": 2, "repeat": 2},
    {"kind": "classifier", "classes": 10}]}"""


def test_a_network_trains_beside_its_twin_in_the_terminal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLORER_RUNS", str(tmp_path / "runs"))
    path, weights = tmp_path / "small.json", tmp_path / "weights.pt"
    path.write_text(SMALL, encoding="utf-8")
    assert main(["train", str(path), "--steps", "12", "--batch", "32", "--twin", "--save", str(weights)]) == 0
    text = capsys.readouterr().out
    assert "12 steps of 32 images, SGD 0.03" in text
    for kind in ("residual", "plain"):
        assert f"{kind:<8} {'█' * 24} 12/12  loss " in text
    network = Network.from_json(SMALL)
    parameters = [line.split()[1] for line in text.splitlines() if line.endswith(tuple("0123456789"))][-2:]
    assert parameters == [f"{analyze(each).params:,}" for each in (network, network.plain())]
    assert "One seed (0)" in text
    network.build().load_state_dict(torch.load(weights, weights_only=True))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--steps", "300000"), "--steps 300000: Input should be less than or equal to 100000"),
        (("--data", "letters"), "no data set is called 'letters'; there are: digits, shapes"),
        (("--learning-rate", "0"), "--learning-rate 0.0: Input should be greater than 0"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(
    options: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(capsys, "train", "digits_resnet20", *options).startswith(reason)


def test_a_plain_network_has_no_twin_to_train(capsys: pytest.CaptureFixture[str]) -> None:
    assert "has no shortcuts" in failing(capsys, "train", "cifar_resnet20_plain", "--twin")


def test_presets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets"]) == 0
    assert tuple(capsys.readouterr().out.split()) == presets.names()


@pytest.mark.parametrize(("argv", "port"), [((), "8501"), (("app", "--port", "8600"), "8600")])
def test_the_app_is_served_to_this_machine_only(
    argv: tuple[str, ...], port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    def execv(path: str, command: list[str]) -> None:
        started.append(command)
        raise SystemExit(0)  # the real one does not return

    monkeypatch.setattr(os, "execv", execv)
    with pytest.raises(SystemExit):
        main(argv)
    (command,) = started
    assert command[1:4] == ["-m", "streamlit", "run"]
    assert Path(command[4]).is_file()
    assert command[command.index("--server.address") + 1] == "127.0.0.1"
    assert command[command.index("--server.port") + 1] == port


def test_the_command_works_as_a_process_and_in_a_pipe() -> None:
    listing = subprocess.Popen(
        [sys.executable, "-m", "explorer", "summary", "cifar_resnet20", "--csv"], stdout=subprocess.PIPE
    )
    assert listing.stdout is not None
    assert listing.stdout.readline().startswith(b"name,kind,")
    listing.communicate()
    assert listing.returncode == 0
    refused = subprocess.run([sys.executable, "-m", "explorer", "summary", "nothing"], capture_output=True, text=True)
    assert refused.returncode == 1
    assert refused.stderr.startswith("explorer: 'nothing' is neither a preset nor a file")


def test_what_cannot_be_trained_or_saved_is_refused_before_it_is_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.json"
    empty.write_text('{"input": [1, 8, 8], "blocks": []}', encoding="utf-8")
    assert main(["train", str(empty), "--steps", "2"]) == 1
    assert "A classifier at the end makes it trainable." in capsys.readouterr().err
    assert main(["train", "digits_resnet20", "--steps", "1", "--save", str(tmp_path / "no" / "x.pt")]) == 1
    assert "cannot be written: there is no folder" in capsys.readouterr().err


# Files of weights, and ONNX.


def test_a_file_of_weights_is_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights, saved, again = tmp_path / "w.pth", tmp_path / "network.json", tmp_path / "again.safetensors"
    state = DIGITS.build(seed=4).state_dict()
    torch.save({"state_dict": state}, weights)
    assert main(["open", str(weights), "--save", str(saved), "--weights", str(again)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{weights}: {DIGITS.name}, with this app's names\n")
    assert f"{analyze(DIGITS).params:,} parameters" in out
    assert Network.from_json(saved.read_text()) == DIGITS
    found = checkpoint.read(again)
    assert found.keys() == state.keys() and all(torch.equal(found[key], state[key]) for key in state)


def test_a_file_that_is_no_known_network_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(b"hello")
    assert failing(capsys, "open", str(path)).startswith("w.pth is neither a checkpoint of torch")
    torch.save({"features.0.weight": torch.ones(2)}, path)
    assert "names such as 'features.0.weight' are not among those known here" in failing(capsys, "open", str(path))
    assert "cannot be read: No such file" in failing(capsys, "open", str(tmp_path / "gone.pth"))


def test_onnx_is_written_with_the_weights_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights, file, network = tmp_path / "w.safetensors", tmp_path / "n.onnx", tmp_path / "n.json"
    small = DIGITS.arrange((0, 1, 4))
    network.write_text(small.to_json())
    model = small.build(seed=4).eval()
    weights.write_bytes(checkpoint.write(model.state_dict()))
    options = ("--onnx", str(file), "--weights", str(weights), "--softmax", "--one-image")
    assert main(["export", str(network), *options]) == 0
    assert capsys.readouterr().out.startswith(f"onnx: {file}, same output as torch in onnxruntime, max |Δ| = ")
    session = onnxruntime.InferenceSession(file.read_bytes())
    image = torch.rand(1, 1, 8, 8)
    [given] = session.run(None, {"image": image.numpy()})
    torch.testing.assert_close(torch.from_numpy(given), model.predict(image).detach(), rtol=1e-4, atol=1e-6)
    said = failing(capsys, "export", "resnet18", "--onnx", str(file), "--weights", str(weights))
    assert "these weights are of another network" in said
