"""State dicts of published networks, opened as editable blocks with their weights.

Understood are the names of torchvision's ResNets (of any depth and width, Wide and ResNeXt too), GoogLeNet and
Inception-v3, of timm's ResNets where they mean the same, and of this app's own networks. A state dict holds no strides,
pools, activations or epsilons: these are taken as torchvision has them, and `notes` says so. timm's anti-aliased
variants (resnetblur18, resnetblur50, resnetaa50) have the names and shapes of a plain ResNet and cannot be told from
it, which the notes say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError
from torch import Tensor

from explorer import presets
from explorer.block import Block
from explorer.blocks.basic import Basic
from explorer.blocks.bottleneck import Bottleneck
from explorer.blocks.classifier import Classifier
from explorer.blocks.stem import Stem
from explorer.network import Network, first_complaint
from explorer.shape import Shape, show
from explorer.weights import Names, published_names, residual_name, translated

STAGES = 4
DEEP_STEM = {
    "0.layers.0.conv": "conv1.0",
    "0.layers.0.norm": "conv1.1",
    "0.layers.1.conv": "conv1.3",
    "0.layers.1.norm": "conv1.4",
    "0.layers.2.conv": "conv1.6",
    "0.layers.2.norm": "bn1",
}
# By whether there are bottlenecks and by the depth of the stages. Of timm 1.0.31; those of other depths are ResNet-D.
BLURRED: dict[tuple[int, ...], tuple[str, ...]] = {
    (False, 2, 2, 2, 2): ("resnetblur18",),
    (True, 3, 4, 6, 3): ("resnetblur50", "resnetaa50"),
}
KNOWN = "torchvision's ResNets, GoogLeNet and Inception-v3, timm's ResNets and this app's own networks"
B = TypeVar("B", bound=Block)


@dataclass(frozen=True)
class Recognised:
    """A network, the state dict of its `build()`, what it is in a few words, and what the file does not say."""

    network: Network
    weights: dict[str, Tensor]
    title: str
    notes: tuple[str, ...] = ()


def network_in(text: str) -> Network:
    """The network that a text holds: a link of this app, the token in it, or JSON. ValueError in one sentence."""
    text = text.strip()
    if not text:
        raise ValueError("there is nothing to open: paste a link, its token or JSON")
    if text.startswith("{"):
        return Network.from_json(text)
    if re.match(r"[a-z]+://", text[:20], re.IGNORECASE) or "?" in text[:2000]:
        found = re.search(r"[?&]net=([\w-]+)", text, re.ASCII)
        if found is None:
            raise ValueError("this link holds no network: it has no “net=” in it")
        return Network.from_token(found[1])
    return Network.from_token(text)


def recognise(state: Mapping[str, Tensor]) -> Recognised:
    """The network that a state dict belongs to, with its weights; ValueError in one sentence where none is known."""
    if not state:
        raise ValueError("an empty state dict belongs to no network")
    if "inception3a.branch1.conv.weight" in state:
        kernel = _shape(state, "inception3a.branch3.1.conv.weight", 4)[2]
        return _preset(state, "googlenet_5x5" if kernel == 5 else "googlenet", "conv1.conv.weight")
    if "Mixed_5b.branch1x1.conv.weight" in state:
        return _preset(state, "inception_v3", "Conv2d_1a_3x3.conv.weight")
    if any(key.startswith("layer1.0.") for key in state):
        return _resnet(state)
    if all(re.match(r"\d{1,4}\.", key, re.ASCII) for key in state):
        return _own(state)
    telling = [key for key in state if key.endswith(".weight")] or list(state)
    shown = ", ".join(repr(key[:40]) for key in telling[:2])
    raise ValueError(f"names such as {shown} are not among those known here: {KNOWN}")


def _shape(state: Mapping[str, Tensor], name: str, dimensions: int) -> tuple[int, ...]:
    """The shape of an entry that has to be there."""
    if name not in state:
        raise ValueError(f"the state dict lacks {name!r}")
    shape = tuple(state[name].shape)
    if len(shape) != dimensions or 0 in shape:
        expected = {2: "a matrix", 4: "a convolution's"}[dimensions]
        raise ValueError(f"{name!r} should be {expected}, got {show(shape) or 'a single number'}")
    return shape


def _classes(count: int) -> str:
    return f"{count:,} class" + ("" if count == 1 else "es")


def _made(made: type[B], where: str, **fields: Any) -> B:
    """A block of these fields; ValueError where one of them is past its bounds."""
    try:
        return made(**fields)
    except ValidationError as error:
        raise ValueError(f"{where} cannot be a block here: {first_complaint(error)}") from None


def _network(title: str, shape: Sequence[int], blocks: Sequence[Block]) -> Network:
    try:
        return Network(name=title[:80], input=Shape(*shape), blocks=tuple(blocks))
    except ValidationError as error:
        raise ValueError(f"this network cannot be opened here: {first_complaint(error)}") from None


# GoogLeNet and Inception-v3: a preset, with its own number of classes and input channels.


def _preset(state: Mapping[str, Tensor], name: str, first: str) -> Recognised:
    published = presets.load(name)
    classes, single = _head(state)
    channels = _shape(state, first, 4)[1]
    head = _made(Classifier, "the head", **{**dict(published.blocks[-1]), "classes": classes})
    title = published.name if classes == 1000 else f"{published.name}, {_classes(classes)}"
    network = _network(title, (channels, *published.input[1:]), (*published.blocks[:-1], head))
    names = published_names(network, network.skeleton().state_dict())
    weights = translated(network, Names({**names.layers, **_fc(network, single)}, names.ignored), state)
    auxiliary = " Its auxiliary heads are left out." if any(key.startswith(names.ignored) for key in state) else ""
    note = (
        f"Input: {show(network.input)}. torchvision's own weights expect each pixel as (value − 0.5) / 0.5; "
        f"this network has no layer for that.{auxiliary}"
    )
    return Recognised(network, weights, f"{title}, with torchvision's names", (note,))


def _head(state: Mapping[str, Tensor]) -> tuple[int, str]:
    """Classes, and the name of the one fully connected layer, which may stand in a Sequential with a dropout."""
    found = sorted({key.rpartition(".")[0] for key in state if re.fullmatch(r"fc(\.\d+)?\.weight", key)})
    if not found:
        raise ValueError("the state dict lacks 'fc.weight', the classifier")
    if len(found) > 1:
        raise ValueError(
            f"the classifier has {len(found)} fully connected layers ({', '.join(found)}), "
            "and a state dict does not say what is between them"
        )
    return _shape(state, f"{found[0]}.weight", 2)[0], found[0]


def _fc(network: Network, name: str) -> dict[str, str]:
    return {f"{len(network.blocks) - 1}.fc": name}


# Residual networks: blocks read off the shapes.


@dataclass(frozen=True)
class _Copy:
    """One residual block as its weights show it."""

    channels: int
    mid: int
    expand: int
    groups: int
    bottleneck: bool
    projects: bool
    receives: int


def _resnet(state: Mapping[str, Tensor]) -> Recognised:
    _refuse_variants(state)
    stem, shape, stem_names, notes = _stem(state)
    classes, single = _head(state)
    channels = stem.channels
    blocks: list[Block] = [stem]
    places: dict[tuple[int, int], tuple[int, int]] = {}  # card and copy, to stage and block as torchvision counts
    depths: list[int] = []
    copies: list[_Copy] = []
    for stage in range(1, STAGES + 1):
        found = _stage(state, stage)
        depths.append(len(found))
        for number, copy in enumerate(found):
            where = f"layer{stage}.{number}"
            if copy.receives != channels:
                raise ValueError(f"{where} takes {copy.receives} channels, but {channels} arrive there")
            stride = 2 if stage > 1 and number == 0 and copy.projects else 1
            if copy.projects != (stride == 2 or copy.channels != channels):
                reason = "projects where nothing changes" if copy.projects else "lacks the projection that it needs"
                raise ValueError(f"{where} {reason}, which none of torchvision's ResNets does")
            previous = blocks[-1]
            same = number > 0 and not copy.projects and copy == _after(copies[-1]) and previous.copies < 256
            if same:
                blocks[-1] = previous.with_fields(repeat=previous.copies + 1)
            else:
                blocks.append(_block(copy, stride, where))
            places[len(blocks) - 1, blocks[-1].copies - 1] = stage, number
            copies.append(copy)
            channels = copy.channels
    blocks.append(_made(Classifier, "the head", classes=classes))
    bare = _network("", shape, blocks)
    title = _title(bare, copies, depths, classes)
    network = bare.model_copy(update={"name": title[:80]})
    layers = {}
    for key in network.skeleton().state_dict():
        layer = key.rpartition(".")[0]
        card, copy_number, rest = (*layer.split(".", 2), "")[:3]
        if layer in stem_names:
            layers[layer] = stem_names[layer]
        elif rest:
            stage, number = places[int(card), int(copy_number)]
            layers[layer] = residual_name(f"{stage}.{number}.{rest}") or layer
    weights = translated(network, Names({**layers, **_fc(network, single)}), state)
    where = " on the 3×3 convolution (v1.5)," if copies[0].bottleneck else ""
    notes.append(
        f"A state dict holds no strides, pools, activations or epsilons. As torchvision has them: stages of stride "
        f"1, 2, 2, 2,{where} ReLU, norm epsilon 1e-5.{_blurred(stem, copies, depths)}"
    )
    return Recognised(network, weights, f"{title}, with torchvision's names", tuple(notes))


def _blurred(stem: Stem, copies: Sequence[_Copy], depths: Sequence[int]) -> str:
    """Which of timm's anti-aliased networks have these names and shapes too; their filters are no part of the file."""
    first = copies[0]
    found = BLURRED.get((first.bottleneck, *depths), ())
    if stem.form != "imagenet" or first.mid != 64 or first.groups > 1 or not found:
        return ""
    names = " or ".join(found)
    return f" By names and shapes it could be timm's {names}, which blur where they shrink; this one does not."


def _refuse_variants(state: Mapping[str, Tensor]) -> None:
    """Says of what timm and others build on a ResNet that there is no block for it."""
    for key in sorted(state, key=lambda key: not key.endswith(".weight")):
        if re.search(r"\.downsample\.2\.", key):
            raise ValueError(
                f"this is a ResNet that pools before its projections (ResNet-D; {key!r}), for which there is no block"
            )
        if re.search(r"\.(se|attn|convs|paths)\.|^layer\d+\.\d+\.conv\d\.(?!weight$|bias$)", key):
            raise ValueError(f"this is a ResNet with more inside its blocks ({key!r}), for which there is no block")
    if "bn1.weight" in state and "bn1.running_mean" not in state:
        raise ValueError("its norms have no running statistics ('bn1.running_mean'), so they are no batch norms")
    if f"layer{STAGES + 1}.0.conv1.weight" in state or f"layer{STAGES}.0.conv1.weight" not in state:
        raise ValueError(f"a ResNet of torchvision's family has {STAGES} stages, 'layer1' to 'layer{STAGES}'")


def _stem(state: Mapping[str, Tensor]) -> tuple[Stem, tuple[int, ...], dict[str, str], list[str]]:
    """The stem, the input that is taken for it, its names, and what had to be guessed."""
    names = {"0.layers.0.conv": "conv1", "0.layers.0.norm": "bn1"}
    if "conv1.0.weight" in state:
        half, channels, *_ = _shape(state, "conv1.0.weight", 4)
        second, third = (_shape(state, name, 4) for name in ("conv1.3.weight", "conv1.6.weight"))
        if second != (half, half, 3, 3) or third != (2 * half, half, 3, 3):
            raise ValueError(
                f"its stem of three convolutions has {half}, {second[0]} and {third[0]} channels; here the first two "
                "have half of the third"
            )
        stem = _made(Stem, "the stem", form="deep", channels=2 * half)
        return stem, (channels, 224, 224), DEEP_STEM, []
    wide, channels, height, width = _shape(state, "conv1.weight", 4)
    if (height, width) == (7, 7):
        return _made(Stem, "the stem", channels=wide), (channels, 224, 224), names, []
    if (height, width) == (3, 3):
        note = (
            "The first convolution is 3×3, as networks for CIFAR have it: opened with stride 1, no pool, "
            f"input {channels}×32×32."
        )
        stem = _made(Stem, "the stem", form="cifar", channels=wide)
        return stem, (channels, 32, 32), names, [note]
    raise ValueError(f"'conv1.weight' should be a filter of 7×7, got {height}×{width}")


def _stage(state: Mapping[str, Tensor], stage: int) -> list[_Copy]:
    """The blocks of a stage, in their order."""
    numbers = {int(found[1]) for key in state if (found := re.match(rf"layer{stage}\.(\d{{1,4}})\.", key, re.ASCII))}
    if numbers != set(range(len(numbers))):
        raise ValueError(f"the blocks of 'layer{stage}' are not numbered from 0 on")
    return [_copy(state, f"layer{stage}.{number}") for number in range(len(numbers))]


def _copy(state: Mapping[str, Tensor], where: str) -> _Copy:
    bottleneck = f"{where}.conv3.weight" in state
    kernels = ((1, 3, 1) if bottleneck else (3, 3))[: 3 if bottleneck else 2]
    shapes = []
    for number, kernel in enumerate(kernels, 1):
        name = f"{where}.conv{number}.weight"
        shape = _shape(state, name, 4)
        if shape[2:] != (kernel, kernel):
            raise ValueError(f"{name!r} should be a filter of {kernel}×{kernel}, got {show(shape[2:])}")
        shapes.append(shape)
    mid, expand = shapes[0][0], shapes[1][0]
    groups = max(1, mid // shapes[1][1])
    return _Copy(
        channels=shapes[-1][0],
        mid=mid,
        expand=expand if bottleneck else mid,
        groups=groups if bottleneck else 1,
        bottleneck=bottleneck,
        projects=f"{where}.downsample.0.weight" in state,
        receives=shapes[0][1],
    )


def _after(copy: _Copy) -> _Copy:
    """What has to follow a copy to be one more of the same card."""
    return _Copy(copy.channels, copy.mid, copy.expand, copy.groups, copy.bottleneck, False, copy.channels)


def _block(copy: _Copy, stride: int, where: str) -> Block:
    if copy.bottleneck:
        expand = None if copy.expand == copy.mid else copy.expand
        fields = {"channels": copy.channels, "mid": copy.mid, "expand": expand, "groups": copy.groups}
        return _made(Bottleneck, where, stride=stride, **fields)
    ratio = copy.mid / copy.channels
    return _made(Basic, where, channels=copy.channels, stride=stride, mid_ratio=ratio)


def _title(network: Network, copies: Sequence[_Copy], depths: Sequence[int], classes: int) -> str:
    """The published name where there is one, else one after the same pattern."""
    first = copies[0]
    suffix = {"deep": ", deep stem", "cifar": ", 3×3 stem"}.get(getattr(network.blocks[0], "form", ""), "")
    suffix += "" if classes == 1000 else f", {_classes(classes)}"
    body = network.blocks[:-1]
    for name in presets.names():
        published = presets.load(name)
        if published.blocks[:-1] == body and published.input[1:] == network.input[1:]:
            return published.name + suffix.removeprefix(", 3×3 stem")
    depth = 2 + sum(depths) * (3 if first.bottleneck else 2)
    if first.groups > 1:
        return f"ResNeXt-{depth} {first.groups}×{first.mid // first.groups}d{suffix}"
    usual = first.channels // 4 if first.bottleneck else first.channels
    if first.bottleneck and first.mid > usual and first.mid % usual == 0:
        return f"Wide ResNet-{depth}-{first.mid // usual}{suffix}"
    return f"ResNet-{depth}{suffix}"


# This app's own networks.


def _own(state: Mapping[str, Tensor]) -> Recognised:
    """The first preset whose names and shapes these are; the number of classes may be another."""
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    head = max(int(key.partition(".")[0]) for key in state)
    if f"{head}.fc.weight" not in state:
        raise ValueError("the state dict lacks a classifier, with which all presets of this app end")
    classes = _shape(state, f"{head}.fc.weight", 2)[0]
    numbers: dict[str, set[str]] = {}
    for key in state:
        if found_copy := re.match(r"(\d+)\.(\d+)\.", key):
            numbers.setdefault(found_copy[1], set()).add(found_copy[2])
    copies = [len(numbers.get(str(at), ())) for at in range(head + 1)]
    found = []
    for name in presets.names():
        published = presets.load(name)
        if [block.copies if block.repeats else 0 for block in published.blocks] != copies:
            continue
        last = _made(Classifier, "the head", **{**dict(published.blocks[-1]), "classes": classes})
        network = published.replace(head, last)
        ours = network.skeleton().state_dict()
        if ours.keys() == shapes.keys() and all(tuple(like.shape) == shapes[key] for key, like in ours.items()):
            found.append(network)
    if not found:
        raise ValueError(
            "the names are those of a network of this app, but of none of its presets; open its JSON first"
        )
    network, *others = found
    notes = []
    if others:
        same = ", ".join(other.name for other in others[:4])
        notes.append(f"A state dict cannot tell {network.name} from {same}: names and shapes are the same.")
    weights = translated(network, Names({key: key for key in _layers(network)}), state)
    return Recognised(network, weights, f"{network.name}, with this app's names", tuple(notes))


def _layers(network: Network) -> list[str]:
    return list(dict.fromkeys(key.rpartition(".")[0] for key in network.skeleton().state_dict()))
