"""How a network is trained, as plain data, and what a network asks for by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from explorer.numbers import many
from explorer.training.schedule import Schedule, factor, warmed

if TYPE_CHECKING:
    from explorer.network import Network

Group = Literal["Run", "Optimiser", "Learning rate", "First weights", "Images", "Speed"]


def _group(name: Group, **more: str) -> dict[str, Any]:
    return {"group": name, **more}


class Recipe(BaseModel):
    """Everything a run depends on besides the network and the images; the same recipe gives the same run.

    A field that was added later has a default that means what runs did before, so that an old recipe is still the
    same run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: Annotated[
        str,
        Field(min_length=1, max_length=120, pattern=r"^[\w.:=,+-]+$", title="Images", json_schema_extra=_group("Run")),
    ] = "digits"
    steps: Annotated[
        int,
        Field(
            ge=1,
            le=100_000,
            title="Steps",
            description="Updates of the weights; 22 steps of 64 see every image of the digits.",
            json_schema_extra=_group("Run"),
        ),
    ] = 150
    seconds: Annotated[
        float | None,
        Field(
            gt=0,
            le=86_400,
            title="Time budget",
            description="In place of steps: the run ends once this time is over, and the learning rate goes by the "
            "share of it that is over. Another run then makes other steps, since no two are equally fast.",
            json_schema_extra=_group("Run", unit="s", empty="by steps"),
        ),
    ] = None
    batch: Annotated[
        int,
        Field(
            ge=2,
            le=1024,
            title="Batch",
            description="Images in one step.",
            json_schema_extra=_group("Run", unit="images"),
        ),
    ] = 64
    optimizer: Annotated[
        Literal["sgd", "adamw"],
        Field(
            title="Optimiser",
            description="sgd with momentum, as in He et al. 2015, or AdamW.",
            json_schema_extra=_group("Optimiser"),
        ),
    ] = "sgd"
    learning_rate: Annotated[
        float,
        Field(
            gt=0,
            le=10,
            title="Learning rate",
            description="At its highest, after the warm-up.",
            json_schema_extra=_group("Learning rate"),
        ),
    ] = 0.03
    momentum: Annotated[
        float,
        Field(
            ge=0,
            lt=1,
            title="Momentum",
            description="Of SGD; AdamW has its own.",
            json_schema_extra=_group("Optimiser"),
        ),
    ] = 0.9
    nesterov: Annotated[
        bool,
        Field(
            title="Nesterov",
            description="SGD looks ahead by its momentum (Sutskever et al. 2013). It needs a momentum above 0.",
            json_schema_extra=_group("Optimiser"),
        ),
    ] = False
    weight_decay: Annotated[float, Field(ge=0, le=1, title="Weight decay", json_schema_extra=_group("Optimiser"))] = (
        5e-4
    )
    decay_all: Annotated[
        bool,
        Field(
            title="Decay norms and biases",
            description="off: only filters and matrices are pulled towards zero, not norms and biases.",
            json_schema_extra=_group("Optimiser"),
        ),
    ] = True
    schedule: Annotated[
        Schedule,
        Field(
            title="Schedule",
            description="constant; one-cycle: in straight lines up until 30 % of the run and down to 0; cosine: down "
            "to 0; step: a tenth from half of the run on, a hundredth from three quarters on (He et al. 2015).",
            json_schema_extra=_group("Learning rate"),
        ),
    ] = "constant"
    warmup: Annotated[
        int,
        Field(
            ge=0,
            le=1000,
            title="Warm-up",
            description="Steps over which the learning rate rises to its value.",
            json_schema_extra=_group("Learning rate", unit="steps"),
        ),
    ] = 10
    clip: Annotated[
        float | None,
        Field(
            gt=0,
            le=1000,
            title="Clip",
            description="Gradients longer than this are shortened to it; none: never.",
            json_schema_extra=_group("Optimiser", empty="never"),
        ),
    ] = None
    smoothing: Annotated[
        float,
        Field(
            ge=0,
            le=0.5,
            title="Label smoothing",
            description="The share of each label that is spread over all classes (Szegedy et al. 2016). The training "
            "loss is of these labels, so it does not go to 0; that of the test images is of the true ones.",
            json_schema_extra=_group("Images"),
        ),
    ] = 0.0
    flip: Annotated[
        bool,
        Field(
            title="Flip",
            description="Half of the images are mirrored, left to right. Not for digits and letters.",
            json_schema_extra=_group("Images"),
        ),
    ] = False
    crop: Annotated[
        int,
        Field(
            ge=0,
            le=16,
            title="Crop",
            description="Images are padded by so many pixels and cut out again at a random place (He et al. 2015: 4).",
            json_schema_extra=_group("Images", unit="px"),
        ),
    ] = 0
    cutout: Annotated[
        int,
        Field(
            ge=0,
            le=128,
            title="Cutout",
            description="A square of this side is made grey at a random place (DeVries and Taylor 2017).",
            json_schema_extra=_group("Images", unit="px"),
        ),
    ] = 0
    initialisation: Annotated[
        Literal["he", "zero-last", "dirac"],
        Field(
            title="First weights",
            description="he: normal, by fan-out (He et al. 2015b). zero-last: besides, the last norm or convolution of "
            "each branch beside a shortcut is zero, so that a block starts as its shortcut. dirac: a convolution of "
            "as many channels out as in passes its input on. Blocks without a norm always start as their shortcut.",
            json_schema_extra=_group("First weights"),
        ),
    ] = "he"
    seed: Annotated[
        int,
        Field(
            ge=0,
            lt=2**31,
            title="Seed",
            description="Of the first weights, of the order of the images and of what is done to them.",
            json_schema_extra=_group("First weights"),
        ),
    ] = 0
    precision: Annotated[
        Literal["float32", "bf16"],
        Field(
            title="Precision",
            description="bf16: convolutions and matrices in bfloat16 where the device computes in it (CUDA from "
            "Ampere on, a CPU with AVX512-BF16 or AMX), else float32. Weights and tests stay float32.",
            json_schema_extra=_group("Speed"),
        ),
    ] = "float32"
    channels_last: Annotated[
        bool,
        Field(
            title="Channels last",
            description="The channels of a pixel lie side by side in memory: a CPU's step took 7 to 20 % less time so. "
            "Only where every map has 8 channels or more; on CUDA always.",
            json_schema_extra=_group("Speed"),
        ),
    ] = False
    compile: Annotated[
        bool,
        Field(
            title="Compile",
            description="torch.compile, on CUDA only: a CPU takes longer to compile than a demo lasts.",
            json_schema_extra=_group("Speed"),
        ),
    ] = False
    evaluations: Annotated[
        int,
        Field(
            ge=1,
            le=100,
            title="Tests",
            description="How often the test images are predicted, evenly spread.",
            json_schema_extra=_group("Run"),
        ),
    ] = 1

    @classmethod
    def default_for(cls, network: Network) -> Recipe:
        """What trains this network; `reason_for` says why where it is not the usual recipe."""
        return cls.model_validate(NORMLESS) if lacks_norm(network) else cls()

    def rate(self, step: int, share: float | None = None) -> float:
        """The learning rate of step `step`, counted from 0; `share` is how much of the run is over before it."""
        share = step / self.steps if share is None else share
        return self.learning_rate * warmed(step, self.warmup) * factor(self.schedule, share)

    def length(self) -> str:
        """How long the run is: `150 steps`, or `30 s`."""
        return many(self.steps, "step") if self.seconds is None else f"{self.seconds:g} s"

    def words(self) -> str:
        """The recipe in one line: what every one has, and what this one has unlike the usual one."""
        rule = f"SGD {self.learning_rate:g}, momentum {self.momentum:g}"
        if self.optimizer == "adamw":
            rule = f"AdamW {self.learning_rate:g}"
        elif self.nesterov:
            rule += ", Nesterov"
        more: list[str] = [self.schedule] if self.schedule != "constant" else []
        more += self.pace()
        more += [f"clipped at {self.clip:g}"] if self.clip else []
        more += self.changes()
        more += [f"{self.initialisation} weights"] if self.initialisation != "he" else []
        more += [self.precision] if self.precision != "float32" else []
        more += ["channels last"] * self.channels_last + ["compiled"] * self.compile
        kind, _, more_of = self.data.partition(":")
        of = "" if kind == "digits" else f" of {SUBJECTS.get(kind, kind)}"
        if more_of and kind != "own":
            of += f" ({more_of.replace('=', ' ').replace(',', ', ')})"
        images = f"{many(self.batch, 'image')}{of}"
        return ", ".join([f"{self.length()} of {images}", rule, *more, f"seed {self.seed}"])

    def pace(self) -> list[str]:
        """Warm-up and weight decay, where they are not the usual ones."""
        usual = type(self).model_fields
        said: list[str] = []
        if self.warmup != usual["warmup"].default:
            said.append(f"warm-up {many(self.warmup, 'step')}" if self.warmup else "no warm-up")
        if self.weight_decay != usual["weight_decay"].default:
            said.append(f"weight decay {self.weight_decay:g}" if self.weight_decay else "no weight decay")
        if self.weight_decay and not self.decay_all:
            said.append("no decay of norms and biases")
        return said

    def changes(self) -> list[str]:
        """What is done to the images and their labels."""
        said = [f"labels smoothed by {self.smoothing:g}"] if self.smoothing else []
        said += ["flip"] if self.flip else []
        said += [f"crop {self.crop}"] if self.crop else []
        return said + ([f"cutout {self.cutout}"] if self.cutout else [])


NORMLESS: dict[str, Any] = {"optimizer": "adamw", "learning_rate": 1e-3, "clip": 1.0}  # what trains without norms
SUBJECTS = {
    "shapes": "colour shapes", "own": "own pictures", "fashion-mnist": "Fashion-MNIST", "mnist": "MNIST",
    "cifar10": "CIFAR-10",
}  # fmt: skip
UPRIGHT = ("digits", "mnist")  # images that mean something else when mirrored, and fill their frame


@dataclass(frozen=True)
class Preset:
    """A recipe with a name: the fields that it sets, and those that it sets besides where images may be changed."""

    title: str
    summary: str
    fields: Mapping[str, Any]
    augments: Mapping[str, Any]

    def changes(self, network: Network, data: str) -> dict[str, Any]:
        """The fields to set for this network on these images; without norms the optimiser is the one that trains."""
        fields = {**self.fields, **({} if data.partition(":")[0] in UPRIGHT else self.augments)}
        return {**fields, **NORMLESS} if lacks_norm(network) else fields

    def recipe(self, network: Network, data: str = "digits", seed: int = 0) -> Recipe:
        """The preset as a recipe."""
        return Recipe(data=data, seed=seed, **self.changes(network, data))


PRESETS: dict[str, Preset] = {
    "cpu": Preset(
        title="15 s on CPU",
        summary="150 steps of SGD at 0.03: what tells a deep network from its plain twin on two cores in 15 s.",
        fields={},
        augments={},
    ),
    "gpu": Preset(
        title="30 s on GPU",
        summary="30 s of SGD with Nesterov in one cycle, bfloat16, labels smoothed, branches that start at zero.",
        fields={
            "seconds": 30.0,
            "batch": 512,
            "learning_rate": 0.4,
            "nesterov": True,
            "decay_all": False,
            "schedule": "one-cycle",
            "warmup": 0,
            "smoothing": 0.1,
            "initialisation": "zero-last",
            "precision": "bf16",
            "evaluations": 5,
        },
        augments={"flip": True, "crop": 4},
    ),
    "paper": Preset(
        title="Paper",
        summary="He et al. 2015 on CIFAR-10: 64,000 steps of 128, SGD at 0.1, a tenth from 32,000 and 48,000 on, "
        "weight decay 0.0001, images padded by 4, cropped and flipped. Hours, except on a GPU.",
        fields={
            "steps": 64_000,
            "batch": 128,
            "learning_rate": 0.1,
            "weight_decay": 1e-4,
            "schedule": "step",
            "warmup": 0,
            "evaluations": 64,
        },
        augments={"flip": True, "crop": 4},
    ),
}


def usual_rate(optimizer: str) -> float:
    """The learning rate that trains most networks with this optimiser."""
    return Recipe(**(NORMLESS if optimizer == "adamw" else {})).learning_rate


def lacks_norm(network: Network) -> bool:
    """Whether some block that could have a norm has none."""
    return any(getattr(block, "norm", "") == "none" for block in network.blocks)


def reason_for(network: Network) -> str:
    """Why the default recipe of this network is not the usual one; empty where it is."""
    if not lacks_norm(network):
        return ""
    starts = ""
    if any(getattr(block, "norm", "") == "none" and block.has_shortcut() for block in network.blocks):
        starts = " Beside a shortcut such a block starts with its last convolution at zero."
    return (
        "A block here has no norm, and SGD at 0.03 then ends in numbers that are not finite: "
        f"AdamW at 0.001 with gradients clipped at 1 is what trains.{starts}"
    )
