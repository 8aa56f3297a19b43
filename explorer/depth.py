"""The depth of a network as the papers count it: layers with weights on the longest way through."""

from explorer.network import Network, walk
from explorer.trace import Trace


def depth(network: Network) -> int:
    """Convolutions and linear layers on the longest way from the input to the output. Raises ShapeError.

    50 for ResNet-50 (a projecting shortcut is the shorter way), 22 for GoogLeNet, 48 for Inception-v3.
    """
    return sum(step.count * longest(step.record.trace) for step in walk(network))


def longest(trace: Trace) -> int:
    """The same of one block."""
    reached: list[int] = []
    for operation in trace.operations:  # each reads only those before it; -1 is the block's input
        before = max((reached[source] for source in operation.inputs if source >= 0), default=0)
        reached.append(before + (operation.params > 0 and operation.macs > 0))
    return reached[trace.output] if trace.output >= 0 else 0
