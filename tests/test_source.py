"""A network as a file of Python: the same names, weights and outputs as the app's own model, and nothing else in it."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings

from explorer import Network, Shape, ShapeError, analyze, blocks, layers, presets
from explorer.__main__ import main
from explorer.block import KINDS, Block
from explorer.export import calls, python_source
from explorer.export.check import Check, check, failure, read
from explorer.export.gather import Gathered, begun, clean
from explorer.export.outputs import differences, outputs
from explorer.export.script import training_script
from tests import exported
from tests.goldens import sources
from tests.stacks import valid_stacks

SMALL = Network(
    input=Shape(1, 8, 8),
    blocks=(blocks.Stem(form="cifar", channels=4), blocks.Basic(channels=4), blocks.Classifier(classes=3)),
)
HOSTILE = (
    '"""\nimport os\nos.system("true")\n"""',
    "'''",
    "\\",
    "ends with a backslash\\",
    'x"""; raise SystemExit #',
    "\n\nraise SystemExit",
    "\r\x0craise SystemExit",
    "\u2028raise SystemExit\u2029\x85",
    "\u202e\u2066 txet desrever \u2069",
    "\ud800 alone",
    "\x00\x1b[31m",
    "{}{0}%s",
    "# noqa # type: ignore # fmt: off",
    "-*- coding: utf-7 -*-",
    "+AAo-raise SystemExit",
    "漢" * 40,
    " ",
    "",
)


def executed(source: str) -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "exported"}
    exec(compile(source, "exported", "exec"), space)
    return space


def test_200_random_stacks_are_the_same_as_code(tmp_path: Path) -> None:
    drawn: dict[str, Network] = {}

    @settings(max_examples=200, suppress_health_check=list(HealthCheck))
    @given(valid_stacks())
    def draw(network: Network) -> None:
        drawn[f"stack{len(drawn):03}"] = network

    draw()
    assert len(drawn) >= 200
    used = {block.kind for network in drawn.values() for block in network.blocks}
    assert used == set(KINDS)
    exported.hold(tmp_path, drawn)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_example_of_every_kind_can_be_written(kind: type[Block]) -> None:
    for fields, shape in kind.examples:
        network = Network(input=shape, blocks=(kind(**fields),))
        theirs = executed(python_source(network))["Network"]()
        assert list(theirs.state_dict()) == list(network.build().state_dict())


def test_resnet_50_is_one_readable_file() -> None:
    source = python_source(presets.load("resnet50"))
    assert len(source.splitlines()) <= 200
    assert "25,557,032 parameters, 4,089,184,256 multiply-accumulates" in source
    for absent in ("GroupNorm", "GELU", "class Pad", "PreActivation", "explorer"):
        assert absent not in source


@pytest.mark.parametrize("name", sources.NAMES)
def test_the_files_are_the_reviewed_ones(name: str) -> None:
    assert sources.path(name).read_text(encoding="utf-8") == sources.written(name), (
        "run .venv/bin/python -m tests.goldens.sources"
    )


def test_definitions_are_the_projects_own() -> None:
    source = python_source(presets.load("inception_resnet_small"))
    for home in ("blocks/inception.py", "blocks/classifier.py", "layers.py", "first_weights.py"):
        own = (exported.ROOT / "explorer" / home).read_text(encoding="utf-8")
        for node in ast.parse(own).body:
            if isinstance(node, ast.ClassDef) and f"class {node.name}(" in source:
                assert ast.get_source_segment(own, node) in source


def test_the_file_runs_by_itself_and_prints_the_shapes(tmp_path: Path) -> None:
    network = presets.load("digits_resnet20")
    file = tmp_path / "network.py"
    file.write_text(python_source(network), encoding="utf-8")
    program = f"import runpy, sys; sys.modules['explorer'] = None; runpy.run_path({str(file)!r}, run_name='__main__')"
    ended = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    shapes = [tuple(int(size) for size in line.split()[2:]) for line in ended.stdout.splitlines()[1:]]
    assert shapes == [tuple(card.output_shape) for card in analyze(network).cards]


def test_a_seed_gives_the_weights_of_that_seed() -> None:
    made = executed(python_source(SMALL))["Network"]
    for seed in (0, 7):
        ours, theirs = SMALL.build(seed).state_dict(), made(seed).state_dict()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert not torch.equal(made(0)[0].layers[0].conv.weight, made(1)[0].layers[0].conv.weight)


def test_shared_layers_are_shared_in_the_file() -> None:
    network = Network(
        input=Shape(4, 16, 16),
        blocks=(
            blocks.Downsampling(channels=8, share="W", repeat=2),
            blocks.Downsampling(channels=8, share="V"),
            blocks.Downsampling(channels=8, share="W"),
        ),
    )
    theirs = executed(python_source(network))["Network"]()
    assert theirs[0][0].conv1.conv is theirs[0][1].conv1.conv is theirs[2][0].conv1.conv
    assert theirs[1][0].conv1.conv is not theirs[0][0].conv1.conv
    assert sum(one.numel() for one in theirs.parameters()) == analyze(network).params


def test_an_empty_stack_gives_its_input() -> None:
    source = python_source(Network(input=Shape(3, 5, 5)))
    images = torch.randn(2, 3, 5, 5)
    assert torch.equal(executed(source)["Network"]()(images), images)


def test_a_stack_that_does_not_fit_has_no_code() -> None:
    broken = Network(input=Shape(3, 8, 8), blocks=(blocks.Basic(channels=8, shortcut="identity"),))
    with pytest.raises(ShapeError, match="adds 3×8×8 to 8×8×8"):
        python_source(broken)


def without_words(source: str) -> str:
    """The syntax tree without the file's docstring; comments are not in it."""
    tree = ast.parse(source)
    return ast.dump(ast.Module(tree.body[1:], []))


def test_names_cannot_leave_their_line(tmp_path: Path) -> None:
    plain = without_words(python_source(SMALL))
    lines = len(python_source(SMALL).splitlines())
    for number, text in enumerate(HOSTILE):
        # the fields bound the length, nothing else
        named = tuple(block.model_copy(update={"label": text[:40]}) for block in SMALL.blocks)
        network = SMALL.model_copy(update={"name": text[:80], "blocks": named})
        source = python_source(network)
        assert without_words(source) == plain
        assert len(source.splitlines()) == lines  # splitlines knows every line separator
        assert all(letter.isprintable() for letter in source.replace("\n", ""))
        (tmp_path / f"hostile{number}.py").write_text(source, encoding="utf-8")
    exported.ruff(tmp_path)


NAMES = (
    "A network whose name has 80 characters, every one of which is kept in its file!!",
    *("漢" * 80, "\\" * 80, '"' * 80, "\\" * 40 + "#" * 40, "# -*- coding: utf-7 -*- " * 3, "漢 # \\" * 16),
    *(text.ljust(80, "x")[:80] for text in HOSTILE if text.isprintable()),
    *(("x" * 80 + text)[-80:] for text in HOSTILE if text.isprintable()),
)


def test_a_name_is_whole_in_both_files_whatever_it_is(tmp_path: Path) -> None:
    digits = SMALL.model_copy(update={"blocks": (*SMALL.blocks[:2], blocks.Classifier(classes=10))})
    says = {
        python_source: "{}, in a file that needs only PyTorch.",
        training_script: "Trains {} on digits; needs PyTorch and scikit-learn.",
    }
    for write, words in says.items():
        plain = without_words(write(digits))
        for number, name in enumerate(NAMES):
            network = Network.model_validate(digits.model_dump() | {"name": name})
            source = write(network)
            assert without_words(source) == plain
            said = ast.get_docstring(ast.parse(source), clean=False) or ""
            assert said.splitlines()[0] == words.format(name.strip())
            assert not source.splitlines()[1].startswith(("#", " "))  # nor can it say how the file is encoded
            (tmp_path / f"{write.__name__}{number}.py").write_text(source, encoding="utf-8")
    exported.ruff(tmp_path)


def test_the_first_line_of_a_docstring_goes_on_where_it_is_too_wide() -> None:
    assert begun("Short.") == '"""Short.'
    assert begun('a \\ "b"') == '"""a \\\\ \\"b\\"'
    assert begun("one two three", most=12) == '"""one two \\\nthree'
    assert begun("one  # two", most=9) == '"""on\\\ne  # two'
    assert begun("漢" * 8, most=12) == '"""漢漢漢漢\\\n漢漢漢漢'
    assert begun("\\" * 4, most=9) == '"""\\\\\\\\\\\n\\\\\\\\'  # no escape is torn apart


def test_words_keep_what_can_be_kept() -> None:
    assert clean("ResNet-50 (für Übungen), 漢字 ½") == "ResNet-50 (für Übungen), 漢字 ½"
    assert clean('a\n"b" \\ #c\u202e') == "a 'b' / c"
    assert clean("漢" * 30) == "漢" * 20


@pytest.mark.parametrize(
    ("before", "after", "same_keys", "same_output"),
    [
        ("", "", True, True),
        ("BatchNorm2d(channels, eps)", "BatchNorm2d(channels, 2 * eps)", True, False),
        ("y = y + self.shortcut(x)", "y = y + 1.0001 * self.shortcut(x)", True, False),
        ("self.conv2", "self.conv3", False, False),
    ],
)
def test_the_comparison_can_fail(before: str, after: str, same_keys: bool, same_output: bool) -> None:
    source = python_source(SMALL)
    assert before in source
    ours, theirs = SMALL.build(), executed(source.replace(before, after))["Network"](1)
    assert (list(ours.state_dict()) == list(theirs.state_dict())) == same_keys
    if same_keys:
        theirs.load_state_dict(ours.state_dict())
        images = torch.randn(2, *SMALL.input)
        found = differences(outputs(ours, images), outputs(theirs, images))
        assert found["finite"] and (found["difference"] == 0) == same_output


def test_the_check_runs_the_file_and_says_what_it_found() -> None:
    source = python_source(SMALL)
    assert check(SMALL).words() == "same output, max |Δ| = 0"
    wrong = check(SMALL, source.replace("BatchNorm2d(channels, eps)", "BatchNorm2d(channels, 0.5)"))
    assert not wrong.same and wrong.difference is not None and wrong.difference > 1e-3
    assert wrong.words().startswith("different output, max |Δ| = 0.")


@pytest.mark.parametrize(
    ("addition", "seconds", "reason"),
    [
        ("raise ValueError('no')", 60, "running the file failed: ValueError: no"),
        ("torch.empty(2**34)", 60, "running the file failed: RuntimeError: "),  # 64 GiB, past the bound of the process
        ("import os; os.kill(os.getpid(), 9)", 60, "the process that ran the file was ended by signal 9"),
        ("while True: pass", 2, "running the file took more than 2 s"),
    ],
)
def test_a_file_that_does_not_end_well_is_a_sentence(addition: str, seconds: float, reason: str) -> None:
    found = check(SMALL, f"{python_source(SMALL)}\n{addition}\n", seconds)
    assert found.difference is None and not found.same
    assert found.reason.startswith(reason)
    assert found.words() == f"not checked: {found.reason}"


def test_every_finding_has_its_words() -> None:
    fine = {"same_keys": True, "same_shape": True, "finite": True, "difference": 0.0}
    assert read(fine).same
    assert "other names" in read({"same_keys": False}).words()
    assert "another shape" in read({**fine, "same_shape": False}).words()
    assert "not finite" in read({**fine, "finite": False, "difference": None}).words()
    assert not Check(None, "x").same and not Check(1e-9).same
    assert failure(1, "") == "running the file failed: exit code 1"


def test_a_network_beyond_the_memory_is_not_run() -> None:
    wide = Network(input=Shape(8192, 8, 8), blocks=(blocks.Conv(channels=8192, kernel=31, repeat=8),))
    assert "GiB of memory" in check(wide).reason


def test_two_definitions_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Pad is defined in explorer\.elsewhere and in explorer\.layers"):
        Gathered(homes={"Pad": "explorer.elsewhere"}).take(layers.Pad)


def test_calls_are_laid_out_as_they_are_made() -> None:
    long = calls.Call("f", tuple(("argument", "1" * 30) for _ in range(4)))
    assert calls.lines(calls.Call("f", (("", "1"), ("x", "2"))), 4, after=",") == ["    f(1, x=2),"]
    assert long.lines(0)[0] == "f(" and len(long.lines(0)) == 6
    with pytest.raises(ValueError, match="cannot be written"):
        calls.expression({1})
    with pytest.raises(ValueError, match="does not remember"):
        calls.call_of(torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(2, 2)))


def test_the_command_writes_what_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = presets.load("digits_resnet20")
    code, training = tmp_path / "network.py", tmp_path / "train.py"
    assert main(["export", "digits_resnet20", "--code", str(code), "--training", str(training), "--check"]) == 0
    out, err = capsys.readouterr()
    assert out == f"code: {code}\ntraining script: {training}\n"
    assert err == "checked: same output, max |Δ| = 0\n"
    assert code.read_text(encoding="utf-8") == python_source(network)
    assert training.read_text(encoding="utf-8") == training_script(network)
    assert main(["export", "digits_resnet20", "--code", "-"]) == 0
    assert capsys.readouterr().out == python_source(network)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["digits_resnet20"], "export needs to know what to write: add --code FILE, --training FILE or --onnx FILE"),
        (["digits_resnet20", "--code", "/nowhere/x.py"], "/nowhere/x.py cannot be written: No such file or directory"),
    ],
)
def test_what_the_command_cannot_write_is_a_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", *arguments]) == 1
    assert capsys.readouterr().err == f"explorer: {sentence}\n"
