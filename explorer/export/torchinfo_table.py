"""The table that torchinfo prints of a network, and where its counts differ from ours, by how much and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import torch
from torch import nn

from explorer.network import Network
from explorer.report import OperationRow, analyze
from explorer.shape import signed

if TYPE_CHECKING:
    from torchinfo.layer_info import LayerInfo

COLUMNS = ("input_size", "output_size", "num_params", "mult_adds")


@dataclass(frozen=True)
class Difference:
    """A part of what torchinfo's count has more than ours; less, where `amount` is negative."""

    amount: int
    reason: str

    def __str__(self) -> str:
        return f"{signed(self.amount)}: {self.reason}"


@dataclass(frozen=True)
class TorchinfoTable:
    """torchinfo's text and totals for one image, and ours with what lies between."""

    text: str
    images: int  # that torchinfo ran, and that its text is of
    params: int
    macs: int
    own_params: int
    own_macs: int
    params_differences: tuple[Difference, ...]
    macs_differences: tuple[Difference, ...]

    @property
    def unexplained_params(self) -> int:
        """What the differences leave open; 0 for every network that was tried."""
        return self.params - self.own_params - sum(part.amount for part in self.params_differences)

    @property
    def unexplained_macs(self) -> int:
        """The same for multiply-accumulates."""
        return self.macs - self.own_macs - sum(part.amount for part in self.macs_differences)

    @property
    def notes(self) -> tuple[str, ...]:
        """The comparison in sentences, one for parameters and one for multiply-accumulates."""
        return (
            _sentence("parameters", self.params, self.own_params, self.params_differences, self.unexplained_params),
            _sentence("multiply-adds", self.macs, self.own_macs, self.macs_differences, self.unexplained_macs),
        )


def torchinfo_table(network: Network, depth: int = 3) -> TorchinfoTable:
    """Runs torchinfo over the network's own module, made for this call and without memory (on torch's meta device).

    `depth` is how deep the table lists modules inside modules. Raises ShapeError where the stack does not fit together.
    """
    from torchinfo import summary, torchinfo  # half a second, and few ask for it

    report = analyze(network)
    model = network.skeleton()
    images = _images(model, report.operations)
    batch = torch.empty((images, *network.input), device="meta")
    found = summary(
        model, input_data=batch, device="meta", depth=depth, col_names=COLUMNS, col_width=18,
        row_settings=("depth", "var_names"), verbose=0,
    )  # fmt: skip
    torchinfo.clear_cached_forward_pass()  # it would keep the module until the next call
    return TorchinfoTable(
        text=str(found),
        images=images,
        params=found.total_params,
        macs=found.total_mult_adds // images,
        own_params=report.params,
        own_macs=report.macs,
        params_differences=_merged(_params_differences(found.summary_list)),
        macs_differences=_merged(_macs_differences(model, report.operations)),
    )


def _images(model: nn.Module, operations: Sequence[OperationRow]) -> int:
    """One image, but two where torch's group norm refuses one: where a group is a single value."""
    for row in operations:
        if row.op == "group_norm":
            module = model.get_submodule(row.path)
            if isinstance(module, nn.GroupNorm) and prod(row.output_shape) == module.num_groups:
                return 2
    return 1


def _macs_differences(model: nn.Module, operations: Sequence[OperationRow]) -> Iterator[Difference]:
    """From our operations and their modules alone, so that the sum checks torchinfo's total.

    torchinfo multiplies every parameter named weight or bias of a module without children by the positions of its
    output if the class is called Conv, else by the images; it does not see what a forward computes by functions.
    """
    for row in operations:
        module = model.get_submodule(row.path)
        seen = not any(True for _ in module.children()) and isinstance(getattr(module, "weight", None), torch.Tensor)
        if not seen:
            if row.macs:
                yield Difference(-row.macs, "products that a forward computes itself, which torchinfo does not see")
        elif row.macs:
            bias = getattr(module, "bias", None)
            if bias is not None:
                positions = prod(row.output_shape[1:]) if isinstance(module, nn.Conv2d) else 1
                yield Difference(bias.numel() * positions, "biases, one addition for each value they are added to")
        elif row.op.endswith("norm"):
            size = sum(parameter.numel() for parameter in module.parameters(recurse=False))
            yield Difference(size, "norms, counted as their parameters: 2 for each channel, whatever the map's size")


def _params_differences(layers: list[LayerInfo]) -> Iterator[Difference]:
    """torchinfo gives a container what its children leave over, and skips children that it has seen before."""
    for layer in layers:
        if layer.is_leaf_layer or layer.is_recursive:
            continue
        left = max(0, layer.leftover_params())
        own = sum(parameter.numel() for parameter in layer.module.parameters(recurse=False))
        if left != own:
            yield Difference(left - own, "shared weights, counted again in each block that uses them")


def _merged(differences: Iterator[Difference]) -> tuple[Difference, ...]:
    """One difference for each reason."""
    sums: dict[str, int] = {}
    for difference in differences:
        sums[difference.reason] = sums.get(difference.reason, 0) + difference.amount
    return tuple(Difference(amount, reason) for reason, amount in sums.items() if amount)


def _sentence(what: str, theirs: int, ours: int, differences: tuple[Difference, ...], unexplained: int) -> str:
    if theirs == ours and not differences:
        return f"torchinfo and this page count the same {ours:,} {what}."
    parts = [*differences, Difference(unexplained, "not explained")] if unexplained else differences
    between = "; ".join(str(part) for part in parts)
    return f"torchinfo counts {theirs:,} {what}, this page {ours:,}. Between them: {between}."
