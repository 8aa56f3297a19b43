"""Runs the tests marked `gpu` and times training steps on the CUDA device, and adds a dated record to docs/gpu.md."""

import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import torch
import torch.nn.functional as F

from explorer import Shape, analyze, presets

RECORD = Path(__file__).parent.parent / "docs" / "gpu.md"
NETWORKS = (("digits_resnet56", 64), ("cifar_resnet110", 128), ("resnet50", 64))  # and images in a step


def step_time(name: str, batch: int, steps: int = 20, warm_up: int = 5) -> tuple[float, int]:
    """Seconds a training step (float32, SGD with momentum) and the most bytes that were allocated."""
    network = presets.load(name)
    device = torch.device("cuda")
    model = network.build().to(device).train()
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    images = torch.randn(batch, *Shape(*network.input), device=device)
    (classes,) = analyze(network).output_shape
    labels = torch.randint(classes, (batch,), device=device)
    torch.cuda.reset_peak_memory_stats()
    start = 0.0
    for step in range(warm_up + steps):
        if step == warm_up:
            torch.cuda.synchronize()
            start = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(model(images), labels).backward()
        optimiser.step()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / steps, torch.cuda.max_memory_allocated()


def main() -> int:
    """The tests' exit code, or 1 with a sentence where no CUDA device is."""
    if not torch.cuda.is_available():
        print("No CUDA device was found: `make gpu` needs one, and PyTorch's CUDA build.", file=sys.stderr)
        return 1
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "gpu"], cwd=RECORD.parent.parent, capture_output=True, text=True
    )
    print(tests.stdout, end="")
    lines = [
        f"## {date.today().isoformat()}: {torch.cuda.get_device_name()}",
        "",
        f"torch {torch.__version__}, CUDA {torch.version.cuda}. Tests marked `gpu`: {tests.stdout.splitlines()[-1]}",
        "",
        "| network | batch | a step | images/s | MACs/s | peak memory | foreseen |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, batch in NETWORKS:
        seconds, peak = step_time(name, batch)
        report = analyze(presets.load(name), batch=batch)
        rate = 3 * report.macs * batch / seconds  # forward once, backward twice
        lines.append(
            f"| {name} | {batch} | {seconds * 1000:.2f} ms | {batch / seconds:,.0f} | {rate / 1e12:.2f} T "
            f"| {peak / 2**20:,.0f} MiB | {report.memory().total / 2**20:,.0f} MiB |"
        )
    record = "\n".join(lines)
    print(f"\n{record}")
    with RECORD.open("a", encoding="utf-8") as file:
        file.write(f"\n{record}\n")
    return tests.returncode


if __name__ == "__main__":
    sys.exit(main())
