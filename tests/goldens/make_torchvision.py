"""Writes torchvision.json and shapes.json.gz: what torchvision's networks give with the weights of formula.py.

torchvision does not import beside the torch of this project, so this runs in an environment apart, once:

    python3 -m venv /tmp/torchvision
    /tmp/torchvision/bin/pip install torch==2.14.1 torchvision==0.29.1
    /tmp/torchvision/bin/python tests/goldens/make_torchvision.py

Multiply-accumulates are those of torch's own counter at the published input size.

Logits are computed in float64 from the float32 weights, so that the order of additions, which differs between versions
and machines, stays far below every tolerance. Names and shapes include the auxiliary heads, as published files do.
"""

import gzip
import json
from pathlib import Path

import torch
import torchvision
from formula import digest, image, weights
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

HERE = Path(__file__).parent

# The published size where size decides how pools round; a smaller one, legal by the global pool, for the deep twins.
INPUTS = {
    "resnet18": (1, 3, 224, 224),
    "resnet34": (2, 3, 72, 96),
    "resnet50": (1, 3, 224, 224),
    "resnet101": (1, 3, 64, 64),
    "resnet152": (1, 3, 64, 64),
    "wide_resnet50_2": (1, 3, 64, 64),
    "resnext50_32x4d": (1, 3, 96, 72),
    "googlenet": (1, 3, 224, 224),
    "inception_v3": (1, 3, 299, 299),
}
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")


def make(name: str) -> tuple[dict, dict]:
    """The record of one network, and the shapes of its state dict."""
    options = {"aux_logits": True, "transform_input": False, "init_weights": False}
    model = getattr(models, name)(weights=None, **(options if name in ("googlenet", "inception_v3") else {}))
    shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
    state = weights(shapes)
    model.load_state_dict(state)
    model.double().eval()
    with torch.no_grad():
        logits = model(image(INPUTS[name]).double())
    size = 299 if name == "inception_v3" else 224
    with FlopCounterMode(display=False) as counter:
        model.to("meta")(torch.empty(1, 3, size, size, dtype=torch.float64, device="meta"))
    parameters = {key: value.numel() for key, value in model.named_parameters()}
    record = {
        "input": INPUTS[name],
        "params": sum(count for key, count in parameters.items() if not key.startswith(AUXILIARY)),
        "params_with_auxiliary": sum(parameters.values()),
        "macs": counter.get_total_flops() // 2,
        "digest": digest(state),
        "logits": [[float(f"{value:.12g}") for value in row] for row in logits.tolist()],
    }
    print(
        f"{name}: {record['params']:,} parameters, {record['macs']:,} MACs, "
        f"logits {logits.mean():.3f} ± {logits.std():.3f}"
    )
    return record, shapes


def main() -> None:
    """Makes every golden and writes both files beside this one."""
    torch.set_num_threads(1)
    records, shapes = {}, {}
    for name in INPUTS:
        records[name], shapes[name] = make(name)
    golden = {"torch": torch.__version__, "torchvision": torchvision.__version__, "networks": records}
    (HERE / "torchvision.json").write_text(json.dumps(golden, separators=(",", ":")).replace('},"', '},\n"') + "\n")
    packed = gzip.compress(json.dumps(shapes, separators=(",", ":")).encode(), mtime=0)
    (HERE / "shapes.json.gz").write_bytes(packed)


if __name__ == "__main__":
    main()
