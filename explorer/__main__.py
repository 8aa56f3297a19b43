"""The command `explorer`: the app by default; `summary`, `fit`, `train` and `export` for terminals and scripts.

Nothing heavy is imported until a command is known to need it, so that `explorer --help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from explorer.network import Network
    from explorer.report import Report
    from explorer.shape import Shape

APP = Path(__file__).parent / "ui" / "app.py"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 when done, 1 after one sentence on stderr about what cannot be, 2 for a wrong usage."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except ValueError as error:  # ShapeError and what the readers of JSON, tokens and names raise
        print(f"explorer: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `explorer summary resnet152 | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="explorer", description="Stack convolutional networks out of published blocks, count and train them."
    )
    parser.set_defaults(run=_app, port=8501)
    commands = parser.add_subparsers(metavar="command", title="commands")

    app = commands.add_parser("app", help="serve the app on this machine (the default)")
    app.add_argument("--port", type=int, default=8501, help="port on 127.0.0.1 (8501)")
    app.set_defaults(run=_app)

    summary = commands.add_parser("summary", help="print what a network is made of and costs")
    summary.add_argument("network", help="a preset, a JSON file, - for JSON on stdin, or package.module:Class of yours")
    summary.add_argument("--input", type=_shape, metavar="C,H,W", help="input shape; a Class needs one")
    summary.add_argument("--batch", type=_count, default=1, help="images in a training step, for the memory (1)")
    summary.add_argument("--operations", action="store_true", help="one line for each operation, not for each block")
    form = summary.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--csv", action="store_true", help="as CSV")
    summary.set_defaults(run=_summary)

    fit = commands.add_parser("fit", help="propose widths and depths that meet a budget")
    fit.add_argument("network", help="a preset, a JSON file, or - for JSON on stdin")
    target = fit.add_mutually_exclusive_group(required=True)
    target.add_argument("--params", type=_amount, help="parameters, such as 500000 or 500k")
    target.add_argument("--macs", type=_amount, help="MACs an image, such as 1.5G")
    target.add_argument("--memory", type=_amount, help="bytes of training, such as 800M")
    fit.add_argument("--input", type=_shape, metavar="C,H,W", help="input shape, the network's own unless said")
    fit.add_argument("--batch", type=_count, default=1, help="images in a training step, for the memory (1)")
    fit.add_argument("--optimizer", choices=("sgd", "adamw"), default="sgd", help="for the memory (sgd)")
    fit.add_argument("--save", type=Path, metavar="FILE", help="keep the first proposal, a network as JSON, in a file")
    fit.set_defaults(run=_fit)

    train = commands.add_parser("train", help="train a network on real images in this terminal")
    train.add_argument("network", help="a preset, a JSON file, or - for JSON on stdin")
    train.add_argument("--input", type=_shape, metavar="C,H,W", help="input shape, the network's own unless said")
    train.add_argument("--twin", action="store_true", help="train the network without its shortcuts beside it")
    train.add_argument("--data", help="the images (digits); `explorer data list` names what there is")
    train.add_argument("--steps", type=_count, help="updates of the weights (150)")
    train.add_argument("--batch", type=_count, help="images in a step (64)")
    train.add_argument("--optimizer", choices=("sgd", "adamw"), help="sgd; adamw where a block has no norm")
    train.add_argument("--learning-rate", type=float, metavar="RATE", help="0.03 with sgd, 0.001 with adamw")
    train.add_argument("--seed", type=int, help="of the first weights and of the order of the images (0)")
    train.add_argument("--save", type=Path, metavar="FILE", help="keep the trained weights, a state dict, in a file")
    train.set_defaults(run=_train)

    figure = commands.add_parser("figure", help="draw a network for a paper or a slide")
    figure.add_argument("network", help="a preset, a JSON file, or - for JSON on stdin")
    figure.add_argument("out", type=Path, help="the file to write: .svg, .pdf, .tex (TikZ) or .png (300 dpi)")
    figure.add_argument("--input", type=_shape, metavar="C,H,W", help="input shape, the network's own unless said")
    figure.add_argument("--style", choices=("blocks", "volumes"), help="boxes, or the maps to scale (blocks)")
    figure.add_argument("--layout", choices=("horizontal", "folded"), help="one row, or rows (folded if it must be)")
    figure.add_argument("--level", choices=("stages", "blocks", "operations"), help="what a box is (blocks)")
    figure.add_argument("--theme", choices=("light", "dark", "grey"), help="colours (light)")
    figure.add_argument("--width", type=float, metavar="CM", help="greatest width in centimetres (17)")
    figure.add_argument("--type", type=float, metavar="PT", help="size of the smallest type in points, from 6 on (6)")
    figure.add_argument("--no-shapes", action="store_true", help="without the shapes of the maps")
    figure.set_defaults(run=_figure)

    export = commands.add_parser("export", help="write a network as files for elsewhere")
    export.add_argument("network", help="a preset, a JSON file, or - for JSON on stdin")
    export.add_argument("--input", type=_shape, metavar="C,H,W", help="input shape, the network's own unless said")
    export.add_argument("--code", type=Path, metavar="FILE", help="Python that needs only torch; - for stdout")
    export.add_argument("--training", type=Path, metavar="FILE", help="a script that trains it by its usual recipe")
    export.add_argument("--onnx", type=Path, metavar="FILE", help="ONNX, compared with torch before it is written")
    export.add_argument("--softmax", action="store_true", help="the ONNX file gives probabilities, not logits")
    export.add_argument("--one-image", action="store_true", help="the ONNX file takes one image, not any number")
    export.add_argument("--weights", type=Path, metavar="FILE", help="for ONNX: .pth, .pt or .safetensors (seed 0)")
    export.add_argument("--check", action="store_true", help="run the code beside the app's model before it is written")
    export.set_defaults(run=_export)

    opening = commands.add_parser("open", help="find out which network a file of weights belongs to")
    opening.add_argument("file", type=Path, help="a state dict: .pth, .pt or .safetensors; nothing in it is run")
    opening.add_argument("--save", type=Path, metavar="FILE", help="keep the network as JSON")
    opening.add_argument("--weights", type=Path, metavar="FILE", help="keep its weights, named as here, .safetensors")
    opening.set_defaults(run=_open)

    sets = commands.add_parser("data", help="images to train on: list, download, add pictures of your own, remove")
    sets.set_defaults(run=lambda arguments: _data_list())
    deeds = sets.add_subparsers(metavar="what")
    listed = deeds.add_parser("list", help="the sets that are there (the default)")
    listed.set_defaults(run=lambda arguments: _data_list())
    fetched = deeds.add_parser("download", help="fetch a published set into the data folder")
    fetched.add_argument("kind", help="fashion-mnist, mnist or cifar10")
    fetched.set_defaults(run=lambda arguments: _data_download(arguments.kind))
    added = deeds.add_parser("add", help="make a set of a folder or zip of pictures, a folder a class")
    added.add_argument("source", type=Path, help="the folder or zip file; links are not followed")
    added.add_argument("--size", type=_count, default=32, help="pixels that the pictures are made: 16 to 128 (32)")
    added.add_argument("--title", default="", help="what the set is called; the name of the folder unless said")
    added.set_defaults(run=lambda arguments: _data_add(arguments.source, arguments.size, arguments.title))
    removed = deeds.add_parser("remove", help="delete a set of your own")
    removed.add_argument("name", help="such as own:id=0123456789abcdef")
    removed.set_defaults(run=lambda arguments: _data_remove(arguments.name))

    names = commands.add_parser("presets", help="list the networks that have a name")
    names.set_defaults(run=_presets)
    return parser


def _app(arguments: argparse.Namespace) -> int:
    """Become Streamlit's server, so that signals and the exit code are its own."""
    address = ("--server.address", "127.0.0.1", "--server.port", str(arguments.port))
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(APP), *address])


def _presets(arguments: argparse.Namespace) -> int:
    from explorer import presets

    for name in presets.names():
        print(name)
    return 0


def _data_list() -> int:
    from explorer.summary import aligned
    from explorer.training import data
    from explorer.training.data.places import folders

    known = []
    for name in data.available():
        try:
            known.append(data.facts(name))
        except ValueError as refusal:  # a file in the data folder that is none of ours
            print(f"explorer: {refusal}", file=sys.stderr)
    rows = [(one.name, one.title, f"{len(one.classes)}", f"{one.train:,}", f"{one.test:,}") for one in known]
    print("\n".join(aligned([("name", "images", "classes", "to learn from", "to test with"), *rows], left=2)))
    print(f"\nlooked for in {', '.join(map(str, folders()))}")
    return 0


def _data_download(kind: str) -> int:
    from explorer.training.data.download import download

    print(f"{kind}: {download(kind, _percent)}")
    return 0


def _data_add(source: Path, size: int, title: str) -> int:
    from explorer.pictures import bring
    from explorer.training import data
    from explorer.training.data.own import Own

    name = bring(source.absolute(), size, title, _percent)
    known, found = data.facts(name), data.source_of(name)
    assert isinstance(found, Own)
    about = found.about()
    for line in about.left_out:
        print(f"left out: {line}", file=sys.stderr)
    if about.left_out_count > len(about.left_out):
        print(f"left out: {about.left_out_count - len(about.left_out):,} more", file=sys.stderr)
    print(f"{known.title}: {len(known.classes)} classes, {known.train:,} to learn from, {known.test:,} to test with")
    print(f"name: {name}")
    return 0


def _data_remove(name: str) -> int:
    from explorer.training.data import own

    own.remove(name)
    print(f"removed: {name}")
    return 0


def _percent(done: int, total: int) -> None:
    """How far something is, on a terminal alone."""
    if sys.stderr.isatty():
        print(f"\r{min(100, 100 * done // max(1, total))} %", end="\r", file=sys.stderr, flush=True)


def _summary(arguments: argparse.Namespace) -> int:
    from explorer import summary

    report = _report(arguments.network, arguments.input, arguments.batch)
    if arguments.json:
        print(summary.as_json(report, arguments.operations))
    elif arguments.csv:
        print(summary.as_csv(report, arguments.operations), end="")
    else:
        print(f"{arguments.network}\n\n{summary.as_table(report, arguments.operations)}")
    return 0


def _fit(arguments: argparse.Namespace) -> int:
    from explorer import summary
    from explorer.fit import Quantity, fit

    targets: dict[Quantity, int | None] = {
        "params": arguments.params,
        "macs": arguments.macs,
        "memory": arguments.memory,
    }
    quantity, target = next((name, value) for name, value in targets.items() if value is not None)
    fitted = network(arguments.network, arguments.input)
    found = fit(fitted, quantity, target, arguments.batch, arguments.optimizer)
    print(f"{arguments.network}\n\n{summary.proposals(found)}")
    if arguments.save is not None:
        _write(arguments.save, found.proposals[0].network.to_json())
        print(f"\nnetwork: {arguments.save}")
    return 0


def _export(arguments: argparse.Namespace) -> int:
    exported = network(arguments.network, arguments.input)
    texts: list[tuple[str, Path, str]] = []
    if arguments.code is not None:
        from explorer.export import python_source

        texts.append(("code", arguments.code, python_source(exported)))
    if arguments.training is not None:
        from explorer.export.script import training_script

        texts.append(("training script", arguments.training, training_script(exported)))
    if not texts and not arguments.check and arguments.onnx is None:
        raise ValueError("export needs to know what to write: add --code FILE, --training FILE or --onnx FILE")
    if arguments.check:
        from explorer.export.check import check

        found = check(exported)
        if not found.same:
            raise ValueError(found.words())
        print(f"checked: {found.words()}", file=sys.stderr)
    for what, path, text in texts:
        if str(path) == "-":
            print(text, end="")
        else:
            _write(path, text)
            print(f"{what}: {path}")
    if arguments.onnx is not None:
        _onnx(exported, arguments)
    return 0


def _onnx(exported: Network, arguments: argparse.Namespace) -> None:
    """Writes the ONNX file, if it gives what torch gives."""
    from explorer import checkpoint
    from explorer.export.apart import onnx_file
    from explorer.weights import of_either_name

    if arguments.weights is not None:
        state = of_either_name(exported, checkpoint.read(arguments.weights))
    else:
        state = exported.build().state_dict()
    made = onnx_file(exported, state, softmax=arguments.softmax, dynamic_batch=not arguments.one_image)
    if not made.same:
        raise ValueError(made.words())
    _write(arguments.onnx, made.data)
    print(f"onnx: {arguments.onnx}, {made.words()}")


def _open(arguments: argparse.Namespace) -> int:
    from explorer import analyze, checkpoint
    from explorer.recognise import recognise

    state = checkpoint.read(arguments.file)
    try:
        found = recognise(state)
    except ValueError as error:
        raise ValueError(f"{arguments.file}: {error}") from error
    report = analyze(found.network)
    print(f"{arguments.file}: {found.title}")
    print(f"{report.params:,} parameters, {report.macs:,} MACs, {found.network.input} in")
    for note in found.notes:
        print(note)
    if arguments.save is not None:
        _write(arguments.save, found.network.to_json())
        print(f"network: {arguments.save}")
    if arguments.weights is not None:
        _write(arguments.weights, checkpoint.write(found.weights))
        print(f"weights: {arguments.weights}")
    return 0


def _train(arguments: argparse.Namespace) -> int:
    from pydantic import ValidationError

    from explorer import terminal
    from explorer.training.recipe import Recipe

    trained = network(arguments.network, arguments.input)
    asked = {
        name: getattr(arguments, name) for name in ("data", "steps", "batch", "optimizer", "learning_rate", "seed")
    }
    given = {name: value for name, value in asked.items() if value is not None}
    if given.get("optimizer") == "adamw":
        given.setdefault("learning_rate", 1e-3)
    try:
        recipe = Recipe(**{**dict(Recipe.default_for(trained)), **given})
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"--{str(first['loc'][0]).replace('_', '-')} {first['input']}: {first['msg']}") from error
    return terminal.train(trained, recipe, arguments.twin, arguments.save)


def _figure(arguments: argparse.Namespace) -> int:
    from typing import get_args

    from pydantic import ValidationError

    from explorer import analyze
    from explorer.drawing.figure import DoesNotFit, Kind, Options, figure

    kind = next((kind for kind in get_args(Kind) if arguments.out.suffix.lower() == f".{kind}"), None)
    if kind is None:
        raise ValueError(f"{arguments.out} does not say what to write; end it in .svg, .pdf, .tex or .png")
    fields = {"style": "style", "layout": "layout", "level": "level", "theme": "theme"}
    fields |= {"width": "width_cm", "type": "smallest_pt"}
    asked = {field: getattr(arguments, name) for name, field in fields.items()}
    given = {field: value for field, value in asked.items() if value is not None}
    try:
        options = Options(**given, captions=not arguments.no_shapes)
    except ValidationError as error:
        first = error.errors()[0]
        where = next((f"--{name} {first['input']}: " for name, field in fields.items() if (field,) == first["loc"]), "")
        raise ValueError(where + first["msg"].removeprefix("Value error, ")) from error
    report = analyze(network(arguments.network, arguments.input))
    try:
        made = figure(report, options)
    except DoesNotFit:
        if arguments.layout is not None:
            raise
        made = figure(report, options.model_copy(update={"layout": "folded"}))
    written = made.file(kind)
    try:
        arguments.out.write_bytes(written)
    except OSError as error:
        raise ValueError(f"{arguments.out} cannot be written: {error.strerror}") from error
    size = f"{made.width_cm:.1f} × {made.height_cm:.1f} cm"
    print(f"{arguments.out}: {size}, smallest type {made.smallest_pt:g} pt")
    if made.boxed:
        print(made.boxed, file=sys.stderr)
    return 0


def _report(source: str, shape: Shape | None, batch: int) -> Report:
    from explorer import analyze, analyze_module

    if ":" not in source:
        return analyze(network(source, shape), batch=batch)
    if shape is None:
        raise ValueError(f"{source} does not say its input; add --input, for instance --input 3,224,224")
    module = _module(source)
    try:
        return analyze_module(module, shape, batch=batch)
    except Exception as error:  # whatever a person's own forward raises is theirs to read, in one sentence
        raise ValueError(f"{source} on {shape}: {type(error).__name__}: {error}") from error


def network(source: str, shape: Shape | None = None) -> Network:
    """The network of that preset's name, of a JSON file, or (`-`) of the JSON on stdin; ValueError if there is none."""
    from explorer import Network, presets

    path = Path(source)
    if source == "-":
        found = Network.from_json(sys.stdin.read())
    elif source in presets.names():
        found = presets.load(source)
    elif path.suffix == ".json" or path.is_file():
        try:
            found = Network.from_json(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ValueError(f"{source} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ValueError(f"{source} is not UTF-8 text") from error
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from error
    else:
        raise ValueError(f"{source!r} is neither a preset nor a file; {_near(source, presets.names())}")
    return found.apply({"op": "input", "shape": list(shape)}) if shape else found


def _write(path: Path, content: str | bytes) -> None:
    try:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error.strerror}") from error


def _near(wrong: str, names: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(wrong, names, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else "`explorer presets` lists the names"


def _module(source: str):  # type: ignore[no-untyped-def]
    """The module that `package.module:Class` names: a class or function to call without arguments, or an instance."""
    from importlib import import_module

    from torch import nn

    place, _, name = source.partition(":")
    sys.path.insert(0, os.getcwd())  # as `python -m` does: the class is the user's own, next to them
    try:
        found: object = import_module(place)
        for part in name.split("."):
            found = getattr(found, part)
    except ModuleNotFoundError as error:
        raise ValueError(f"{source}: there is no module {error.name!r} to import") from error
    except AttributeError as error:
        raise ValueError(f"{source}: {error}") from error
    finally:
        sys.path.remove(os.getcwd())
    try:
        module = found if isinstance(found, nn.Module) else found()  # type: ignore[operator]
    except TypeError as error:
        raise ValueError(f"{source} cannot be made without arguments: {error}") from error
    if not isinstance(module, nn.Module):
        raise ValueError(f"{source} gives a {type(module).__name__}, not a torch.nn.Module")
    return module


def _shape(text: str) -> Shape:
    """`3,224,224`, or with × or x between."""
    from explorer.shape import Shape

    try:
        return Shape(*(int(size) for size in text.replace("×", ",").replace("x", ",").split(",")))
    except (TypeError, ValueError):
        raise argparse.ArgumentTypeError(f"{text!r} is not channels,height,width") from None


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _amount(text: str) -> int:
    """`500000`, `500k`, `1.5G`."""
    factor = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}.get(text[-1:], 1)
    digits = text if factor == 1 else text[:-1]
    if not digits.replace(".", "", 1).isdecimal() or float(digits) * factor < 1 or len(digits) > 20:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount such as 500000, 500k or 1.5G")
    return round(float(digits) * factor)


if __name__ == "__main__":
    sys.exit(main())
