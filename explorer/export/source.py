"""A network as one file of Python that needs only torch, made of the project's own source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from textwrap import indent
from typing import Any

from torch import nn

from explorer.block import Block
from explorer.export.calls import Call, Repeated, call_of, lines
from explorer.export.gather import PACKAGE, Gathered, Import, begun, clean, import_lines, visible
from explorer.first_weights import draw_weights
from explorer.network import Network, is_normless
from explorer.report import Report, analyze
from explorer.shape import show

Places = Callable[[Block, nn.Module], list[str]]

MAIN = '''
def main() -> None:
    """Prints the shape that leaves each block."""
    network = Network().eval()
    images = torch.zeros(2, {shape})
    print("    images", *images.shape[1:])
    with torch.no_grad():
        for place, block in network.named_children():
            images = block(images)
            kind = type(block[0] if type(block) is nn.Sequential else block).__name__
            print(f"{{place:>3}} {{kind}}", *images.shape[1:])


if __name__ == "__main__":
    main()
'''


def python_source(network: Network) -> str:
    """The file: the block modules that the network uses, as they stand in this package, and the class `Network`.

    `Network(seed)` has the parameter names, the first weights and the output of `network.build(seed)`, bit for bit.
    Raises ShapeError.
    """
    report = analyze(network)
    title = visible(network.name) or "A convolutional network"
    shapes = f"{show(network.input)} to {show(report.output_shape)}"
    opening = (
        begun(f"{title}, in a file that needs only PyTorch."),
        "",
        f"{shapes}: {report.params:,} parameters, {report.macs:,} multiply-accumulates an image.",
        "Written by Architecture Explorer; its model has the same parameter names and, for a seed, the same weights.",
        '"""',
    )
    main = MAIN.format(shape=", ".join(map(str, network.input)))
    return "\n".join((*opening, "", module_source(report), main))


def module_source(
    report: Report, imports: Sequence[Import] = (), constants: Sequence[str] = (), others: Sequence[Any] = ()
) -> str:
    """Imports, constants, definitions and the class `Network`, with what `others` need of the package."""
    assert report.network is not None
    model = report.network.skeleton()
    kinds = dict.fromkeys(type(layer) for card in model for layer in card.modules())
    gathered = Gathered(imports={Import("torch"), Import("torch", "nn"), *imports}, layers=frozenset(kinds))
    gathered.take(*(kind for kind in kinds if kind.__module__.startswith(f"{PACKAGE}.")))
    gathered.take(draw_weights, *others)
    head = [
        import_lines(gathered.imports),
        *("\n".join(lines) for lines in (constants, gathered.constants.values()) if lines),
    ]
    body = [*gathered.definitions.values(), network_class(report, model)]
    return "\n\n".join(head) + "\n\n\n" + "\n\n\n".join(body) + "\n"


def network_class(report: Report, model: nn.Sequential) -> str:
    """The class whose children are the cards of the stack."""
    network = report.network
    assert network is not None
    rows = []
    for number, (card, block, built) in enumerate(zip(report.cards, network.blocks, model, strict=True), start=1):
        times = f" ×{block.copies}" if block.copies > 1 else ""
        rows.append(
            f"{' ' * 12}# {number}. {clean(block.name)}{times}: {show(card.input_shape)} → {show(card.output_shape)}"
        )
        rows += lines(card_call(block, built), 12, after=",")
    cards = "\n".join(rows)
    called = f"super().__init__(\n{cards}\n        )" if rows else "super().__init__()"
    starts = [*weight_lines(network, model), *zero_lines(network, model, zero_places), *sharing_lines(network, model)]
    takes, gives = (f"(N, {', '.join(map(str, shape))})" for shape in (report.input_shape, report.output_shape))
    return f'''class Network(nn.Sequential):
    """{takes} to {gives}, one block after another."""

    def __init__(self, seed: int = 0) -> None:
        {called}
{indent(chr(10).join(starts), " " * 8)}'''


def card_call(block: Block, built: nn.Module) -> Call:
    """The call that makes one card: its module, or a row of its copies."""
    if not block.repeats:
        return call_of(built)
    assert isinstance(built, nn.Sequential)
    copies: list[Call | Repeated] = []
    for call, equal in groupby(call_of(copy) for copy in built):
        count = len(list(equal))
        copies.append(Repeated(call, count) if count > 1 else call)
    return Call("nn.Sequential", tuple(("", copy) for copy in copies))


def weight_lines(network: Network, model: nn.Sequential) -> Iterator[str]:
    """Draws the first weights; a block without norms by the other side of its convolutions."""
    normless = {
        at: is_normless(block)
        for at, (block, built) in enumerate(zip(network.blocks, model, strict=True))
        if any(isinstance(layer, nn.Conv2d) for layer in built.modules())
    }
    if not any(normless.values()):
        yield "draw_weights(self, seed)"
    elif all(normless.values()):
        yield "draw_weights(self, seed, fan_in=True)"
    else:
        yield from tuple_lines("normless = ", [f'"{at}"' for at, without in normless.items() if without])
        yield "for path, block in self.named_children():"
        yield "    draw_weights(block, seed, path, fan_in=path in normless)"


def zero_lines(network: Network, model: nn.Sequential, places: Places, owner: str = "self") -> Iterator[str]:
    """Zeroes the weights of layers at these places in the copies of each block."""
    for at, (block, built) in enumerate(zip(network.blocks, model, strict=True)):
        copies = list(built.children()) if block.repeats else [built]
        for place in places(block, copies[0]):
            if block.repeats:
                yield f"for block in {owner}[{at}]:  # its branch starts at zero"
                yield f"    nn.init.zeros_({inside('block', place)}.weight)"
            else:
                yield f"nn.init.zeros_({inside(f'{owner}[{at}]', place)}.weight)  # its branch starts at zero"


def zero_places(block: Block, copy: nn.Module) -> list[str]:
    """Where in a copy of the block the layers lie that start at zero."""
    zero = {id(layer) for layer in block.starts_at_zero(copy)}
    return [place for place, layer in copy.named_modules() if id(layer) in zero]


def sharing_lines(network: Network, model: nn.Sequential) -> Iterator[str]:
    """Gives blocks of one `share` name the layers of the first of them."""
    names = dict.fromkeys(block.shared_name for block in network.blocks if block.shared_name)
    for name in names:
        cards = [at for at, block in enumerate(network.blocks) if block.shared_name == name]
        first = network.blocks[cards[0]]
        owner = f"self[{cards[0]}][0]" if first.repeats else f"self[{cards[0]}]"
        others = [f"*self[{cards[0]}][1:]"] if first.copies > 1 else []
        others += [f"*self[{at}]" if network.blocks[at].repeats else f"self[{at}]" for at in cards[1:]]
        if others:
            built = model[cards[0]]
            yield "# one W for all of these"
            yield from tuple_lines("for block in ", others, ":")
            for place in first.shareable(next(built.children()) if first.repeats else built):
                yield f"    {inside('block', place)} = {inside(owner, place)}"


def tuple_lines(before: str, items: list[str], after: str = "") -> list[str]:
    """A tuple of such items; one that is all of another row stands for that row."""
    if len(items) == 1:
        return [before + (items[0][1:] if items[0].startswith("*") else f"({items[0]},)") + after]
    rows = lines(Call("", tuple(("", item) for item in items)), 8, before, after)
    return [row[8:] for row in rows]


def inside(block: str, place: str) -> str:
    """A layer by its place in a block: `block.convs[1].conv`."""
    return block + "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in place.split("."))
