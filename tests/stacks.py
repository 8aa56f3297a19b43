"""Random blocks and stacks, drawn from the fields themselves: new kinds and options need no line here."""

from typing import Any, Literal, get_args, get_origin

from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from explorer import Network, Shape, ShapeError
from explorer.block import KINDS, Block
from explorer.network import walk

# Values that keep a random network small; a field without an entry is drawn from its own type and bounds.
SMALL: dict[str, st.SearchStrategy[Any]] = {
    "label": st.sampled_from(["", "", "Stage 2"]),
    "channels": st.sampled_from([4, 6, 8, 16]),
    "width": st.sampled_from([4, 8, 12, 16]),
    "mid": st.sampled_from([None, 4, 8]),
    "expand": st.sampled_from([None, 4, 12]),
    "groups": st.sampled_from([1, 1, 2, 4]),
    "kernel": st.sampled_from([1, 2, 3, 3, 5]),
    "padding": st.sampled_from([None, 0, 1]),
    "dilation": st.sampled_from([1, 1, 2]),
    "repeat": st.sampled_from([1, 1, 2, 3]),
    "convolutions": st.sampled_from([1, 2, 3]),
    "norm_eps": st.sampled_from([1e-5, 1e-3]),
    "mid_ratio": st.sampled_from([0.5, 1.0, 2.0]),
    "tolerance": st.sampled_from([0.0, 1.25]),
    "rate": st.sampled_from([0.0, 0.25]),
    "dropout": st.sampled_from([0.0, 0.25]),
    "classes": st.sampled_from([2, 10]),
    "hidden": st.lists(st.sampled_from([3, 5]), max_size=4).map(tuple),
    "share": st.sampled_from(["", "", "W", "V"]),
}


@st.composite
def branch_lines(draw: st.DrawFn, depth: int = 2) -> str:
    """A line of Inception branches in the notation of the block, all suffixes and nested splits among them."""
    suffix = st.sampled_from(["", "", "", "v", "/2", "/2v"])
    conv = st.builds(
        "{}x{}:{}{}".format, st.sampled_from([1, 3, 5]), st.sampled_from([1, 3]), st.sampled_from([2, 4]), suffix
    )
    pool = st.builds("{}{}".format, st.sampled_from(["maxpool", "avgpool"]), suffix)
    branches = []
    for _ in range(draw(st.integers(1, 3))):
        steps = draw(st.lists(conv | pool, min_size=1, max_size=3))
        if depth and draw(st.integers(0, 4)) == 0:
            steps.append(f"({draw(branch_lines(depth=depth - 1))})")
        branches.append(" > ".join(steps))
    return " | ".join(branches)


def values(name: str, field: FieldInfo) -> st.SearchStrategy[Any]:
    """What a field of this name may hold."""
    annotation = field.annotation
    if get_origin(annotation) is Literal:
        return st.sampled_from(get_args(annotation))
    if name == "branches":
        return branch_lines()
    if name in SMALL:
        return SMALL[name]
    if annotation is bool:
        return st.booleans()
    choices = [value for part in get_args(annotation) for value in get_args(part)]  # a union of literals
    if choices:
        return st.sampled_from(choices)
    bounds = {bound: getattr(m, bound) for m in field.metadata for bound in ("ge", "le") if hasattr(m, bound)}
    assert annotation is int, f"tests/stacks.py does not know how to draw {name}: {annotation}"
    return st.integers(bounds["ge"], min(bounds["le"], bounds["ge"] + 3))


def blocks_of(kind: type[Block]) -> st.SearchStrategy[Block]:
    """Blocks of one kind with every field drawn."""
    fields = {name: values(name, field) for name, field in kind.model_fields.items() if name != "kind"}
    return st.builds(kind, **fields)


def by_role(role: str) -> st.SearchStrategy[Block]:
    return st.one_of([blocks_of(kind) for kind in KINDS.values() if kind.role == role])


shapes = st.builds(Shape, st.sampled_from([1, 3, 4]), st.integers(7, 14), st.integers(7, 14))


@st.composite
def any_stacks(draw: st.DrawFn, max_bodies: int = 4) -> Network:
    """Networks that may or may not fit together."""
    blocks = [
        *draw(st.lists(by_role("stem"), max_size=1)),
        *draw(st.lists(by_role("body"), max_size=max_bodies)),
        *draw(st.lists(by_role("head"), max_size=1)),
    ]
    return Network(input=draw(shapes), blocks=tuple(blocks))


@st.composite
def valid_stacks(draw: st.DrawFn, max_bodies: int = 4) -> Network:
    """Networks that fit together: what does not is mended by one of the error's own ways out, or left out."""
    network = draw(any_stacks(max_bodies=max_bodies))
    for _ in range(20):
        try:
            for _step in walk(network):
                pass
            return network
        except ShapeError as error:
            ways = [way for way in error.ways if way.edit["op"] in ("set", "replace")]
            network = network.apply(draw(st.sampled_from(ways)).edit) if ways else network.remove(error.index or 0)
    return Network(input=network.input)
