"""Training: the data, the recipe, the loop, twins, estimates and the words about them."""

import math
from pathlib import Path

import pytest
import torch

from explorer import blocks, presets
from explorer.network import Network
from explorer.report import analyze
from explorer.shape import Shape
from explorer.training import box, data, loop
from explorer.training.adapt import DEEPENED, adapted_copy, deepen, depth
from explorer.training.estimate import Measured, measure
from explorer.training.events import EVENT, Evaluated, Failed, Finished, Started, Step
from explorer.training.loop import not_finite, train
from explorer.training.recipe import Recipe, reason_for
from explorer.training.twin import difference, first_weights_that_differ, twin_refusal, verdict, zero_starts

CPU = torch.device("cpu")


def small(width: int = 8, repeat: int = 1, **fields: object) -> Network:
    """A residual network for digits that takes milliseconds a step."""
    cards = [
        {"kind": "stem", "form": "cifar", "channels": width},
        {"kind": "basic", "channels": width, "repeat": repeat, **fields},
        {"kind": "basic", "channels": 2 * width, "stride": 2, **fields},
        {"kind": "classifier", "classes": 10},
    ]
    return Network.model_validate({"input": [1, 8, 8], "blocks": cards})


# The data


def test_the_digits_read_from_the_file_are_scikit_learns_own(monkeypatch: pytest.MonkeyPatch) -> None:
    direct = data.digits_table()
    assert direct.shape == (1797, 65)
    monkeypatch.setattr("explorer.training.data.digits.find_spec", lambda name: None)
    assert torch.equal(direct, data.digits_table())


def test_the_split_is_stratified_and_keeps_every_image_on_one_side() -> None:
    digits = data.load("digits")
    assert (len(digits.train_labels), len(digits.test_labels)) == (1437, 360)
    train_counts, test_counts = torch.bincount(digits.train_labels), torch.bincount(digits.test_labels)
    for share in (test_counts / (train_counts + test_counts)).tolist():
        assert share == pytest.approx(0.2, abs=0.004)  # a class has 174 to 183 images, so one image is 0.6 %
    seen = {tuple(image.flatten().tolist()) for image in digits.train_images}
    assert not any(tuple(image.flatten().tolist()) in seen for image in digits.test_images)


def test_the_split_is_the_same_each_time_and_another_seed_gives_another() -> None:
    labels = torch.arange(100) % 5
    first, again, other = (data.stratified_split(labels, 20, seed)[1] for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.bincount(labels[first]).tolist() == [4] * 5


def test_a_split_of_uneven_classes_has_the_size_asked_for() -> None:
    labels = torch.tensor([0] * 33 + [1] * 33 + [2] * 34)
    train_part, test_part = data.stratified_split(labels, 10)
    assert (len(train_part), len(test_part)) == (90, 10)
    assert torch.bincount(labels[test_part]).tolist() == [3, 3, 4]


def test_images_are_normalised_by_the_training_images_alone() -> None:
    digits = data.load("digits")
    prepared = data.Prepared(digits, Shape(1, 8, 8), CPU)
    images = prepared.images(prepared.train_images)
    assert images.mean().item() == pytest.approx(0, abs=1e-5)
    assert images.std().item() == pytest.approx(1, abs=1e-5)
    assert prepared.images(prepared.test_images).mean().item() != pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("shape", [Shape(1, 8, 8), Shape(3, 8, 8), Shape(1, 16, 12), Shape(3, 5, 5), Shape(2, 33, 1)])
def test_images_come_in_the_size_and_channels_of_the_network(shape: Shape) -> None:
    prepared = data.Prepared(data.load(), shape, CPU)
    images, labels = prepared.train_batch(torch.tensor([3, 1]))
    assert images.shape == (2, *shape) and images.dtype == torch.float32
    assert labels.tolist() == [data.load().train_labels[3], data.load().train_labels[1]]
    assert all(torch.equal(images[:, 0], images[:, channel]) for channel in range(shape.channels))


def test_an_unknown_data_set_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match="no data set is called 'cats'; there are: digits"):
        data.load("cats")


# The order of the batches


def test_a_batch_is_a_function_of_seed_and_step_alone() -> None:
    torch.manual_seed(1)
    first = data.batch_indices(seed=3, step=40, size=1437, batch=64)
    torch.manual_seed(2)
    assert torch.equal(first, data.batch_indices(seed=3, step=40, size=1437, batch=64))
    assert not torch.equal(first, data.batch_indices(seed=4, step=40, size=1437, batch=64))


def test_an_epoch_shows_no_image_twice() -> None:
    epoch = torch.cat([data.batch_indices(seed=0, step=step, size=1437, batch=64) for step in range(22)])
    assert len(epoch) == len(epoch.unique()) == 22 * 64
    following = torch.cat([data.batch_indices(seed=0, step=step, size=1437, batch=64) for step in range(22, 44)])
    assert not torch.equal(epoch, following)


def test_twins_see_the_same_batches_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[int]] = []
    original = data.Prepared.train_batch

    def watched(self: data.Prepared, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append(indices.tolist())
        return original(self, indices)

    monkeypatch.setattr(data.Prepared, "train_batch", watched)
    recipe = Recipe(steps=25, batch=64, seed=5)
    starts = []
    for network in (small(2), small(2).plain()):
        starts.append(next(event for event in list(train(network, recipe)) if isinstance(event, Started)))
    assert len(seen) == 50 and seen[:25] == seen[25:]
    assert seen[:25] == [data.batch_indices(5, step, 1437, 64).tolist() for step in range(25)]
    assert starts[0].order == starts[1].order == loop.order_digest(recipe, 1437)
    assert starts[0].order != loop.order_digest(Recipe(steps=25, batch=64, seed=6), 1437)


# The first weights of twins


@pytest.mark.parametrize("name", ["digits_resnet20", "digits_resnet56", "cifar_resnet20_b"])
def test_twins_start_with_the_same_weights_on_all_shared_paths(name: str) -> None:
    network = presets.load(name)
    ours, theirs = (dict(each.build(seed=7).named_parameters()) for each in (network, network.plain()))
    assert theirs.keys() < ours.keys()  # the twin lost its projections
    assert all(torch.equal(ours[path], weight) for path, weight in theirs.items())
    assert first_weights_that_differ(network, seed=7) == ()


def test_weights_that_differ_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    network = small(2)
    build = Network.build

    def disturbed(self: Network, seed: int = 0) -> torch.nn.Module:
        model = build(self, seed=seed)
        if self == network:
            with torch.no_grad():
                model.get_parameter("1.0.conv2.conv.weight")[0, 0, 0, 0].add_(1e-6)
        return model

    monkeypatch.setattr(Network, "build", disturbed)
    assert first_weights_that_differ(network, seed=0) == ("1.0.conv2.conv.weight",)


@pytest.mark.parametrize("network", [presets.load("article"), small(norm="none", repeat=2)], ids=["article", "no norm"])
def test_only_weights_that_start_at_zero_beside_a_shortcut_differ_from_the_twin(network: Network) -> None:
    zero = zero_starts(network)
    assert zero and zero_starts(network.plain()) == set()
    assert set(first_weights_that_differ(network, seed=1)) == zero
    assert f"but for {len(zero)} that start at zero" in difference(network).sentence()


# The loop


def test_a_short_run_learns_to_read_digits() -> None:
    events = list(train(small(), Recipe(steps=150)))
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.test_accuracy > 0.85  # chance is 0.1
    steps = [event for event in events if isinstance(event, Step)]
    assert steps[0].loss > 2 and finished.train_loss < 0.6


def test_a_run_tells_its_start_every_step_its_tests_and_its_end() -> None:
    recipe = Recipe(steps=30, batch=32, evaluations=3)
    events = list(train(small(2), recipe, on=CPU))
    started, finished = events[0], events[-1]
    assert isinstance(started, Started) and isinstance(finished, Finished)
    assert started.device == "CPU, 1 thread"
    assert (started.train_images, started.test_images, started.steps) == (1437, 360, 30)
    assert started.parameters == analyze(small(2)).params
    assert [event.step for event in events if isinstance(event, Step)] == list(range(1, 31))
    assert [event.step for event in events if isinstance(event, Evaluated)] == [10, 20]  # the third is the end
    assert all(event.images_per_second > 0 for event in events if isinstance(event, Step))
    assert [event for event in events if isinstance(event, Step)][-1].seconds_left == 0


def test_the_same_recipe_gives_the_same_run_and_another_seed_another() -> None:
    def curve(seed: int) -> list[float]:
        return [event.loss for event in train(small(2), Recipe(steps=12, seed=seed)) if isinstance(event, Step)]

    assert curve(0) == curve(0)
    assert curve(0) != curve(1)


def test_the_result_counts_what_was_predicted() -> None:
    logits = torch.tensor([[5.0, 0, 0], [0, 5, 0], [9, 0, 0], [0, 4, 0]])
    finished = loop.result(0.5, logits, torch.tensor([0, 1, 1, 2]), [(1.0, 0.5)] * 5 + [(3.0, 1.0)] * 5, 3, (2.0, 1.0))
    assert finished.confusion == ((1, 0, 0), (1, 1, 0), (0, 1, 0))
    assert finished.test_accuracy == 0.5 and finished.wrong_count == 2
    assert (finished.train_loss, finished.train_accuracy) == (3.0, 1.0)  # the last tenth
    assert [(wrong.index, wrong.label) for wrong in finished.wrong] == [(2, 1), (3, 2)]  # the surest first
    guess = finished.wrong[0].guesses
    assert guess[0].label == 0
    assert guess[0].probability == pytest.approx(math.exp(9) / (math.exp(9) + 2))
    assert sum(g.probability for g in guess) == pytest.approx(1)


def test_predictions_beyond_the_classes_of_the_images_have_a_column_of_their_own() -> None:
    logits = torch.tensor([[0.0, 0, 5], [5, 0, 0]])
    assert loop.result(0.5, logits, torch.tensor([0, 0]), [(1.0, 0.5)], 2, (2.0, 1.0)).confusion == (
        (1, 0, 1),
        (0, 0, 0),
    )


def test_every_record_survives_json() -> None:
    for event in train(small(2), Recipe(steps=11, evaluations=2)):
        assert EVENT.validate_json(event.model_dump_json()) == event


def test_a_loss_that_is_no_longer_finite_ends_the_run_with_why_and_what_helps() -> None:
    # without norms and with He's weights, a rate of 10 overflows within steps
    network = small(4, norm="none").plain()
    events = list(train(network, Recipe(learning_rate=10, momentum=0.99, warmup=0, steps=400)))
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert "no longer finite at step" in failed.reason and "updates grew too large" in failed.reason
    helps = "What helps: a learning rate of 0.03 in place of 10, AdamW at 0.001, gradients clipped at 1"
    assert f"{helps} or a norm in every block." in failed.reason
    with_norms = not_finite(small(4), Recipe(learning_rate=10), 5, [])
    assert with_norms.endswith(f"{helps.replace(', gradients', ' or gradients')}.")
    usual = not_finite(small(4), Recipe(optimizer="adamw", learning_rate=0.001, clip=1), 5, [])
    assert usual.endswith("What helps: a learning rate of 0.0001 in place of 0.001.")
    steps = [event for event in events if isinstance(event, Step)]
    assert all(math.isfinite(event.loss) for event in steps)
    assert len(steps) + 1 == int(failed.reason.split("at step ")[1].split(",")[0].split(":")[0])
    assert len(steps) < 390  # noticed on the way, not at the end


def test_a_network_without_a_classifier_cannot_be_trained_and_says_so() -> None:
    headless = small(2).remove(3)
    assert "ends in a map" in _reason(headless)


def test_too_few_classes_are_refused_with_the_number_that_is_needed() -> None:
    network = small(2).apply({"op": "set", "at": 3, "fields": {"classes": 4}})
    assert _reason(network) == "The network has 4 classes, the images 10: set it to 10."


def _reason(network: Network) -> str:
    failed = list(train(network, Recipe(steps=1)))[-1]
    assert isinstance(failed, Failed)
    return failed.reason


def test_more_classes_than_the_images_have_can_be_trained() -> None:
    network = small(2).apply({"op": "set", "at": 3, "fields": {"classes": 12}})
    assert isinstance(list(train(network, Recipe(steps=2)))[-1], Finished)


def test_the_weights_of_a_run_are_a_state_dict_that_gives_its_accuracy(tmp_path: Path) -> None:
    network, path = small(4), tmp_path / "run" / "weights.pt"
    finished = list(train(network, Recipe(steps=40), checkpoint=path))[-1]
    assert isinstance(finished, Finished)
    model = network.build(seed=9)
    model.load_state_dict(torch.load(path, weights_only=True))
    loss, _ = loop.predict(model, data.Prepared(data.load(), network.input, CPU))
    assert loss == pytest.approx(finished.test_loss, rel=1e-5)
    assert [file.name for file in path.parent.iterdir()] == ["weights.pt"]


def test_clipping_bounds_the_update() -> None:
    network = small(2)
    inputs, labels = data.Prepared(data.load(), network.input, CPU).train_batch(torch.arange(64))
    for clip, bounded in ((0.01, True), (None, False)):
        recipe = Recipe(learning_rate=1.0, momentum=0, weight_decay=0, warmup=0, clip=clip)
        model, optimizer = loop.build(network, recipe, CPU)
        before = torch.cat([p.detach().flatten().clone() for p in model.parameters()])
        loop.update(model, optimizer, recipe, 0, inputs, labels)
        moved = torch.cat([p.detach().flatten() for p in model.parameters()]) - before
        assert (moved.norm().item() <= 0.0101) is bounded


# The recipe


def test_the_learning_rate_rises_over_the_warm_up_and_then_stays() -> None:
    recipe = Recipe(learning_rate=0.11, warmup=10)
    rates = [recipe.rate(step) for step in range(13)]
    assert rates[0] == pytest.approx(0.01) and rates[9] == pytest.approx(0.1)
    assert rates[10] == rates[11] == rates[12] == 0.11
    assert Recipe(warmup=0).rate(0) == 0.03


@pytest.mark.parametrize(
    "fields", [{"steps": 0}, {"batch": 1}, {"learning_rate": 0}, {"learning_rate": float("nan")}, {"speed": 1}]
)
def test_a_recipe_outside_its_bounds_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Recipe.model_validate(fields)


def test_without_norms_the_default_recipe_is_the_one_that_trains() -> None:
    network = small(norm="none", repeat=2)
    recipe = Recipe.default_for(network)
    assert (recipe.optimizer, recipe.learning_rate, recipe.clip) == ("adamw", 1e-3, 1.0)
    assert "no norm" in reason_for(network)
    assert Recipe.default_for(small()) == Recipe() and reason_for(small()) == ""
    finished = list(train(network, recipe.model_copy(update={"steps": 100})))[-1]
    assert isinstance(finished, Finished) and finished.test_accuracy > 0.6


# Copies


def test_depth_counts_weighted_layers_on_the_longest_way_as_the_papers_do() -> None:
    names = ("cifar_resnet20", "cifar_resnet56", "cifar_resnet110_b", "resnet18", "resnet50", "resnet152", "googlenet")
    assert [depth(analyze(presets.load(name))) for name in names] == [20, 56, 110, 18, 50, 152, 22]


def test_deepening_raises_repeats_until_the_effect_can_be_seen() -> None:
    shallow = presets.load("digits_resnet20")
    deeper = deepen(shallow)
    assert depth(analyze(deeper)) == DEEPENED
    assert deeper.blocks == presets.load("digits_resnet56").blocks
    assert deepen(deeper) == deeper
    assert deepen(presets.load("googlenet")) == presets.load("googlenet")  # nothing in it can be deepened


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet152", "googlenet", "inception_v3", "article"])
def test_an_adapted_copy_is_small_grey_and_has_ten_classes(name: str) -> None:
    network = presets.load(name)
    copy = adapted_copy(network)
    report = analyze(copy)
    assert copy.input.channels == 1 and copy.input.height <= 96
    assert report.output_shape == (10,)
    assert report.macs < analyze(network).macs / 10
    assert copy.name.endswith("adapted")
    assert [block.kind for block in copy.blocks if block.family in ("residual", "inception")] == [
        block.kind for block in network.blocks if block.family in ("residual", "inception")
    ]


def test_a_small_adapted_copy_learns() -> None:
    network = small().apply({"op": "input", "shape": [3, 64, 64]})
    finished = list(train(adapted_copy(network), Recipe(steps=60)))[-1]
    assert isinstance(finished, Finished) and finished.test_accuracy > 0.5


# The estimate


def test_the_estimate_counts_the_memory_that_the_report_counts() -> None:
    network, recipe = presets.load("digits_resnet20"), Recipe()
    measured = measure(network, recipe, CPU)
    assert isinstance(measured, Measured)
    counted = analyze(network, batch=recipe.batch).memory(recipe.optimizer).total
    assert measured.bytes == pytest.approx(counted, rel=0.03)  # the batch's own images and labels come on top


def test_the_estimate_grows_with_steps_and_tests() -> None:
    measured = Measured(build_seconds=1, step_seconds=0.1, evaluation_seconds=0.5, bytes=1)
    assert measured.seconds(Recipe(steps=100)) == pytest.approx(11.5)
    assert measured.seconds(Recipe(steps=200, evaluations=3)) == pytest.approx(22.5)


def test_a_network_that_does_not_fit_is_refused_before_it_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.training.device.free_bytes", lambda on: 1_000_000)
    refused = measure(presets.load("digits_resnet56"), Recipe(), CPU)
    assert isinstance(refused, Failed)
    assert "0.1 GB" in refused.reason or "0.0 GB" in refused.reason
    assert "A smaller batch or input needs less" in refused.reason


def test_what_cannot_be_trained_is_refused_by_the_estimate_too() -> None:
    refused = measure(small(2).remove(3), Recipe(), CPU)
    assert isinstance(refused, Failed) and "ends in a map" in refused.reason


# The weights in the box


@pytest.mark.parametrize("name", ["digits_resnet20", "digits_resnet56", "digits_resnet56_plain"])
def test_the_weights_in_the_box_reach_their_recorded_accuracy(name: str) -> None:
    network, state = box.load(name)
    record = box.records()[name]
    model = network.build(seed=3)
    model.load_state_dict(state)
    images = data.Prepared(data.load(record.recipe.data), network.input, CPU)
    _, logits = loop.predict(model, images)
    share = (logits.argmax(1) == images.test_labels).float().mean().item()
    assert record.test_images == len(logits) == 360
    assert share == pytest.approx(record.test_accuracy, abs=1.5 / 360)  # one image may tip on another machine


def test_the_box_holds_the_opening_network_and_its_twin_and_is_small() -> None:
    opening = presets.load("digits_resnet56")
    assert box.find(opening) == "digits_resnet56"
    assert box.find(opening.plain()) == "digits_resnet56_plain"
    assert box.find(presets.load("digits_resnet20")) == "digits_resnet20"
    assert box.find(small()) is None
    assert sum(file.stat().st_size for file in box.FOLDER.glob("*.pt")) < 4_000_000
    ours, twin = (box.records()[name].recipe for name in ("digits_resnet56", "digits_resnet56_plain"))
    assert ours == twin == Recipe()


def test_packing_keeps_weights_to_float16_and_refuses_what_does_not_fit() -> None:
    state = small(2).build().state_dict()
    state["0.layers.0.norm.running_var"][0] = 1e6
    again = box.unpack(box.pack(state))
    assert again.keys() == state.keys()
    assert again["0.layers.0.norm.running_var"][0] == 1e6
    for name, tensor in state.items():
        torch.testing.assert_close(again[name], tensor, rtol=1e-3, atol=1e-6)
    with pytest.raises(ValueError, match="too large"):
        box.pack({"weight": torch.tensor([1e6]), "running_mean": torch.zeros(1)})


def test_what_is_not_in_the_box_is_refused_with_the_names_that_are() -> None:
    with pytest.raises(ValueError, match="there are: digits_resnet20, digits_resnet56, digits_resnet56_plain"):
        box.load("../secret")


# The words


def _finished(train_loss: float, test_accuracy: float, train_accuracy: float = 0.5) -> Finished:
    fields = {"train_loss": train_loss, "test_accuracy": test_accuracy, "train_accuracy": train_accuracy}
    rest = {
        "seconds": 1,
        "cpu_seconds": 1,
        "test_loss": 1,
        "confusion": ((0,) * 10,) * 10,
        "wrong": (),
        "wrong_count": 0,
    }
    return Finished.model_validate(fields | rest)


def test_the_difference_says_what_the_twin_lost() -> None:
    # two projections: 16·32 + 2·32 and 32·64 + 2·64 parameters; 16·32·16 and 32·64·4 MACs
    gap = difference(presets.load("digits_resnet56"))
    assert (gap.shortcuts, gap.projections, gap.depth) == (27, 2, 56)
    assert gap.params[0] - gap.params[1] == 576 + 2176
    assert gap.macs[0] - gap.macs[1] == 8192 + 8192
    assert "27 shortcuts, 2 of them with weights: −2,752 parameters" in gap.sentence()


def test_a_network_without_shortcuts_is_its_own_twin() -> None:
    gap = difference(presets.load("googlenet"))
    assert gap.same and gap.sentence() == "This network has no shortcuts: its plain twin is the same network."


def test_weights_of_another_width_are_not_called_equal() -> None:
    grows = blocks.Residual(width=16, merge="concat")
    network = Network(input=Shape(1, 8, 8), blocks=(blocks.Stem(form="cifar", channels=16), grows, blocks.Classifier()))
    gap = difference(network)
    assert (gap.shared, gap.reshaped) == (12, 2)  # the twin's last layer reads 16 channels, not 32
    assert "12 common tensors" in gap.sentence() and "2 have another width there" in gap.sentence()
    assert first_weights_that_differ(network, seed=3) == ()


def test_a_twin_that_does_not_fit_together_is_refused_in_words() -> None:
    grows, fixed = blocks.Residual(width=16, merge="concat"), blocks.IdentityMapping(channels=32)
    stack = (blocks.Stem(form="cifar", channels=16), grows, fixed, blocks.Classifier())
    assert "Without its shortcuts the stack does not fit together: block 3" in twin_refusal(
        Network(input=Shape(1, 8, 8), blocks=stack)
    )
    assert "no shortcuts" in twin_refusal(presets.load("digits_resnet56").plain())
    assert twin_refusal(presets.load("digits_resnet56")) == ""


def test_the_verdict_says_what_was_seen_and_no_more() -> None:
    gap, recipe = difference(presets.load("digits_resnet56")), Recipe()
    slower = verdict(_finished(0.06, 0.95), _finished(1.73, 0.18), recipe, gap)
    assert "0.06 with shortcuts and 1.73 without; 95.0% and 18.0%" in slower
    assert "learned more slowly" in slower and "One seed (0)" in slower and "where each would end" in slower
    assert "degradation" not in slower
    assert "equally fast" in verdict(_finished(0.06, 0.95), _finished(0.08, 0.94), recipe, gap)
    assert "without shortcuts learned faster" in verdict(_finished(2.0, 0.2), _finished(1.0, 0.6), recipe, gap)
    assert "Neither learned" in verdict(_finished(6e18, 0.1), _finished(5e4, 0.1), recipe, gap)
    assert "The network with shortcuts did not learn" in verdict(_finished(111, 0.1), _finished(2.0, 0.2), recipe, gap)
    assert "Neither has learned much yet" in verdict(_finished(2.29, 0.1), _finished(2.31, 0.1), recipe, gap)


def test_the_verdict_on_a_shallow_network_says_that_it_is_too_shallow() -> None:
    shallow = difference(presets.load("digits_resnet20"))
    text = verdict(_finished(0.008, 0.98), _finished(0.12, 0.93), Recipe(), shallow)
    assert "With 20 weighted layers both kinds learn well" in text and "from about 44 on" in text
    assert "weighted layers" not in verdict(
        _finished(0.06, 0.95), _finished(1.7, 0.2), Recipe(), difference(presets.load("digits_resnet56"))
    )


def test_lagging_statistics_are_named_where_they_explain_the_test_accuracy() -> None:
    gap = difference(presets.load("digits_resnet56"))
    lagging = verdict(_finished(0.06, 0.95, 0.97), _finished(1.6, 0.18, 0.4), Recipe(), gap)
    assert "running statistics" in lagging
    assert "running statistics" not in verdict(_finished(0.06, 0.95, 0.97), _finished(1.6, 0.35, 0.4), Recipe(), gap)
