"""Makes the weights in the box: ResNet-20 and the twins of depth 56, on digits. About a minute on one core."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import torch

from explorer import presets
from explorer.network import Network
from explorer.training import data
from explorer.training.box import FOLDER, Trained, pack, unpack
from explorer.training.events import Finished
from explorer.training.loop import predict, result, train
from explorer.training.recipe import Recipe

CPU = torch.device("cpu")


def make(network: Network, recipe: Recipe, path: Path) -> Trained:
    """Trains, writes the weights to `path`, and measures what was written."""
    with TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "weights.pt"
        *_, finished = train(network, recipe, on=CPU, checkpoint=checkpoint)
        if not isinstance(finished, Finished):
            sys.exit(f"{network.name}: {finished}")
        packed = Path(folder) / path.name
        torch.save(pack(torch.load(checkpoint, weights_only=True)), packed)
        with ZipFile(packed) as stored, ZipFile(path, "w", ZIP_DEFLATED, compresslevel=9) as deflated:
            for entry in stored.namelist():  # a tenth smaller, and torch reads it as it is
                deflated.writestr(ZipInfo(entry), stored.read(entry), ZIP_DEFLATED)
    model = network.build()
    model.load_state_dict(unpack(torch.load(path, weights_only=True)))
    images = data.Prepared(data.load(recipe.data), network.input, CPU)
    loss, logits = predict(model, images)
    history = [(finished.train_loss, finished.train_accuracy)]
    spent = (finished.seconds, finished.cpu_seconds)
    return Trained(
        network=network,
        recipe=recipe,
        torch=torch.__version__,
        steps_cpu_seconds=round(finished.cpu_seconds, 1),
        train_loss=round(finished.train_loss, 4),
        test_accuracy=(logits.argmax(1) == images.test_labels).float().mean().item(),
        test_images=len(images.test_labels),
        result=result(loss, logits, images.test_labels, history, images.classes, spent),
    )


def main() -> None:
    """Makes all of them and their record."""
    torch.set_num_threads(1)  # the digits of a sum depend on it
    deep = presets.load("digits_resnet56")
    box = {
        "digits_resnet20": (presets.load("digits_resnet20"), Recipe(steps=300)),
        "digits_resnet56": (deep, Recipe()),
        "digits_resnet56_plain": (deep.plain(), Recipe()),
    }
    records = {}
    for name, (network, recipe) in box.items():
        trained = make(network, recipe, FOLDER / f"{name}.pt")
        records[name] = trained.model_dump(mode="json")
        print(f"{name}: {recipe.words()}; training loss {trained.train_loss:.3f}, test {trained.test_accuracy:.1%}")
    (FOLDER / "recipe.json").write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
