"""The training of a network by a recipe as one file of Python that needs only torch and scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator

from explorer.export.calls import Call
from explorer.export.gather import Import, clean
from explorer.export.source import module_source
from explorer.network import Network
from explorer.report import analyze
from explorer.training import data
from explorer.training.loop import EVALUATION_BATCH, obstacle
from explorer.training.recipe import Recipe

CLASSES = 10
TEST_IMAGES = 360
# The fields that the file follows; a recipe that sets another one is refused.
FOLLOWED = {"steps", "batch", "optimizer", "learning_rate", "momentum", "weight_decay", "warmup", "clip", "seed"}
FOLLOWED |= {"evaluations"}

DIGITS = '''
def load_images() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """scikit-learn's digits as uint8, split into images and labels to train on and to test with."""
    digits = load_digits()
    pixels = (torch.from_numpy(digits.data) * 255 / 16).round().to(torch.uint8).reshape(-1, 1, 8, 8)
    labels = torch.from_numpy(digits.target)
    train, test = stratified_split(labels, {test_images})
    return pixels[train], labels[train], pixels[test], labels[test]
'''

TRAINING = '''
def train(network: Network, device: torch.device) -> Iterator[float]:
    """Updates the weights by the recipe and gives the loss of each step; tells how the test images are predicted."""
    pixels, labels, test_pixels, test_labels = (part.to(device) for part in load_images())
    mean, deviation = pixels.float().mean().item(), pixels.float().std().item()
    size = len(labels)
    batch = min(BATCH, size)
    network.to(device).train()
    if device.type == "cuda":
        network.to(memory_format=torch.channels_last)
    torch.manual_seed(SEED)  # what dropout draws from
    tests = {{round(STEPS * part / TESTS) for part in range(1, TESTS + 1)}}
{optimizer}
    for step in range(STEPS):
        epoch, place = divmod(step, size // batch)
        if place == 0:
            order = batch_order(SEED, epoch, size).to(device)
        chosen = order[place * batch : (place + 1) * batch]
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / (WARMUP + 1))
        logits = network(as_images(pixels[chosen], mean, deviation, SHAPE))
        loss = nn.functional.cross_entropy(logits, labels[chosen])
        optimizer.zero_grad()
        loss.backward(){clipping}
        optimizer.step()
        yield loss.item()
        if step + 1 in tests:
            right = sum(
                (predict(network, as_images(part, mean, deviation, SHAPE)) == answers).sum().item()
                for part, answers in zip(test_pixels.split({evaluation}), test_labels.split({evaluation}), strict=True)
            )
            print(f"step {{step + 1}}: {{right}} of {{len(test_labels)}} test images are right")


@torch.no_grad()
def predict(network: Network, images: Tensor) -> Tensor:
    """The likeliest class of each image, by the statistics that the norms have gathered."""
    network.eval()
    classes = network(images).argmax(1)
    network.train()
    return classes


def main() -> None:
    """Trains and keeps the weights, a state dict, beside this file."""
    other = "mps" if torch.backends.mps.is_available() else "cpu"
    device = torch.device("cuda" if torch.cuda.is_available() else other)
    network = Network(SEED)
    for step, loss in enumerate(train(network, device), start=1):
        print(f"step {{step}}: loss {{loss:.6f}}")
    file = Path(__file__).with_suffix(".pt")
    torch.save(network.cpu().state_dict(), file)
    print(f"weights: {{file}}")


if __name__ == "__main__":
    main()
'''


def training_script(network: Network, recipe: Recipe | None = None) -> str:
    """The file: the network as `python_source` writes it, the images, and the loop of `explorer/training/loop.py`.

    On one thread of a CPU its losses are those of `explorer.training.train`, to the last digit. Raises ShapeError, and
    ValueError where the network cannot be trained on the recipe's images.
    """
    recipe = recipe or Recipe.default_for(network)
    refusal = obstacle(network, CLASSES) or unfollowed(recipe)
    if refusal:
        raise ValueError(refusal)
    title = clean(network.name, 60) or "a convolutional network"
    opening = (
        f'"""Trains {title} on handwritten digits; needs PyTorch and scikit-learn.',
        "",
        f"{recipe.words()[:1].upper()}{recipe.words()[1:]}. Split, order, first weights and updates",
        "are those of Architecture Explorer, which wrote this file; with OMP_NUM_THREADS=1 on a CPU so are all losses.",
        '"""',
    )
    imports = [
        Import("collections.abc", "Iterator"),
        Import("pathlib", "Path"),
        Import("sklearn.datasets", "load_digits"),
        Import("torch", "Tensor"),
    ]
    constants = list(_constants(network, recipe))
    others = (data.stratified_split, data.batch_order, data.as_images)
    return "\n".join(
        (
            *opening,
            "",
            module_source(analyze(network), imports, constants, others),
            DIGITS.format(test_images=TEST_IMAGES),
            TRAINING.format(
                optimizer=_optimizer(recipe),
                clipping=_clipping(recipe),
                evaluation=EVALUATION_BATCH,
            ),
        )
    )


def unfollowed(recipe: Recipe) -> str:
    """What of the recipe the file does not follow, as a sentence; empty where it follows all."""
    usual = {name: field.get_default() for name, field in Recipe.model_fields.items() if name not in FOLLOWED}
    others = [name for name, value in usual.items() if getattr(recipe, name) != value]
    said = []
    for name in others:
        value = getattr(recipe, name)
        written = ("off", "on")[value] if isinstance(value, bool) else value
        said.append(f"{(Recipe.model_fields[name].title or name).lower()} {written}")
    return f"The training script does not follow these settings: {', '.join(said)}." if said else ""


def _constants(network: Network, recipe: Recipe) -> Iterator[str]:
    yield f"SHAPE = {tuple(network.input)}  # channels, height and width of the images"
    yield f"STEPS = {recipe.steps}"
    yield f"BATCH = {recipe.batch}"
    yield f"LEARNING_RATE = {recipe.learning_rate!r}"
    yield f"WARMUP = {recipe.warmup}  # steps over which the learning rate rises to its value"
    yield f"WEIGHT_DECAY = {recipe.weight_decay!r}"
    if recipe.optimizer == "sgd":
        yield f"MOMENTUM = {recipe.momentum!r}"
    if recipe.clip is not None:
        yield f"CLIP = {recipe.clip!r}  # gradients longer than this are shortened to it"
    yield f"TESTS = {recipe.evaluations}  # how often the test images are predicted, evenly spread"
    yield f"SEED = {recipe.seed}  # of the first weights and of the order of the images"


def _optimizer(recipe: Recipe) -> str:
    name, momentum = ("SGD", (("momentum", "MOMENTUM"),)) if recipe.optimizer == "sgd" else ("AdamW", ())
    settings = (("lr", "LEARNING_RATE"), *momentum, ("weight_decay", "WEIGHT_DECAY"), ("fused", "True"))
    call = Call(f"torch.optim.{name}", (("", "network.parameters()"), *settings))
    return "\n".join(call.lines(4, "optimizer = "))


def _clipping(recipe: Recipe) -> str:
    return "" if recipe.clip is None else "\n        nn.utils.clip_grad_norm_(network.parameters(), CLIP)"
