"""Published networks on their way through files: written where torchvision and timm are, read where this project is.

    python3 -m venv /tmp/torchvision
    /tmp/torchvision/bin/pip install torch==2.14.1 torchvision==0.29.1 timm==1.0.31
    /tmp/torchvision/bin/python tests/goldens/through_files.py write /tmp/published
    .venv/bin/python tests/goldens/through_files.py read /tmp/published

`write` makes each network with random weights and random statistics of its norms, saves its state dict as those
libraries do, and what it gives for an image. `read` opens each file, finds out what it is and compares, in float64.
`write` also renews others.json.gz beside this file: names and shapes of networks that are not presets here.
"""

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

# Name, whose it is, options, and the form of the file. Inputs are as published, except where depth makes that slow.
PUBLISHED = [
    ("resnet18", "torchvision", {}, "archive"),
    ("resnet34", "torchvision", {}, "legacy"),
    ("resnet50", "torchvision", {}, "archive"),
    ("resnet101", "torchvision", {}, "safetensors"),
    ("resnet152", "torchvision", {}, "archive"),
    ("wide_resnet50_2", "torchvision", {}, "archive"),
    ("wide_resnet101_2", "torchvision", {}, "archive"),
    ("resnext50_32x4d", "torchvision", {}, "archive"),
    ("resnext101_32x8d", "torchvision", {}, "archive"),
    ("resnext101_64x4d", "torchvision", {}, "archive"),
    ("resnet18", "torchvision", {"num_classes": 7}, "wrapped"),
    ("googlenet", "torchvision", {"aux_logits": True, "init_weights": False, "transform_input": False}, "archive"),
    ("googlenet", "torchvision", {"aux_logits": False, "init_weights": False, "num_classes": 5}, "archive"),
    ("inception_v3", "torchvision", {"aux_logits": True, "init_weights": False, "transform_input": False}, "archive"),
    ("resnet18", "timm", {"in_chans": 1}, "safetensors"),
    ("resnet26", "timm", {}, "safetensors"),
    ("resnet50c", "timm", {}, "safetensors"),
    ("resnext50_32x4d", "timm", {"num_classes": 10}, "safetensors"),
]
REFUSED = ["resnet50d", "resnet10t", "seresnet50", "resnet50_gn", "res2net50_26w_4s", "skresnet18", "resnetv2_50"]
REFUSED += ["vgg11", "densenet121", "mobilenetv3_small_100", "efficientnet_b0", "vit_tiny_patch16_224"]
OTHERS = ["torchvision wide_resnet101_2", "torchvision resnext101_32x8d", "torchvision resnext101_64x4d"]
OTHERS += ["timm resnet26", "timm resnet50c", *(f"timm {name}" for name in REFUSED)]


def shapes_of(model: nn.Module) -> dict[str, list[int]]:
    """What a state dict consists of."""
    return {key: list(value.shape) for key, value in model.state_dict().items()}


def disturb(model: nn.Module) -> None:
    """Random norms, so that each of their four numbers is felt, and logits of a size that says something."""
    for name, layer in model.named_modules():
        if isinstance(layer, nn.BatchNorm2d):
            last = name.rpartition(".")[2] in ("bn2", "bn3")
            nn.init.uniform_(layer.weight, 0.1, 0.4) if last else nn.init.uniform_(layer.weight, 0.7, 1.3)
            nn.init.uniform_(layer.bias, -0.3, 0.3)
            nn.init.uniform_(layer.running_mean, -0.3, 0.3)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)


def save(state: dict[str, torch.Tensor], form: str, path: Path) -> None:
    """As torch, timm or a training script writes."""
    if form == "safetensors":
        from safetensors.torch import save_file

        save_file(state, path)
    elif form == "wrapped":
        wrapped = {"module." + key: value for key, value in state.items()}
        torch.save({"epoch": 90, "state_dict": wrapped, "best_acc1": 69.7}, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=form == "archive")


@torch.no_grad()
def write(folder: Path) -> None:
    """All files and what the networks give."""
    import timm
    from torchvision import models

    makers: dict[str, Callable] = {
        "torchvision": lambda name, options: getattr(models, name)(weights=None, **options),
        "timm": lambda name, options: timm.create_model(name, pretrained=False, **options),
    }
    folder.mkdir(parents=True, exist_ok=True)
    logits, shapes = {}, {}
    for number, (name, whose, options, form) in enumerate(PUBLISHED):
        torch.manual_seed(number)
        model = makers[whose](name, options)
        disturb(model)
        save(model.state_dict(), form, folder / f"{number}.{'safetensors' if form == 'safetensors' else 'pth'}")
        size = 299 if name == "inception_v3" else 224
        shapes[f"{whose} {name}"] = shapes_of(model)
        image = torch.randn(1, options.get("in_chans", 3), size, size)
        torch.save(image, folder / f"{number}.image")
        logits[number] = model.double().eval()(image.double())[0].tolist()
        print(f"{number} {whose} {name} {options}: written as {form}")
    for name in REFUSED:
        model = timm.create_model(name, pretrained=False)
        shapes[f"timm {name}"] = shapes_of(model)
        save(model.state_dict(), "safetensors", folder / f"{name}.safetensors")
    others = {name: shapes[name] for name in OTHERS}
    packed = gzip.compress(json.dumps(others, separators=(",", ":")).encode(), mtime=0)
    (Path(__file__).parent / "others.json.gz").write_bytes(packed)
    (folder / "logits.json").write_text(json.dumps(logits))


@torch.no_grad()
def read(folder: Path) -> None:
    """Opens each file and compares."""
    from explorer import checkpoint
    from explorer.recognise import recognise

    expected = json.loads((folder / "logits.json").read_text())
    failed = 0
    for number, (name, whose, options, form) in enumerate(PUBLISHED):
        found = recognise(checkpoint.read(next(folder.glob(f"{number}.[ps]*[hs]"))))
        model = found.network.build()
        model.load_state_dict(found.weights)
        ours = model.double().eval()(torch.load(folder / f"{number}.image", weights_only=True).double())[0]
        theirs = torch.tensor(expected[str(number)], dtype=torch.float64)
        gap = (ours - theirs).abs().max().item()
        good = gap <= 1e-9 * theirs.abs().max().item() and theirs.std().item() > 0.01
        failed += not good
        print(
            f"{whose} {name} {options} ({form}): {found.title}; max |Δ| {gap:.1e} at {theirs.abs().max():.1f}, {good}"
        )
    for name in REFUSED:
        try:
            found = recognise(checkpoint.read(folder / f"{name}.safetensors"))
        except ValueError as error:
            print(f"timm {name}: {error}")
        else:
            failed += 1
            print(f"timm {name}: opened as {found.title}, which it is not")
    print("all as they should be" if not failed else f"{failed} wrong")
    sys.exit(bool(failed))


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](Path(sys.argv[2]))
