"""What must hold on a CUDA device: the same numbers as on the CPU, and memory as foreseen."""

import pytest
import torch
from torch.nn import functional

from explorer import analyze, presets
from explorer.training import timing
from explorer.training.events import Failed, Finished, Started, Telemetry
from explorer.training.loop import train
from explorer.training.recipe import PRESETS, Recipe

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("name", ["cifar_resnet20", "googlenet", "article"])
def test_logits_on_the_gpu_are_those_of_the_cpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    network = presets.load(name)
    model = network.build().eval()
    images = torch.randn(2, *network.input, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = model(images)
        found = model.cuda()(images.cuda()).cpu()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_digits_are_learned_on_the_gpu() -> None:
    *_, last = train(presets.load("digits_resnet20"), Recipe(steps=100), torch.device("cuda"))
    assert not isinstance(last, Failed), last.reason
    assert isinstance(last, Finished)
    assert last.test_accuracy > 0.9


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_the_preset_for_a_gpu_learns_there_in_bfloat16(compiled: bool) -> None:
    network = presets.load("digits_resnet20")
    changes = {"seconds": None, "steps": 150, "batch": 128, "compile": compiled}
    recipe = PRESETS["gpu"].recipe(network).model_copy(update=changes)
    started, *middle, last = train(network, recipe, torch.device("cuda"))
    assert isinstance(last, Finished) and last.test_accuracy > 0.9
    assert isinstance(started, Started)
    assert started.precision == ("bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32")
    assert any(isinstance(event, Telemetry) for event in middle)


def test_memory_that_runs_out_on_the_gpu_is_said_with_the_batch_that_fits() -> None:
    network = presets.load("digits_resnet20").apply({"op": "input", "shape": [1, 1024, 1024]})
    torch.cuda.set_per_process_memory_fraction(2e9 / torch.cuda.mem_get_info()[1])
    try:
        *_, last = train(network, Recipe(steps=2, batch=1024), torch.device("cuda"))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert isinstance(last, Failed) and "ran out of memory at 1024 images a step" in last.reason


def test_memory_on_the_gpu_is_what_was_counted() -> None:
    network, batch = presets.load("resnet50"), 16
    foreseen = analyze(network, batch=batch)
    model = network.build().cuda().train()
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    images = torch.randn(batch, *network.input, device="cuda")
    loss = functional.cross_entropy(model(images), torch.zeros(batch, dtype=torch.long, device="cuda"))
    held = torch.cuda.memory_allocated() - before - images.nbytes
    loss.backward()
    assert held == pytest.approx(foreseen.saved_bytes, rel=0.05)


@pytest.mark.parametrize("name", ["resnet50", "article"])
def test_every_block_is_timed_on_the_gpu(name: str) -> None:
    begin, *middle, end = timing.measure(presets.load(name), 16, torch.device("cuda"))
    assert isinstance(begin, timing.Timing) and isinstance(end, timing.TimingEnded)
    assert (begin.batch, begin.device) == (16, torch.cuda.get_device_name())
    assert len(middle) == begin.blocks
    assert all(isinstance(event, timing.Timed) and event.forward > 0 and event.backward > 0 for event in middle)
