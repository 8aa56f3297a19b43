"""What the loop does besides learning: it goes on where it stopped, reads each block, augments, and says what fails."""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from explorer import presets
from explorer.block import KINDS, Block
from explorer.network import Network
from explorer.report import analyze
from explorer.shape import Shape, ShapeError
from explorer.training import augment, data, device, initial, loop, resume, telemetry
from explorer.training.augment import Augmentation
from explorer.training.estimate import Measured
from explorer.training.events import (
    EVENT,
    Evaluated,
    Event,
    Failed,
    Finished,
    Notice,
    Paused,
    Started,
    Step,
    Telemetry,
    add,
)
from explorer.training.recipe import PRESETS, Recipe, reason_for
from explorer.training.schedule import factor
from explorer.training.twin import difference, zero_starts

CPU = torch.device("cpu")
TIMED = {"images_per_second", "seconds_left", "milliseconds", "elapsed", "bytes", "seconds", "cpu_seconds", "done"}


def small(width: int = 4, **fields: object) -> Network:
    cards = [
        {"kind": "stem", "form": "cifar", "channels": width},
        {"kind": "basic", "channels": width, "repeat": 2, **fields},
        {"kind": "basic", "channels": 2 * width, "stride": 2, **fields},
        {"kind": "classifier", "classes": 10},
    ]
    return Network.model_validate({"input": [1, 8, 8], "blocks": cards})


def forgetful() -> Network:
    """A network with dropout, which draws from the global generator."""
    return Network.model_validate_json(small().insert(3, KINDS["dropout"](rate=0.3)).model_dump_json())  # type: ignore[call-arg]


def bare(events: Sequence[Event]) -> list[dict[str, Any]]:
    """What was said, without what depends on the clock, and without notices."""
    return [event.model_dump(exclude=TIMED) for event in events if not isinstance(event, Notice | Started)]


def first(events: Sequence[Event]) -> Started:
    return next(event for event in events if isinstance(event, Started))


# Going on


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """The state is written each time the losses are read, and they are read every few steps, never by the clock."""
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(loop, "SAVE_SHARE", 0.0)
    monkeypatch.setattr(loop, "FLUSH_STEPS", 4)
    monkeypatch.setattr(loop, "FLUSH_SECONDS", 1e9)


RECIPES = {
    "usual": Recipe(steps=34, evaluations=3),
    "adamw": Recipe(steps=34, optimizer="adamw", learning_rate=1e-3, clip=1.0, schedule="cosine", decay_all=False),
    "augmented": Recipe(steps=34, flip=True, crop=1, cutout=2, schedule="one-cycle", nesterov=True, smoothing=0.1),
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_run_that_was_broken_off_goes_on_to_the_same_bits(eager: None, recipe: Recipe, tmp_path: Path) -> None:
    network, state, weights = forgetful(), tmp_path / "state.pt", tmp_path / "weights.pt"
    whole = list(loop.train(network, recipe, checkpoint=tmp_path / "whole.pt"))
    seen: list[Event] = []
    for event in loop.train(network, recipe, resume=state):
        add(seen, event)
        if isinstance(event, Step) and event.step == 27:
            break  # as by SIGKILL: nothing is told to the loop
    torch.manual_seed(123)  # another process would not stand where this one does
    again = list(loop.train(network, recipe, resume=state, checkpoint=weights))
    # 27 steps were told; written were the last four of them in full, or those before the test of the images
    assert first(again).done == (23 if recipe.evaluations == 3 else 24)
    for event in again:
        add(seen, event)
    assert bare(seen) == bare(whole)
    ours, theirs = (torch.load(file, weights_only=True) for file in (weights, tmp_path / "whole.pt"))
    assert all(torch.equal(ours[name], tensor) for name, tensor in theirs.items())
    assert not state.exists()


def test_a_paused_run_says_so_and_goes_on(eager: None, tmp_path: Path) -> None:
    state, recipe = tmp_path / "state.pt", Recipe(steps=30)
    asked = iter([False, False, True])
    part = list(loop.train(small(), recipe, resume=state, pause=lambda: next(asked)))
    assert part[-1] == Paused(step=12) and state.exists()
    rest = list(loop.train(small(), recipe, resume=state))
    assert [event.step for event in rest if isinstance(event, Step)] == list(range(13, 31))
    seen: list[Event] = []
    for event in [*part, *rest]:
        add(seen, event)
    whole = [event for event in loop.train(small(), recipe) if isinstance(event, Step | Finished)]
    assert bare([event for event in seen if isinstance(event, Step | Finished)]) == bare(whole)


def test_the_state_of_another_run_or_a_damaged_file_begins_anew(eager: None, tmp_path: Path) -> None:
    state, recipe = tmp_path / "state.pt", Recipe(steps=12)
    for event in loop.train(small(), recipe, resume=state):
        if isinstance(event, Step) and event.step == 9:
            break
    assert torch.load(state, weights_only=True)["progress"]["step"] == 8
    content = state.read_bytes()
    for other in (recipe.model_copy(update={"seed": 1}), recipe.model_copy(update={"smoothing": 0.1})):
        assert first(list(loop.train(small(), other, resume=state))).done == 0
        state.write_bytes(content)
    for damaged in (b"", content[:-100], b"\x80\x04cos\nsystem\n(S'touch pwned'\ntR."):
        state.write_bytes(damaged)
        events = list(loop.train(small(), recipe, resume=state))
        assert first(events).done == 0 and isinstance(events[-1], Finished)
    state.write_bytes(content)
    assert first(list(loop.train(small(), recipe, resume=state))).done == 8


def test_what_was_said_of_steps_that_are_made_again_is_dropped() -> None:
    seen: list[Event] = []
    for event in loop.train(small(), Recipe(steps=6)):
        add(seen, event)
    started = first(seen)
    add(seen, started.model_copy(update={"done": 4}))
    assert [event.step for event in seen if isinstance(event, Step)] == [1, 2, 3, 4]
    assert not [event for event in seen if isinstance(event, Evaluated) and event.step > 4]


def test_a_disk_that_takes_nothing_ends_no_run(eager: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*about: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(resume, "write", full)
    monkeypatch.setattr(loop, "write", full)
    events = list(loop.train(small(), Recipe(steps=12), resume=tmp_path / "s.pt", checkpoint=tmp_path / "w.pt"))
    texts = [event.text for event in events if isinstance(event, Notice)]
    assert len(texts) == 2 and isinstance(events[-1], Finished)
    assert "cannot go on if it stops" in texts[0] and "The weights were not written" in texts[1]
    paused = list(loop.train(small(), Recipe(steps=12), resume=tmp_path / "s.pt", pause=lambda: True))
    assert isinstance(paused[-1], Failed) and "No space left on device" in paused[-1].reason


def test_torchs_own_complaint_of_a_full_disk_is_an_os_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(state: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc:668] . unexpected pos 64 vs 0\nframes")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="unexpected pos 64"):
        resume.write({}, tmp_path / "state.pt")
    assert list(tmp_path.iterdir()) == []


# Telemetry


def hand_made(network: Network, recipe: Recipe) -> tuple[list[float], list[float]]:
    """Gradient length and root mean square of each copy at the first step, without any of the loop's ways."""
    model = network.build(seed=recipe.seed).train()
    prepared = data.Prepared(data.load(), network.input, CPU)
    images, labels = prepared.train_batch(data.batch_indices(recipe.seed, 0, 1437, recipe.batch))
    scales, x = [], images
    modules = [module for _, module in initial.copies(model, network)]
    for module in modules:
        x = module(x)
        scales.append(x.double().square().mean().sqrt().item())
    functional.cross_entropy(x, labels).backward()
    lengths = []
    for module in modules:
        parts = [p.grad.double().flatten() for p in module.parameters() if p.grad is not None]
        lengths.append(torch.cat(parts).norm().item() if parts else 0.0)
    return lengths, scales


def test_telemetry_is_what_torch_says_of_each_block() -> None:
    network, recipe = small().insert(1, KINDS["pool"]()), Recipe(steps=3, clip=0.01)  # type: ignore[call-arg]
    events = list(loop.train(network, recipe))
    read = next(event for event in events if isinstance(event, Telemetry))
    lengths, scales = hand_made(network, recipe)
    assert read.step == 1
    assert read.copy_gradients == pytest.approx(lengths, rel=1e-3)  # before clipping, four digits
    assert read.copy_activations == pytest.approx(scales, rel=1e-3)
    assert read.copy_gradients[1] == 0.0 and len(read.copy_gradients) == 6  # the pool has no weights
    assert len(read.gradients) == len(network.blocks) == 5
    assert read.gradients[2] == pytest.approx(math.hypot(*lengths[2:4]), rel=1e-3)
    assert read.activations[2] == pytest.approx(math.sqrt((scales[2] ** 2 + scales[3] ** 2) / 2), rel=1e-3)
    assert read.bytes is None or read.bytes > 1_000_000


def test_reading_changes_no_run_and_leaves_no_hook() -> None:
    recipe = Recipe(steps=12)
    with_, without = (
        [event.loss for event in loop.train(small(), recipe, telemetry=wanted) if isinstance(event, Step)]
        for wanted in (True, False)
    )
    assert with_ == without
    model, _ = loop.build(small(), recipe, CPU)
    watch = telemetry.Watch(model, small())
    with watch.listening():
        model(torch.zeros(2, 1, 8, 8))
    assert len(watch.given) == 5
    assert not any(module._forward_hooks for module in model.modules())


def test_readings_are_spread_over_the_run_and_never_more_than_a_picture_has_room_for() -> None:
    def steps(total: int) -> list[int]:
        rhythm = telemetry.Rhythm(0, 0.0)
        return [step for step in range(total) if rhythm.due(step, step / total)]

    assert steps(20) == [0, 5, 10, 15]
    assert steps(150)[-1] >= 145 and len(steps(150)) == 30
    long = steps(64_000)
    assert 190 <= len(long) <= telemetry.READINGS
    gaps = {b - a for a, b in pairwise(long)}
    assert max(gaps) - min(gaps) <= 2


def test_a_gradient_beyond_float32_is_written_as_its_largest_number() -> None:
    network = small()
    watch = telemetry.Watch(network.build(), network)
    read = torch.full((2, 5), math.nan, dtype=torch.float64)
    read[0, 0] = math.inf
    record = watch.telemetry(3, read)
    assert EVENT.validate_json(record.model_dump_json()) == record
    assert record.copy_gradients[0] == pytest.approx(telemetry.LARGEST, rel=1e-3)


def test_each_step_says_its_learning_rate_and_its_time() -> None:
    recipe = Recipe(steps=20, schedule="cosine", warmup=3)
    steps = [event for event in loop.train(small(), recipe) if isinstance(event, Step)]
    assert [step.learning_rate for step in steps] == [recipe.rate(at) for at in range(20)]
    assert all(step.milliseconds is not None and step.milliseconds > 0 for step in steps)
    elapsed = [step.elapsed for step in steps if step.elapsed is not None]
    assert len(elapsed) == 20 and elapsed == sorted(elapsed)


# The recipe


def test_an_old_recipe_is_still_the_same_run() -> None:
    old = (
        '{"data":"digits","steps":12,"batch":64,"optimizer":"sgd","learning_rate":0.03,"momentum":0.9,'
        '"weight_decay":0.0005,"warmup":10,"clip":null,"seed":3,"evaluations":1}'
    )
    recipe = Recipe.model_validate_json(old)
    assert recipe == Recipe(steps=12, seed=3)
    losses = [event.loss for event in loop.train(small(), recipe) if isinstance(event, Step)]
    assert losses == by_hand(small(), recipe)


def by_hand(network: Network, recipe: Recipe) -> list[float]:
    """The loop as it was before a recipe had more than these fields."""
    torch.manual_seed(recipe.seed)
    model = network.build(seed=recipe.seed).train()
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.03, momentum=recipe.momentum, weight_decay=recipe.weight_decay, fused=True
    )
    prepared, losses = data.Prepared(data.load(), network.input, CPU), []
    for step in range(recipe.steps):
        images, labels = prepared.train_batch(data.batch_indices(recipe.seed, step, 1437, recipe.batch))
        for group in optimizer.param_groups:
            group["lr"] = 0.03 * min(1.0, (step + 1) / 11)
        loss = functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_schedules_go_as_their_papers_say() -> None:
    assert {factor("constant", share) for share in (0, 0.5, 1)} == {1.0}
    assert [factor("step", share) for share in (0, 0.499, 0.5, 0.749, 0.75)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    assert [factor("cosine", share) for share in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])
    cycle = [factor("one-cycle", share) for share in (0, 0.15, 0.3, 0.65, 1)]
    assert cycle == pytest.approx([0.04, 0.52, 1, 0.5, 0])


def test_the_papers_preset_is_the_papers() -> None:
    paper = PRESETS["paper"].recipe(small(), "cifar10")
    assert [paper.rate(step) for step in (0, 31_999, 32_000, 47_999, 48_000, 63_999)] == pytest.approx(
        [0.1, 0.1, 0.01, 0.01, 0.001, 0.001]
    )
    assert (paper.momentum, paper.weight_decay, paper.batch, paper.crop, paper.flip) == (0.9, 1e-4, 128, 4, True)
    digits = PRESETS["paper"].recipe(small(), "digits")
    assert (digits.crop, digits.flip) == (0, False)  # a mirrored digit is none


@pytest.mark.parametrize("name", PRESETS, ids="preset_{}".format)  # a bare "gpu" would be a marker
def test_a_preset_learns_with_norms_and_without(name: str) -> None:
    short = {"steps": 120, "seconds": None, "batch": 64, "evaluations": 1}
    for network in (small(8), small(8, norm="none")):
        recipe = PRESETS[name].recipe(network).model_copy(update=short)
        assert (recipe.optimizer == "adamw") == (network != small(8))
        *_, finished = loop.train(network, recipe)
        assert isinstance(finished, Finished) and finished.test_accuracy > 0.3, (name, finished)  # chance is 0.1


def test_the_usual_recipe_is_the_preset_for_a_cpu() -> None:
    assert PRESETS["cpu"].recipe(small()) == Recipe() == Recipe.default_for(small())
    normless = small(norm="none")
    assert PRESETS["cpu"].recipe(normless) == Recipe.default_for(normless)
    assert "starts with its last convolution at zero" in reason_for(normless)
    assert "starts with" not in reason_for(normless.plain())


def test_weight_decay_spares_norms_and_biases_where_it_is_asked_to() -> None:
    model, optimizer = loop.build(small(norm="none"), Recipe(decay_all=False, weight_decay=0.1), CPU)
    held = {id(parameter): group for group in optimizer.param_groups for parameter in group["params"]}
    assert len(held) == sum(1 for _ in model.parameters())
    for parameter in model.parameters():
        assert held[id(parameter)]["weight_decay"] == (0.1 if parameter.dim() > 1 else 0.0)


def test_label_smoothing_raises_the_training_loss_alone() -> None:
    network, spread = small(), Recipe(steps=1, smoothing=0.3)
    plain, smoothed = (
        next(event.loss for event in loop.train(network, recipe) if isinstance(event, Step))
        for recipe in (Recipe(steps=1), spread)
    )
    model, _ = loop.build(network, spread, CPU)
    prepared = data.Prepared(data.load(), network.input, CPU)
    images, labels = prepared.train_batch(data.batch_indices(0, 0, 1437, 64))
    logs = functional.log_softmax(model(images), 1)
    expected = 0.7 * -logs.gather(1, labels[:, None]).mean() - 0.3 * logs.mean()
    assert smoothed == pytest.approx(expected.item(), rel=1e-5) and smoothed != plain


def test_bfloat16_is_used_only_where_the_device_computes_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: list[torch.dtype] = []
    original = nn.functional.cross_entropy

    def watched(logits: torch.Tensor, labels: torch.Tensor, **more: Any) -> torch.Tensor:
        kinds.append(logits.dtype)
        return original(logits, labels, **more)

    recipe = Recipe(steps=30, precision="bf16")
    for able in (False, True):
        monkeypatch.setattr(device, "computes_bf16", lambda on, able=able: able)
        events = list(loop.train(small(8), recipe, CPU))
        assert first(events).precision == ("bf16" if able else "float32")
        losses = [event.loss for event in events if isinstance(event, Step)]
        exact = [event.loss for event in loop.train(small(8), Recipe(steps=30), CPU) if isinstance(event, Step)]
        assert (losses == exact) is not able
        assert losses[0] == pytest.approx(exact[0], rel=0.02)


def test_a_run_by_the_clock_ends_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]

    def tick() -> float:
        now[0] += 0.01
        return now[0]

    monkeypatch.setattr(loop, "perf_counter", tick)
    recipe = Recipe(seconds=2.0, evaluations=4, schedule="one-cycle", warmup=0)
    events = list(loop.train(small(), recipe, CPU))
    steps = [event for event in events if isinstance(event, Step)]
    finished = events[-1]
    assert isinstance(finished, Finished) and finished.steps == len(steps) and 20 < len(steps) < 100
    assert first(events).steps == 0
    rates = [step.learning_rate for step in steps if step.learning_rate is not None]
    assert max(rates) == pytest.approx(0.03, rel=0.1) and rates[-1] < 0.1 * max(rates)
    assert rates.index(max(rates)) == pytest.approx(0.3 * len(rates), abs=0.1 * len(rates))
    assert len([event for event in events if isinstance(event, Evaluated)]) == 3  # the fourth is the end
    assert steps[-1].seconds_left == 0.0 and steps[0].seconds_left > 1.5
    measured = Measured(build_seconds=1, step_seconds=0.1, evaluation_seconds=0.5, bytes=1)
    assert measured.seconds(recipe) == pytest.approx(3.5)


def test_channels_last_changes_the_layout_alone_and_only_where_maps_are_wide() -> None:
    recipe = Recipe(steps=6, channels_last=True)
    for shape in ([1, 8, 8], [3, 8, 8]):
        network = small(8).apply({"op": "input", "shape": shape})
        model, _ = loop.build(network, recipe, CPU)
        stem, *others = loop.convolutions(model)
        assert stem.weight.is_contiguous() and stem.in_channels == shape[0]
        last = [layer.weight.is_contiguous(memory_format=torch.channels_last) for layer in others]
        assert len(last) == 7 and all(last) and not others[0].weight.is_contiguous()
        planes, across = (
            [event.loss for event in loop.train(network, each, CPU) if isinstance(event, Step)]
            for each in (Recipe(steps=6), recipe)
        )
        assert across == pytest.approx(planes, rel=1e-3) and across != planes
    for narrow in (small(4), small(8).insert(1, KINDS["conv"](channels=6))):  # type: ignore[call-arg]
        model, _ = loop.build(narrow, recipe, CPU)
        assert all(layer.weight.is_contiguous() for layer in loop.convolutions(model))


# First weights


def residual_examples() -> list[tuple[Block, Shape]]:
    """Every example of every kind that adds what it gets to what it computes."""
    return [
        (kind(**fields), shape)  # type: ignore[arg-type]
        for kind in KINDS.values()
        for fields, shape in kind.examples
        if kind(**fields).has_shortcut()
    ]


@pytest.mark.parametrize("block, shape", residual_examples(), ids=lambda each: getattr(each, "kind", ""))
def test_each_branch_beside_a_shortcut_ends_in_zeros_and_learns(block: Block, shape: Shape) -> None:
    network = Network(input=shape, blocks=(block,))
    model = network.build(seed=0).train()
    ends = initial.last_of_branches(model, network)
    if getattr(block, "kind", "") == "residual" and getattr(block, "merge", "") == "concat":
        assert not ends  # a branch that is appended has nothing beside it
        return
    assert len(ends) == block.copies
    initial.start(model, network, Recipe(initialisation="zero-last"))
    given: list[torch.Tensor] = []
    for layer in ends:
        layer.register_forward_hook(lambda module, inputs, output: given.append(output))
    x = torch.randn(4, *shape, generator=torch.Generator().manual_seed(0)).requires_grad_()
    result = model(x)
    assert len(given) == len(ends) and not any(output.any() for output in given)
    result.square().sum().backward()
    assert result.any() and x.grad is not None and x.grad.any()  # the shortcuts are open
    assert all(layer.get_parameter("weight").grad.any() for layer in ends)  # type: ignore[union-attr]


def test_twins_differ_at_first_by_what_starts_at_zero_and_the_sentence_counts_it() -> None:
    network = small()
    zero = zero_starts(network, "zero-last")
    assert len(zero) == 3 and zero_starts(network) == set() and zero_starts(network.plain(), "zero-last") == set()
    assert "but for 3 that start at zero" in difference(network, "zero-last").sentence()
    recipe = Recipe(initialisation="zero-last")
    ours, theirs = (dict(loop.build(each, recipe, CPU)[0].named_parameters()) for each in (network, network.plain()))
    differ = {name for name in theirs if not torch.equal(ours[name], theirs[name])}
    assert differ == zero


def test_dirac_weights_pass_the_map_on_through_a_plain_network() -> None:
    network = small().plain()
    model, _ = loop.build(network, Recipe(initialisation="dirac"), CPU)
    kept = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d) and initial.passes_on(layer)]
    assert len(kept) == 5  # not the stem's, nor the one that widens
    for layer in kept:
        x = torch.randn(2, layer.in_channels, 6, 6)
        assert torch.equal(functional.conv2d(x, layer.weight, padding=1), x)


# Images


def test_augmentation_off_is_nothing() -> None:
    assert not Augmentation.of(Recipe()) and Augmentation.of(Recipe(cutout=2))


def test_crops_are_windows_of_the_padded_image_and_flips_mirror_it() -> None:
    images = torch.arange(2 * 3 * 5 * 4, dtype=torch.float32).reshape(2, 3, 5, 4) + 1
    drawn = torch.tensor([[1, 0, 4, 0, 0], [0, 3, 1, 0, 0]])
    found = Augmentation(flip=True, crop=2).apply(images, drawn)
    padded = functional.pad(torch.stack((images[0].flip(2), images[1])), (2, 2, 2, 2))
    assert torch.equal(found[0], padded[0, :, 0:5, 4:8])
    assert torch.equal(found[1], padded[1, :, 3:8, 1:5])


def test_cutout_hides_a_square_that_the_border_may_cut() -> None:
    images = torch.ones(2, 1, 6, 6)
    found = Augmentation(cutout=4).apply(images, torch.tensor([[0, 0, 0, 3, 3], [0, 0, 0, 0, 5]]))
    assert (found[0] == 0).sum() == 16 and not found[0, 0, 1:5, 1:5].any()
    assert (found[1] == 0).sum() == 2 * 3  # rows 0 and 1, columns 3 to 5
    assert images.min() == 1


def test_draws_are_a_function_of_seed_and_epoch_and_cover_every_choice() -> None:
    each = Augmentation(flip=True, crop=2, cutout=3)
    torch.manual_seed(1)
    drawn = each.draw(3, 5, 4000, 8, 6)
    torch.manual_seed(2)
    assert torch.equal(drawn, each.draw(3, 5, 4000, 8, 6))
    assert not torch.equal(drawn, each.draw(3, 6, 4000, 8, 6)) and not torch.equal(drawn, each.draw(4, 5, 4000, 8, 6))
    for column, size in enumerate((2, 5, 5, 8, 6)):
        counts = torch.bincount(drawn[:, column], minlength=size)
        assert len(counts) == size and (counts - 4000 / size).abs().max() < 6 * math.sqrt(4000 / size)


def test_twins_are_shown_the_same_changed_images(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []
    original = Augmentation.apply

    def watched(self: Augmentation, images: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
        seen.append(original(self, images, drawn))
        return seen[-1]

    monkeypatch.setattr(augment.Augmentation, "apply", watched)
    for network in (small(), small().plain()):
        list(loop.train(network, Recipe(steps=24, batch=128, crop=1, flip=True)))
    assert len(seen) == 48 and all(torch.equal(a, b) for a, b in zip(seen[:24], seen[24:], strict=True))
    assert not torch.equal(seen[0], seen[11])  # the first batches of two epochs


# What fails


def test_memory_that_ran_out_is_said_with_the_batch_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    network, recipe = small(), Recipe(batch=512, steps=3)

    def greedy(*about: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(loop, "update", greedy)
    one, hundred = (analyze(network, batch=size).memory().total for size in (1, 100))
    monkeypatch.setattr(device, "free_bytes", lambda on: math.ceil(hundred / 0.9))
    *before, failed = loop.train(network, recipe, CPU)
    assert isinstance(failed, Failed) and isinstance(before[0], Started)
    assert "ran out of memory at 512 images a step" in failed.reason
    assert failed.reason.endswith("A batch of 100 would fit.")
    monkeypatch.setattr(device, "free_bytes", lambda on: one // 2)
    *_, failed = loop.train(network, recipe, CPU)
    assert isinstance(failed, Failed) and "Even one image needs" in failed.reason
    monkeypatch.setattr(device, "free_bytes", lambda on: 10**12)  # the count says it fits, and it did not
    *_, failed = loop.train(network, recipe, CPU)
    assert isinstance(failed, Failed) and "A batch of 256 would fit." in failed.reason


def test_images_that_are_not_there_are_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    *_, failed = loop.train(small(), Recipe(data="cats"), CPU)
    assert isinstance(failed, Failed)
    assert failed.reason.startswith("There are no images to train on: no data set is called 'cats'; there are: digits")
    assert not failed.reason.endswith("..")


def test_a_network_that_fits_into_a_stack_is_never_refused_by_the_loop_for_its_recipe() -> None:
    with pytest.raises(ShapeError):  # what does not fit together is the network's own error
        list(loop.train(small().apply({"op": "set", "at": 1, "fields": {"channels": 9, "shortcut": "identity"}})))


def test_the_best_test_is_told_at_the_end() -> None:
    events = list(loop.train(small(), Recipe(steps=40, evaluations=4)))
    finished = events[-1]
    assert isinstance(finished, Finished)
    tests = [(event.accuracy, event.step) for event in events if isinstance(event, Evaluated)]
    tests.append((finished.test_accuracy, 40))
    best = max(accuracy for accuracy, _ in tests)
    assert (finished.best_accuracy, finished.best_step) == next(each for each in tests if each[0] == best)


def test_the_opening_network_is_not_slower_to_learn_than_before() -> None:
    """The default demo's recipe is, field by field, the one that its figures were measured with."""
    recipe = PRESETS["cpu"].recipe(presets.load("digits_resnet56"))
    assert recipe.words() == "150 steps of 64 images, SGD 0.03, momentum 0.9, seed 0"
    assert (recipe.weight_decay, recipe.warmup, recipe.decay_all, recipe.precision) == (5e-4, 10, True, "float32")


OTHERWISE: dict[str, object] = {
    "data": "shapes:level=2", "steps": 151, "seconds": 9.0, "batch": 65, "optimizer": "adamw", "learning_rate": 0.04,
    "momentum": 0.8, "nesterov": True, "weight_decay": 0.0, "decay_all": False, "schedule": "cosine", "warmup": 0,
    "clip": 1.0, "smoothing": 0.1, "flip": True, "crop": 2, "cutout": 3, "initialisation": "dirac", "seed": 1,
    "precision": "bf16", "channels_last": True, "compile": True,
}  # fmt: skip


def test_recipes_that_train_otherwise_never_have_the_same_words() -> None:
    """Compare says of runs with the same words that their recipe is the same."""
    assert set(OTHERWISE) == set(Recipe.model_fields) - {"evaluations"}  # how often is tested, which trains nothing
    words = [Recipe(**{name: value}).words() for name, value in OTHERWISE.items()]  # type: ignore[arg-type]
    assert len({Recipe().words(), *words}) == len(OTHERWISE) + 1
    paper = PRESETS["paper"].recipe(presets.load("digits_resnet56")).words()
    assert "weight decay 0.0001" in paper, paper
    assert Recipe(warmup=0, weight_decay=0).words().endswith("no warm-up, no weight decay, seed 0")
    assert "warm-up 1 step, no decay of norms and biases" in Recipe(warmup=1, decay_all=False).words()
