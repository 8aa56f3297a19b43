"""The training of a network by a recipe as one file of Python that needs only torch, and for digits scikit-learn.

Other images lie in a file beside it, which `images_file` writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from textwrap import indent, wrap
from typing import Any

import torch
from torch import nn

from explorer.block import Block
from explorer.export.calls import Call
from explorer.export.gather import Import, begun, clean, visible
from explorer.export.source import module_source, zero_lines
from explorer.network import Network, is_normless
from explorer.report import analyze
from explorer.training import augment, data, device, initial, schedule
from explorer.training.loop import EVALUATION_BATCH, LEAST_CHANNELS, obstacle, wide
from explorer.training.recipe import Recipe

DIGITS = "digits"
TEST_IMAGES = 360  # of the digits

LOAD = f'''
def load_images() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """scikit-learn's digits as uint8, split into images and labels to train on and to test with."""
    digits = load_digits()
    pixels = (torch.from_numpy(digits.data) * 255 / 16).round().to(torch.uint8).reshape(-1, 1, 8, 8)
    labels = torch.from_numpy(digits.target)
    train, test = stratified_split(labels, {TEST_IMAGES})
    return pixels[train], labels[train], pixels[test], labels[test]
'''

READ = '''
def load_images() -> tuple[Tensor, ...]:
    """Images (N, C, H, W) and labels to train on and to test with, their mean and deviation, from beside this file."""
    names = ("train_images", "train_labels", "test_images", "test_labels", "mean", "deviation")
    parts = torch.load(Path(__file__).with_name(IMAGES), weights_only=True)
    return tuple(parts[name].long() if name.endswith("labels") else parts[name] for name in names)
'''

TEST = '''
@torch.no_grad()
def count_right(network: Network, images: Iterable[Tensor], labels: Tensor) -> int:
    """How many test images are predicted right, by the statistics that the norms have gathered."""
    network.eval()
    guesses = torch.cat([network(part).argmax(1) for part in images])
    network.train()
    return int((guesses == labels).sum())


def main() -> None:
    """Trains and keeps the weights, a state dict, beside this file."""
    other = "mps" if torch.backends.mps.is_available() else "cpu"
    device = torch.device("cuda" if torch.cuda.is_available() else other)
    network = Network(SEED)
    for step, loss in enumerate(train(network, device), start=1):
        print(f"step {step}: loss {loss:.6f}")
    file = Path(__file__).with_suffix(".pt")
    torch.save(network.cpu().state_dict(), file)
    print(f"weights: {file}")


if __name__ == "__main__":
    main()
'''


def training_script(network: Network, recipe: Recipe | None = None) -> str:
    """The file: the network as `python_source` writes it, the images, and the loop of `explorer/training/loop.py`.

    On one thread of a CPU its losses are those of `explorer.training.train`, to the last digit. Raises ShapeError, and
    ValueError where the network cannot be trained on the recipe's images.
    """
    recipe = recipe or Recipe.default_for(network)
    facts = data.facts(recipe.data)
    refusal = obstacle(network, len(facts.classes)) or unfollowed(network, recipe)
    if refusal:
        raise ValueError(refusal)
    words = recipe.words()
    told = (
        f"{words[:1].upper()}{words[1:]}. Split, order, first weights and updates are those of Architecture Explorer, "
        "which wrote this file; on a CPU with OMP_NUM_THREADS=1 so are all losses."
    )
    what, needs = visible(network.name) or "a convolutional network", "PyTorch and scikit-learn"
    images = "digits"
    if recipe.data != DIGITS:
        images, needs = clean(facts.subject, 40), "PyTorch"
        told += f" The images lie beside it, in {images_name(recipe)}."
    opening = [
        begun(f"Trains {what} on {images}; needs {needs}."),
        "",
        *wrap(told, 118),
        '"""',
    ]
    source = module_source(analyze(network), imports(recipe), list(constants(network, recipe)), used(recipe))
    training = "\n".join(training_lines(network, recipe))
    return "\n".join((*opening, "", source, LOAD if recipe.data == DIGITS else READ, training, TEST))


def images_name(recipe: Recipe) -> str:
    """What the file of the recipe's images is called; empty where the script needs none."""
    if recipe.data == DIGITS:
        return ""
    return f"images_{re.sub(r'[^a-z0-9]+', '_', recipe.data.lower()).strip('_')[:60]}.pt"


def images_file(recipe: Recipe) -> bytes:
    """The images that the script reads, as `torch.save` writes tensors. Raises ValueError or OSError."""
    images = data.load(recipe.data)
    names = ("train_images", "train_labels", "test_images", "test_labels")
    mean, deviation = (torch.as_tensor(one) for one in images.normalisation())
    file = BytesIO()
    torch.save({**{name: getattr(images, name) for name in names}, "mean": mean, "deviation": deviation}, file)
    return file.getvalue()


def unfollowed(network: Network, recipe: Recipe) -> str:
    """What of the recipe the file does not follow, as a sentence; empty where it follows all."""
    sharing: dict[str, set[bool]] = {}
    for block in network.blocks:
        if block.shared_name:
            sharing.setdefault(block.shared_name, set()).add(is_normless(block))
    if recipe.initialisation == "dirac" and any(len(kinds) > 1 for kinds in sharing.values()):
        return "The training script has no dirac weights where blocks with a norm share W with blocks without."
    return ""


def imports(recipe: Recipe) -> list[Import]:
    """What the loop needs besides the network."""
    needed = [
        Import("collections.abc", "Iterable"),
        Import("collections.abc", "Iterator"),
        Import("pathlib", "Path"),
        Import("torch", "Tensor"),
    ]
    if recipe.data == DIGITS:
        needed.append(Import("sklearn.datasets", "load_digits"))
    if recipe.seconds is not None:
        needed += [Import("itertools", "count"), Import("time", "perf_counter")]
    return needed


def used(recipe: Recipe) -> list[Any]:
    """The package's own functions and classes that the loop calls."""
    things: list[Any] = [data.batch_order, data.as_images, schedule.warmed]
    if recipe.data == DIGITS:
        things.append(data.stratified_split)
    if recipe.schedule != "constant":
        things.append(schedule.factor)
    if augments(recipe):
        things.append(augment.Augmentation)
    if recipe.precision == "bf16":
        things.append(device.computes_bf16)
    if recipe.initialisation == "dirac":
        things.append(initial.passes_on)
    return things


def augments(recipe: Recipe) -> bool:
    """Whether the images are changed at random."""
    return bool(augment.Augmentation.of(recipe))


def constants(network: Network, recipe: Recipe) -> Iterator[str]:
    """The recipe, as far as it is numbers."""
    yield f"SHAPE = {tuple(network.input)}  # channels, height and width of the images"
    if recipe.data != DIGITS:
        yield f'IMAGES = "{images_name(recipe)}"'
    if recipe.seconds is None:
        yield f"STEPS = {recipe.steps}"
    else:
        yield f"SECONDS = {recipe.seconds!r}  # after which the run ends"
    yield f"BATCH = {recipe.batch}"
    yield f"LEARNING_RATE = {recipe.learning_rate!r}"
    yield f"WARMUP = {recipe.warmup}  # steps over which the learning rate rises to its value"
    if recipe.schedule != "constant":
        yield f'SCHEDULE = "{recipe.schedule}"'
    yield f"WEIGHT_DECAY = {recipe.weight_decay!r}"
    if recipe.optimizer == "sgd":
        yield f"MOMENTUM = {recipe.momentum!r}"
    if recipe.clip is not None:
        yield f"CLIP = {recipe.clip!r}  # gradients longer than this are shortened to it"
    if recipe.smoothing:
        yield f"SMOOTHING = {recipe.smoothing!r}  # the share of each label that is spread over all classes"
    yield f"TESTS = {recipe.evaluations}  # how often the test images are predicted, evenly spread"
    yield f"SEED = {recipe.seed}  # of the first weights and of the order of the images"


def training_lines(network: Network, recipe: Recipe) -> Iterator[str]:
    """The first weights of the recipe where they are its own, and the loop."""
    starts = list(start_lines(network, recipe))
    if starts:
        yield "\n@torch.no_grad()"
        yield "def start(network: Network) -> None:"
        yield f'    """First weights of the recipe ({recipe.initialisation}), over those that are drawn."""'
        yield indent("\n".join(starts), " " * 4) + "\n"
    yield "\ndef train(network: Network, device: torch.device) -> Iterator[float]:"
    yield '    """Updates the weights by the recipe and gives the loss of each step; tells how many tests are right."""'
    if starts:
        yield "    start(network)"
    if recipe.data == DIGITS:
        yield "    pixels, labels, test_pixels, test_labels = (part.to(device) for part in load_images())"
        yield "    mean, deviation = pixels.float().mean().item(), pixels.float().std().item()"
    else:
        yield "    parts = [part.to(device) for part in load_images()]"
        yield "    pixels, labels, test_pixels, test_labels, mean, deviation = parts"
    yield "    size = len(labels)"
    yield "    batch = min(BATCH, size)"
    yield "    network.to(device).train()"
    yield '    if device.type == "cuda":'
    yield "        network.to(memory_format=torch.channels_last)"
    if recipe.channels_last and wide(network.skeleton(), network):
        yield '    elif device.type == "cpu":'
        yield "        for layer in network.modules():"
        yield f"            if isinstance(layer, nn.Conv2d) and layer.in_channels >= {LEAST_CHANNELS}:"
        yield "                layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)"
    model = "network"
    if recipe.compile:
        model = "fast"
        yield '    fast = torch.compile(network) if device.type == "cuda" else network'
    yield "    torch.manual_seed(SEED)  # what dropout draws from"
    yield from optimizer_lines(recipe)
    if augments(recipe):
        changes = [(name, repr(value)) for name in ("flip", "crop", "cutout") if (value := getattr(recipe, name))]
        yield f"    augmentation = {Call('Augmentation', tuple(changes)).flat()}"
    yield ""
    yield "    def test(step: int) -> None:"
    yield f"        parts = (as_images(part, mean, deviation, SHAPE) for part in test_pixels.split({EVALUATION_BATCH}))"
    yield "        right = count_right(network, parts, test_labels)"
    yield '        print(f"step {step}: {right} of {len(test_labels)} test images are right")'
    yield ""
    yield from loop_lines(recipe, model)


def start_lines(network: Network, recipe: Recipe) -> Iterator[str]:
    """What `explorer/training/initial.py` does to the first weights."""
    if recipe.initialisation == "dirac":
        yield "for layer in network.modules():"
        yield "    if isinstance(layer, nn.Conv2d) and passes_on(layer) and layer.weight.any():"
        yield "        nn.init.dirac_(layer.weight, layer.groups)"
    elif recipe.initialisation == "zero-last":
        model = network.skeleton()
        last = {id(layer) for layer in initial.last_of_branches(model, network)}

        def places(block: Block, copy: nn.Module) -> list[str]:
            return [place for place, layer in copy.named_modules() if id(layer) in last]

        yield from zero_lines(network, model, places, "network")


def optimizer_lines(recipe: Recipe) -> Iterator[str]:
    """The optimiser, with or without norms and biases among what decays."""
    parameters = "network.parameters()"
    if not recipe.decay_all:
        parameters = "groups"
        yield "    groups = ["
        yield '        {"params": [one for one in network.parameters() if one.dim() > 1]},'
        yield '        {"params": [one for one in network.parameters() if one.dim() <= 1], "weight_decay": 0.0},'
        yield "    ]"
    settings = [("lr", "LEARNING_RATE"), ("weight_decay", "WEIGHT_DECAY"), ("fused", "True")]
    if recipe.optimizer == "sgd":
        settings[1:1] = [("momentum", "MOMENTUM")]
        settings += [("nesterov", "True")] if recipe.nesterov and recipe.momentum > 0 else []
    call = Call("torch.optim.SGD" if recipe.optimizer == "sgd" else "torch.optim.AdamW", (("", parameters), *settings))
    yield from call.lines(4, "optimizer = ")


def loop_lines(recipe: Recipe, model: str) -> Iterator[str]:
    """The steps, as many as the recipe says or as its time allows."""
    scheduled = recipe.schedule != "constant"
    if recipe.seconds is None:
        yield "    tests = {round(STEPS * part / TESTS) for part in range(1, TESTS + 1)}"
        yield "    for step in range(STEPS):"
    else:
        yield "    began, tested = perf_counter(), 0"
        yield "    for step in count():"
        yield "        share = (perf_counter() - began) / SECONDS"
        yield "        if int(min(1.0, share) * TESTS) > tested:"
        yield "            tested += 1"
        yield "            test(step)"
        yield "        if share >= 1:"
        yield "            break"
    yield "        epoch, place = divmod(step, size // batch)"
    yield "        if place == 0:"
    yield "            order = batch_order(SEED, epoch, size).to(device)"
    if augments(recipe):
        yield "            drawn = augmentation.draw(SEED, epoch, size, *SHAPE[1:]).to(device)"
    yield "        part = slice(place * batch, (place + 1) * batch)"
    yield "        images, answers = as_images(pixels[order[part]], mean, deviation, SHAPE), labels[order[part]]"
    if augments(recipe):
        yield "        images = augmentation.apply(images, drawn[part])"
    share = "share" if recipe.seconds is not None else "step / STEPS"
    factor = f" * factor(SCHEDULE, {share})" if scheduled else ""
    yield "        for group in optimizer.param_groups:"
    yield f'            group["lr"] = LEARNING_RATE * warmed(step, WARMUP){factor}'
    smoothing = ", label_smoothing=SMOOTHING" if recipe.smoothing else ""
    if recipe.precision == "bf16":
        yield "        with torch.autocast(device.type, torch.bfloat16, enabled=computes_bf16(device)):"
        yield f"            logits = {model}(images)"
        yield f"        loss = nn.functional.cross_entropy(logits.float(), answers{smoothing})"
    else:
        yield f"        loss = nn.functional.cross_entropy({model}(images), answers{smoothing})"
    yield "        optimizer.zero_grad()"
    yield "        loss.backward()"
    if recipe.clip is not None:
        yield "        nn.utils.clip_grad_norm_(network.parameters(), CLIP)"
    yield "        optimizer.step()"
    yield "        yield loss.item()"
    if recipe.seconds is None:
        yield "        if step + 1 in tests:"
        yield "            test(step + 1)"
    yield ""
