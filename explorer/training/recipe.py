"""How a network is trained, as plain data, and what a network asks for by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from explorer.network import Network


class Recipe(BaseModel):
    """Everything a run depends on besides the network and the images; the same recipe gives the same run."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: Annotated[Literal["digits"], Field(title="Images")] = "digits"
    steps: Annotated[
        int,
        Field(ge=1, le=20_000, title="Steps", description="Updates of the weights; 22 steps of 64 see every image."),
    ] = 150
    batch: Annotated[
        int,
        Field(ge=2, le=1024, title="Batch", description="Images in one step.", json_schema_extra={"unit": "images"}),
    ] = 64
    optimizer: Annotated[
        Literal["sgd", "adamw"],
        Field(title="Optimiser", description="sgd with momentum, as in He et al. 2015, or AdamW."),
    ] = "sgd"
    learning_rate: Annotated[float, Field(gt=0, le=10, title="Learning rate", description="After the warm-up.")] = 0.03
    momentum: Annotated[float, Field(ge=0, lt=1, title="Momentum", description="Of SGD; AdamW has its own.")] = 0.9
    weight_decay: Annotated[float, Field(ge=0, le=1, title="Weight decay")] = 5e-4
    warmup: Annotated[
        int,
        Field(ge=0, le=1000, title="Warm-up", description="Steps over which the learning rate rises to its value."),
    ] = 10
    clip: Annotated[
        float | None,
        Field(gt=0, le=1000, title="Clip", description="Gradients longer than this are shortened to it; none: never."),
    ] = None
    seed: Annotated[
        int,
        Field(ge=0, lt=2**31, title="Seed", description="Of the first weights and of the order of the images."),
    ] = 0
    evaluations: Annotated[
        int,
        Field(ge=1, le=100, title="Tests", description="How often the test images are predicted, evenly spread."),
    ] = 1

    @classmethod
    def default_for(cls, network: Network) -> Recipe:
        """What trains this network; `reason_for` says why where it is not the usual recipe."""
        return cls(optimizer="adamw", learning_rate=1e-3, clip=1.0) if lacks_norm(network) else cls()

    def rate(self, step: int) -> float:
        """The learning rate of step `step`, counted from 0."""
        return self.learning_rate * min(1.0, (step + 1) / (self.warmup + 1))

    def words(self) -> str:
        """The recipe in one line."""
        rule = f"SGD {self.learning_rate:g}, momentum {self.momentum:g}"
        if self.optimizer == "adamw":
            rule = f"AdamW {self.learning_rate:g}"
        clip = f", clipped at {self.clip:g}" if self.clip else ""
        return f"{self.steps} steps of {self.batch} images, {rule}{clip}, seed {self.seed}"


def lacks_norm(network: Network) -> bool:
    """Whether some block that could have a norm has none."""
    return any(getattr(block, "norm", "") == "none" for block in network.blocks)


def reason_for(network: Network) -> str:
    """Why the default recipe of this network is not the usual one; empty where it is."""
    if not lacks_norm(network):
        return ""
    return (
        "A block here has no norm, and SGD at 0.03 then ends in numbers that are not finite: "
        "AdamW at 0.001 with gradients clipped at 1 is what trains."
    )
