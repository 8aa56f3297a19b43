"""Weights at hand for a network, from all four sources, and nothing that does not fit."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from explorer import Network, Shape, blocks, presets
from explorer.runs import Manager
from explorer.training import box
from explorer.training.recipe import Recipe
from explorer.ui import carried
from explorer.weights import fitted

TINY = Network(
    name="Tiny",
    input=Shape(1, 8, 8),
    blocks=(blocks.Stem(form="cifar", channels=4), blocks.Basic(channels=4), blocks.Classifier(classes=10)),
)


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """A run store of the test's own."""
    made = Manager(tmp_path / "runs", workers=1)
    monkeypatch.setattr(carried, "manager", lambda: made)
    yield made
    made.close()


def same(one: dict, other: dict) -> bool:
    return list(one) == list(other) and all(torch.equal(one[key], other[key]) for key in one)


def test_random_weights_are_those_of_the_seed(manager: Manager) -> None:
    [only] = carried.at_hand(TINY)
    assert only == carried.Weights("random:0", "Random weights, seed 0", random=True)
    assert same(carried.load(TINY, "random:0"), TINY.build().state_dict())
    assert same(carried.load(TINY, "random:7"), TINY.build(seed=7).state_dict())
    assert not same(carried.load(TINY, "random:7"), carried.load(TINY, "random:0"))


@pytest.mark.parametrize("name", list(box.records()))
def test_trained_weights_come_with_the_app(name: str, manager: Manager) -> None:
    network = box.records()[name].network
    boxed, _ = carried.at_hand(network)
    assert boxed.key == f"box:{name}" and not boxed.random
    assert boxed.title == f"Trained on digits, {box.records()[name].test_accuracy:.1%} (comes with the app)"
    assert same(carried.load(network, boxed.key), fitted(network, box.load(name)[1]))


def test_a_finished_run_is_found_by_its_network_alone(manager: Manager) -> None:
    run_id = manager.submit(TINY, Recipe(steps=2, evaluations=1))
    assert manager.wait(run_id, 60)
    run = manager.read(run_id)
    assert run is not None and run.finished is not None
    renamed = TINY.model_copy(update={"name": "Of another name"})
    found, _ = carried.at_hand(renamed)
    assert found.key == f"run:{run_id}"
    assert found.title.startswith("Run of ") and found.title.endswith(f", test {run.finished.test_accuracy:.1%}")
    state = carried.load(renamed, found.key)
    assert same(state, torch.load(run.checkpoint, weights_only=True))
    TINY.build().load_state_dict(state)
    assert len(carried.at_hand(TINY.remove(1))) == 1
    with pytest.raises(ValueError, match="these weights are of another network: "):
        carried.load(TINY.remove(1), found.key)
    run.checkpoint.unlink()
    assert len(carried.at_hand(TINY)) == 1
    with pytest.raises(ValueError, match="the weights of this run are gone"):
        carried.load(TINY, found.key)


def test_opened_weights_are_kept_under_their_title(manager: Manager) -> None:
    state = TINY.build(seed=3).state_dict()
    key = carried.keep(TINY, state, "my\nweights <b>.pth")
    found, _ = carried.at_hand(TINY)
    assert found == carried.Weights(key, "my weights <b>.pth")
    assert same(carried.load(TINY, key), state)
    assert carried.keep(TINY, state, "again.pth") == key  # the same content is one file
    assert [one.title for one in carried.at_hand(TINY)] == ["again.pth", "Random weights, seed 0"]
    assert len(carried.at_hand(TINY.remove(1))) == 1
    another = carried.keep(TINY, TINY.build(seed=4).state_dict(), "x" * 100)
    assert [one.key for one in carried.at_hand(TINY)] == [another, key, "random:0"]
    assert carried.at_hand(TINY)[0].title == "x" * 59 + "…"


def test_only_so_many_files_and_bytes_are_kept(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carried, "KEPT_FILES", 3)
    keys = [carried.keep(TINY, TINY.build(seed=seed).state_dict(), f"{seed}.pth") for seed in range(5)]
    assert [one.key for one in carried.at_hand(TINY)][:-1] == keys[:1:-1]
    with pytest.raises(ValueError, match="these weights are no longer kept; open their file again"):
        carried.load(TINY, keys[0])
    monkeypatch.setattr(carried, "KEPT_BYTES", 1)
    last = carried.keep(TINY, TINY.build(seed=9).state_dict(), "9.pth")
    assert [one.key for one in carried.at_hand(TINY)] == [last, "random:0"]
    assert len(list((manager.store.directory / "weights").iterdir())) == 1


def test_weights_that_do_not_fit_are_refused_by_name(manager: Manager) -> None:
    state = dict(TINY.build().state_dict())
    for change, sentence in (
        ({"2.fc.weight": torch.ones(10, 5)}, "'2.fc.weight' should be of shape 10×4, got 10×5"),
        ({"2.fc.bias": torch.ones(10).long()}, "'2.fc.bias' should be of shape 10, got 10"),
        ({"more": torch.ones(1)}, "it has no 'more'"),
    ):
        with pytest.raises(ValueError, match=f"^these weights are of another network: {sentence}"):
            carried.keep(TINY, {**state, **change}, "w.pth")
    del state["2.fc.bias"]
    with pytest.raises(ValueError, match=r"they lack '2.fc.bias', of shape 10"):
        carried.keep(TINY, state, "w.pth")
    assert len(carried.at_hand(TINY)) == 1


@pytest.mark.parametrize(
    "key", ["", "random:", "random:-1", "random:1e3", "box:../x", "run:../../etc", "file:../../x", "file:*", "odd:1"]
)
def test_a_bad_key_is_refused(key: str, manager: Manager) -> None:
    with pytest.raises(ValueError, match="there are no weights of that name"):
        carried.load(TINY, key)


def test_a_damaged_file_is_refused_and_still_listed(manager: Manager) -> None:
    key = carried.keep(TINY, TINY.build(seed=3).state_dict(), "w.pth")
    [path] = (manager.store.directory / "weights").iterdir()
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match=r"w\.pth is cut short"):
        carried.load(TINY, key)
    path.write_bytes(b"odd")
    assert carried.at_hand(TINY)[0].title == "Opened weights"


def test_half_precision_becomes_single(manager: Manager) -> None:
    network = presets.load("digits_resnet20")
    half = {
        name: value.half() if value.is_floating_point() else value
        for name, value in network.build().state_dict().items()
    }
    key = carried.keep(network, half, "half.pth")
    assert all(value.dtype != torch.float16 for value in carried.load(network, key).values())
