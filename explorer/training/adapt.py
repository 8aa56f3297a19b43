"""Networks made from a network so that a run can show something: an adapted copy, a deeper copy."""

from collections.abc import Iterator
from contextlib import suppress

from explorer.network import Network
from explorer.report import Report, analyze
from explorer.shape import Shape, ShapeError

EFFECT_DEPTH = 44  # weighted layers from which on a plain twin visibly learns more slowly, measured on digits
DEEPENED = 56
DIGITS = Shape(1, 8, 8)
MINUTE_OF_MACS = 32_000_000  # per image: 150 steps of 64, forward and backward, are under a minute of a CPU core


def depth(report: Report) -> int:
    """Weighted layers on the longest way through the network, as the papers count them: a projection adds none."""
    reached: list[int] = []
    for row in report.operations:
        before = max((reached[source] for source in row.sources if source >= 0), default=0)
        reached.append(before + (row.macs > 0))
    return max(reached, default=0)


def deepen(network: Network, target: int = DEEPENED) -> Network:
    """A copy whose repeated residual blocks stand more often, evenly, until it has `target` weighted layers.

    The same network where none of its blocks can.
    """
    raised = network
    reached = depth(analyze(network))
    growing = {at for at, block in enumerate(network.blocks) if block.has_shortcut() and block.repeats}
    while reached < target and growing:
        at = min(growing, key=lambda at: (raised.blocks[at].copies, at))
        deeper = _one_more(raised, at)
        gained = depth(analyze(deeper)) if deeper else 0
        if deeper is None or gained <= reached:
            growing.remove(at)
            continue
        raised, reached = deeper, gained
    if raised == network:
        return network
    return raised.model_copy(update={"name": f"{network.name or 'Network'}, depth {reached}"[:80]})


def _one_more(network: Network, at: int) -> Network | None:
    """The network with one more copy of card `at`, or None where that changes what the card gives or cannot be."""
    block = network.blocks[at]
    try:
        deeper = network.apply({"op": "set", "at": at, "fields": {"repeat": block.copies + 1}})
        before, after = analyze(network).cards[at], analyze(deeper).cards[at]
    except ValueError:  # past a limit, or a stack that no longer fits together
        return None
    return deeper if before.output_shape == after.output_shape else None


def fitted(network: Network, shape: Shape, classes: int) -> Network:
    """The network for images of this shape and so many classes. ShapeError where they do not go through it."""
    made = _headed(network, classes).apply({"op": "input", "shape": list(shape)})
    analyze(made)
    return made


def _headed(network: Network, classes: int) -> Network:
    """The network with so many classes."""
    blocks = (block.with_fields(classes=classes) if block.role == "head" else block for block in network.blocks)
    return network.model_copy(update={"blocks": tuple(blocks)})


def adapted_copy(network: Network, shape: Shape = DIGITS, classes: int = 10) -> Network:
    """A copy that trains in about a minute on a CPU: smaller input, one channel, `classes` classes.

    Its beginning is made to keep the map's size where the rest is small enough for that. ValueError where no small
    input fits through the network.
    """
    cheapest: tuple[int, Network] | None = None
    for copy in _candidates(network, shape, classes):
        try:
            macs = analyze(copy).macs
        except ShapeError:
            continue
        if macs <= MINUTE_OF_MACS:
            return copy
        if cheapest is None or macs < cheapest[0]:
            cheapest = macs, copy
    if cheapest is None:
        raise ValueError("no small input fits through this network")
    return cheapest[1]


def _candidates(network: Network, shape: Shape, classes: int) -> Iterator[Network]:
    """Copies from the one that keeps the most of the image to the one that shrinks it as the network does."""
    name = f"{network.name or 'Network'}, adapted"[:80]
    headed = _headed(network, classes).model_copy(update={"name": name})
    with suppress(ShapeError):  # where the original itself does not fit together, its copies as they are may
        yield _gentle(headed).apply({"op": "input", "shape": list(shape)})
    for size in (2 * shape.height, shape.height, 4 * shape.height, 8 * shape.height, 12 * shape.height):
        yield headed.apply({"op": "input", "shape": [shape.channels, size, size]})


def _gentle(network: Network) -> Network:
    """The network with a beginning that keeps the map's size: a stem of one 3×3, no pools, no strides."""
    cards = analyze(network).cards
    blocks = []
    leading = True
    for block, card in zip(network.blocks, cards, strict=True):
        leading = leading and block.family in ("stem", "plain")
        shrinks = card.output_shape[1:] != card.input_shape[1:]
        fields = type(block).model_fields
        if not (leading and shrinks):
            blocks.append(block)
        elif block.role == "stem":
            blocks.append(block.with_fields(form="cifar", channels=card.output_shape[0]))
        elif "channels" in fields:
            blocks.append(block.with_fields(stride=1, padding="same"))
    return network.model_copy(update={"blocks": tuple(blocks)})
