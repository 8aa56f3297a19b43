"""The data sets: drawn, published and hostile. What is split stays split, and the same name gives the same bytes."""

import gzip
import pickle
import struct
import tarfile
from collections.abc import Iterator
from hashlib import md5, sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread

import pytest
import torch
from torch import Tensor

from explorer import Network
from explorer.shape import Shape
from explorer.training import data
from explorer.training.augment import Augmentation
from explorer.training.data import cifar, idx, places
from explorer.training.data.download import download
from explorer.training.data.published import Cifar10, FashionMnist, Published
from explorer.training.data.shapes import SHAPES, Shapes, draw
from explorer.training.events import Finished, Started, Step
from explorer.training.loop import train
from explorer.training.recipe import Recipe

CPU = torch.device("cpu")
SMALL = Network.from_json(
    """{"input": [3, 16, 16], "blocks": [{"kind": "stem", "form": "cifar", "channels": 8},
    {"kind": "basic", "channels": 8}, {"kind": "basic", "channels": 16, "stride": 2},
    {"kind": "classifier", "classes": 10}]}"""
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder with nothing in it, and no sets of the machine."""
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(places, "DEBIAN", tmp_path / "debian")
    data.load.cache_clear()
    yield tmp_path / "data"
    data.load.cache_clear()


def digest(*tensors: Tensor) -> str:
    return sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors)).hexdigest()[:16]


def rows(images: Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in images}


# Names


def test_a_name_says_what_is_not_the_default_and_is_read_back() -> None:
    assert Shapes().name == "shapes"
    hard = Shapes(size=64, difficulty=0.75, train=2000)
    assert hard.name == "shapes:size=64,difficulty=0.75,train=2000"
    assert data.source_of(hard.name) == hard
    assert Recipe(data=hard.name).data == hard.name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cats", "no data set is called 'cats'; there are: digits, shapes"),
        ("shapes:size=33", "size=33: Input should be a multiple of 8"),
        ("shapes:difficulty=nan", "difficulty=nan: Input should be a finite number"),
        ("shapes:difficulty=2", "less than or equal to 1"),
        ("shapes:colour=red", "colour=red: Extra inputs are not permitted"),
        ("shapes:size=32,size=64", "says something twice"),
        ("shapes:size=96,train=50000", "51,000 images of 96×96 are more than the 3,640 that are drawn"),
        ("digits:size=8", "Extra inputs"),
        ("own:id=../../../etc", "id=../../../etc: String should match pattern"),
        ("own:id=0123456789abcdef", "the pictures own:id=0123456789abcdef are not in"),
        ("mnist", "MNIST is not on this machine; the Train page and `explorer data download mnist` fetch it (12 MB)"),
        ("cifar10:test=99", "greater than or equal to 100"),
    ],
)
def test_what_cannot_be_had_is_said_in_a_sentence(name: str, said: str) -> None:
    with pytest.raises(ValueError) as refusal:
        data.load(name)
    assert said in str(refusal.value)


@pytest.mark.parametrize("name", ["digits", "shapes:train=300,test=100", "shapes:size=16,difficulty=0,train=100"])
def test_what_is_known_before_reading_is_what_is_read(name: str) -> None:
    known, read = data.facts(name), data.load(name)
    assert (known.name, known.title, known.classes, known.shape) == (read.name, read.title, read.classes, read.shape)
    assert (known.train, known.test) == (len(read.train_labels), len(read.test_labels))
    assert read.train_images.dtype == read.test_labels.dtype == torch.uint8


# Shapes


def test_the_same_parameters_draw_the_same_bytes_on_every_machine() -> None:
    golden = {0.0: "414ebb843d7205cd", 0.5: "e02c79087d373e15", 1.0: "b395fb56088b2ebe"}
    assert {level: digest(*draw(32, level, 0, 0, 40)) for level in golden} == golden


def test_an_image_does_not_depend_on_how_many_there_are() -> None:
    few, many = draw(16, 0.5, 3, 0, 50)[0], draw(16, 0.5, 3, 0, 700)[0]
    assert torch.equal(few, many[:50])
    assert len(rows(many)) == 700


def test_seeds_and_parts_draw_other_images() -> None:
    sets = [rows(draw(16, level, seed, part, 320)[0]) for level in (0.0, 1.0) for seed in (0, 1) for part in (0, 1)]
    assert len(set.union(*sets)) == 8 * 320


def test_no_test_image_is_among_the_training_images() -> None:
    shapes = data.load("shapes:size=16,train=2000,test=1000")
    assert not rows(shapes.train_images) & rows(shapes.test_images)
    assert torch.bincount(shapes.train_labels).tolist() == [200] * 10
    assert torch.bincount(shapes.test_labels).tolist() == [100] * 10


def test_difficulty_makes_shapes_smaller_and_paler_and_the_ground_busier() -> None:
    spread = [draw(32, level, 0, 0, 320)[0].float().std((2, 3)).mean().item() for level in (0.0, 1.0)]
    edges = [(image[..., 1:] - image[..., :-1]).abs().mean().item() for image in (
        draw(32, level, 0, 0, 320)[0].float() for level in (0.0, 0.5, 1.0)
    )]  # fmt: skip
    assert edges[0] < edges[1] < edges[2]
    assert all(value > 5 for value in spread)


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_lies_within_its_circle_and_has_an_edge(name: str) -> None:
    line = torch.linspace(-1.5, 1.5, 301)
    x, y = line[None, :].expand(301, -1), line[:, None].expand(-1, 301)
    distance = SHAPES[name](x.clone(), y.clone())
    inside = distance < 0
    assert not inside[(x * x + y * y) > 1.1**2].any()
    assert 0.1 < inside.float().mean().item() * 9 / 3.1416 < 0.95  # its share of the circle of radius 1
    steepest = max(
        (distance[1:] - distance[:-1]).abs().max().item(), (distance[:, 1:] - distance[:, :-1]).abs().max().item()
    )
    assert steepest < 0.0145  # 0.01 apart, so a slope of at most about one: edges are one pixel soft


def test_a_small_network_learns_shapes_and_a_recipe_repeats_the_run() -> None:
    shapes = "shapes:size=16,difficulty=0,train=1000,test=200"
    recipe = Recipe(data=shapes, steps=200, learning_rate=0.1, nesterov=True, schedule="one-cycle", warmup=0)
    *_, done = train(SMALL, recipe, on=CPU)
    assert isinstance(done, Finished) and done.test_accuracy > 0.25  # by chance 0.10 ± 0.02
    changed = recipe.model_copy(update={"steps": 12, "flip": True, "crop": 2, "cutout": 4})
    first, again = (list(train(SMALL, changed, on=CPU)) for _ in range(2))
    losses = [[event.loss for event in events if isinstance(event, Step)] for events in (first, again)]
    assert losses[0] == losses[1] and len(losses[0]) == 12
    started = next(event for event in first if isinstance(event, Started))
    assert (started.train_images, started.test_images) == (1000, 200)


@pytest.mark.parametrize("name", ["digits", "shapes:size=16,train=200,test=100"])
def test_test_images_are_never_trained_on(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Tensor] = []
    original = data.Prepared.train_batch

    def watched(self: data.Prepared, indices: Tensor) -> tuple[Tensor, Tensor]:
        given.append(self.train_images[indices])
        return original(self, indices)

    monkeypatch.setattr(data.Prepared, "train_batch", watched)
    *_, done = train(SMALL, Recipe(data=name, steps=8), on=CPU)
    assert isinstance(done, Finished) and len(given) == 8
    loaded = data.load(name)
    assert rows(torch.cat(given)) <= rows(loaded.train_images)
    assert not rows(torch.cat(given)) & rows(loaded.test_images)


# Normalisation and augmentation of colours


def test_colours_are_normalised_one_by_one_as_torch_would() -> None:
    shapes = data.load("shapes:size=16,train=400,test=100")
    mean, deviation = shapes.normalisation()
    pixels = shapes.train_images.double()
    assert isinstance(mean, Tensor) and isinstance(deviation, Tensor)
    torch.testing.assert_close(mean.flatten().double(), pixels.mean((0, 2, 3)), rtol=1e-6, atol=0)
    torch.testing.assert_close(deviation.flatten().double(), pixels.std((0, 2, 3)), rtol=1e-6, atol=0)
    prepared = data.Prepared(shapes, Shape(3, 16, 16), CPU)
    images = prepared.images(prepared.train_images)
    assert images.mean((0, 2, 3)).abs().max() < 1e-4 and (images.std((0, 2, 3)) - 1).abs().max() < 1e-4


def test_images_of_one_colour_do_not_divide_by_nothing() -> None:
    for channels in (1, 3):
        flat = torch.full((4, channels, 8, 8), 7, dtype=torch.uint8)
        labels = torch.zeros(4, dtype=torch.uint8)
        prepared = data.Prepared(
            data.DataSet("flat", "Flat", ("a", "b"), flat, labels, flat, labels), Shape(channels, 8, 8), CPU
        )
        assert torch.isfinite(prepared.images(flat)).all()


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_colour_set_suits_networks_of_other_channels(channels: int) -> None:
    prepared = data.Prepared(data.load("shapes:size=16,train=100,test=100"), Shape(channels, 24, 12), CPU)
    images, _ = prepared.train_batch(torch.arange(5))
    assert images.shape == (5, channels, 24, 12) and torch.isfinite(images).all()


def test_changes_of_colour_images_move_all_channels_together() -> None:
    images = data.Prepared(data.load("shapes:size=16,train=100,test=100"), Shape(3, 16, 16), CPU).train_batch(
        torch.arange(40)
    )[0]
    both = Augmentation(flip=True, crop=3, cutout=5)
    drawn = both.draw(0, 0, 40, 16, 16)
    together = both.apply(images, drawn)
    apart = torch.cat([both.apply(images[:, one : one + 1], drawn) for one in range(3)], 1)
    assert torch.equal(together, apart) and not torch.equal(together, images)
    mirrored = Augmentation(flip=True).apply(images, drawn)
    for image, changed, (flip, *_) in zip(images, mirrored, drawn.tolist(), strict=True):
        assert torch.equal(changed, image.flip(2) if flip else image)
    hidden = Augmentation(cutout=5).apply(images, drawn)
    for changed, (*_, row, column) in zip(hidden, drawn.tolist(), strict=True):
        assert (changed[:, max(0, row - 2) : row + 3, max(0, column - 2) : column + 3] == 0).all()


# idx files


def idx_bytes(numbers: Tensor) -> bytes:
    sizes = b"".join(struct.pack(">I", size) for size in numbers.shape)
    return bytes((0, 0, 8, numbers.dim())) + sizes + numbers.numpy().tobytes()


def write_idx(folder: Path, counts: tuple[int, int], packed: bool = True) -> None:
    folder.mkdir(parents=True)
    for part, count in zip(("train", "t10k"), counts, strict=True):
        images = torch.arange(count * 28 * 28).reshape(count, 28, 28).to(torch.uint8)
        for what, numbers in (("images-idx3", images), ("labels-idx1", (torch.arange(count) % 10).to(torch.uint8))):
            raw = idx_bytes(numbers)
            (folder / f"{part}-{what}-ubyte{'.gz' * packed}").write_bytes(gzip.compress(raw, 1) if packed else raw)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Published sets of few images, so that files of a moment stand for them."""
    monkeypatch.setattr(FashionMnist, "sizes", (240, 120))
    monkeypatch.setattr(Cifar10, "sizes", (50, 10))


@pytest.mark.parametrize("place", ["data/FashionMNIST/raw", "debian/fashion-mnist"])
@pytest.mark.parametrize("packed", [True, False])
def test_fashion_mnist_is_found_where_torchvision_and_debian_put_it(
    place: str, packed: bool, tmp_path: Path, few: None
) -> None:
    assert "fashion-mnist" not in data.available()
    write_idx(tmp_path / place, (240, 120), packed)
    assert "fashion-mnist" in data.available()
    found = data.load("fashion-mnist:train=100,test=100")
    assert found.train_images.shape == (100, 1, 28, 28) and torch.bincount(found.test_labels).tolist() == [10] * 10
    whole = data.load("fashion-mnist")
    assert whole.train_images[3, 0].flatten().tolist() == [value % 256 for value in range(3 * 784, 4 * 784)]
    assert rows(found.train_images) <= rows(whole.train_images)


def test_files_of_another_size_are_not_taken_for_fashion_mnist(folder: Path) -> None:
    write_idx(folder / "FashionMNIST/raw", (20, 10))
    with pytest.raises(ValueError, match="does not hold Fashion-MNIST: 60,000 images of 1×28×28 with labels"):
        data.load("fashion-mnist")


GOOD = idx_bytes(torch.arange(12, dtype=torch.uint8).reshape(3, 4))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no idx file"),
        (GOOD[:7], "no idx file"),
        (b"\0\0\x0d\x02" + GOOD[4:], "no idx file"),
        (b"\0\0\x08\x03" + GOOD[4:], "no idx file"),
        (GOOD[:-1], "fewer or more"),
        (GOOD + b"\0", "fewer or more"),
        (b"\0\0\x08\x02" + b"\xff" * 8, "says that it holds"),
        (b"\0\0\x08\x02" + b"\0" * 8, "says that it holds 0 bytes"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_an_idx_file_is_held_to_its_header(content: bytes, said: str, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / ("numbers.gz" if packed else "numbers")
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(ValueError, match=said):
        idx.read(path, 2)


def test_a_good_idx_file_is_read_and_a_damaged_gzip_is_said(tmp_path: Path) -> None:
    path = tmp_path / "numbers.gz"
    path.write_bytes(gzip.compress(GOOD))
    assert idx.read(path, 2).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    path.write_bytes(gzip.compress(GOOD)[:-9])
    with pytest.raises(ValueError, match="damaged"):
        idx.read(path, 2)
    path.write_bytes(b"no gzip")
    with pytest.raises(ValueError, match="damaged"):
        idx.read(path, 2)


# CIFAR-10


def python2(labels: list[int], pixels: bytes, shape: tuple[int, int] | None = None, by_columns: bool = False) -> bytes:
    """A batch as Python 2's cPickle wrote it, protocol 2."""
    count, width = shape or (len(labels), cifar.PIXELS)

    def text(value: str) -> bytes:
        return b"U" + bytes([len(value)]) + value.encode()

    def number(value: int) -> bytes:
        return b"M" + struct.pack("<H", value)

    names = b"".join(text(f"picture_{number:06}.png") + b"q\x0a" for number in range(len(labels)))
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06K\x00\x85U\x01b\x87Rq\x07(K\x01"
        + number(count) + number(width) + b"\x86cnumpy\ndtype\nq\x08U\x02u1K\x00K\x01\x87Rq\x09"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + (b"\x88" if by_columns else b"\x89") + b"T" + struct.pack("<i", len(pixels)) + pixels + b"tb"
    )  # fmt: skip
    held = (
        text("batch_label") + b"q\x02" + text("training batch 1 of 5") + b"q\x03" + text("labels") + b"]q\x04("
        + b"".join(b"K" + bytes([label]) for label in labels) + b"e" + text("data") + array
        + text("filenames") + b"]q\x0b(" + names + b"e"
    )  # fmt: skip
    return b"\x80\x02}q\x01(" + held + b"u."


def pixels_of(count: int) -> Tensor:
    return torch.arange(count * cifar.PIXELS).reshape(count, 3, 32, 32).to(torch.uint8)


@pytest.mark.parametrize("by_columns", [False, True])
def test_a_batch_of_cifar_is_read_as_pythons_own_unpickler_reads_it(by_columns: bool) -> None:
    images = pixels_of(4)
    raw = images.reshape(4, -1).t().contiguous() if by_columns else images
    content = python2([3, 0, 9, 9], raw.numpy().tobytes(), by_columns=by_columns)
    theirs = pickle.loads(content, encoding="latin1")
    assert (theirs["data"].reshape(4, 3, 32, 32) == images.numpy()).all() and theirs["labels"] == [3, 0, 9, 9]
    read, labels = cifar.batch(content, "data_batch_1")
    assert torch.equal(read, images) and labels.tolist() == [3, 0, 9, 9]


@pytest.mark.parametrize("archive", [False, True])
def test_cifar_is_found_as_a_folder_or_as_its_archive(archive: bool, folder: Path, few: None) -> None:
    assert "cifar10" not in data.available()
    folder.mkdir()
    contents = {
        name: python2([number] * 10, pixels_of(10).numpy().tobytes()) for number, name in enumerate(cifar.TRAIN)
    }
    contents["test_batch"] = python2(list(range(10)), (255 - pixels_of(10)).numpy().tobytes())
    if archive:
        (folder / cifar.ARCHIVE).write_bytes(tar(contents))
    else:
        (folder / cifar.FOLDER).mkdir()
        for name, content in contents.items():
            (folder / cifar.FOLDER / name).write_bytes(content)
    assert "cifar10" in data.available()
    found = data.load("cifar10")
    assert torch.bincount(found.train_labels).tolist() == [10] * 5 and found.test_labels.tolist() == list(range(10))
    assert torch.equal(found.test_images, 255 - pixels_of(10))


def tar(contents: dict[str, bytes], within: str = cifar.FOLDER) -> bytes:
    made = BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", compresslevel=1) as archive:
        for name, content in contents.items():
            entry = tarfile.TarInfo(f"{within}/{name}")
            entry.size = len(content)
            archive.addfile(entry, BytesIO(content))
    return made.getvalue()


class Harm:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (open, ("/tmp/explorer-was-here", "w"))


ONE = pixels_of(1).numpy().tobytes()
PLAIN = python2([1], ONE)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (pickle.dumps(Harm(), 2), "asks for io.open|asks for __builtin__.open|asks for .*open"),
        (pickle.dumps({"data": Harm()}, 4), "damaged, or of a kind|asks for"),
        (b"\x80\x02cos\nsystem\nU\x02ls\x85R.", "asks for os.system"),
        (PLAIN.replace(b"numpy\ndtype", b"numpy\nmemmap"), "asks for numpy.memmap"),
        (PLAIN.replace(b"U\x02u1", b"U\x02O8"), "more than images of bytes"),
        (PLAIN.replace(b"cnumpy\nndarray\n", b"cnumpy\ndtype\n"), "more than images of bytes"),
        (PLAIN.replace(b"T" + struct.pack("<i", len(ONE)), b"T" + struct.pack("<i", 2**31 - 1)), "cut short"),
        (PLAIN.replace(b"T" + struct.pack("<i", len(ONE)), b"T" + struct.pack("<i", -5)), "cut short"),
        (PLAIN[:-40], "cut short|damaged"),
        (b"", "cut short"),
        (b"\x80\x02N.", "holds no data with labels"),
        (python2([1, 2], ONE), "numbers for 2 labels|bytes where"),
        (python2([1], ONE, shape=(2, cifar.PIXELS)), r"holds \(2, 3072\) numbers for 1 labels"),
        (python2([1, 2], ONE), "bytes where its shape says"),
        (python2([10], ONE), "labels other than 0 to 9"),
        (b"\x80\x02" + b"]q\x01h\x01" * 10 + b".", "no data|damaged"),
        (b"\x80\x02r\xff\xff\xff\x7f.", "damaged"),
    ],
)
def test_a_hostile_batch_is_refused_and_nothing_of_it_is_called(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        cifar.batch(content, "data_batch_1")
    assert not Path("/tmp/explorer-was-here").exists()


def test_an_archive_that_is_another_is_refused(folder: Path, few: None) -> None:
    folder.mkdir()
    for content, said in (
        (b"no archive", "damaged"),
        (tar({"data_batch_1": PLAIN}), "has no data_batch_2"),
        (tar({"data_batch_1": PLAIN}, within="../../elsewhere"), "has no data_batch_1"),
    ):
        (folder / cifar.ARCHIVE).write_bytes(content)
        with pytest.raises(ValueError, match=said):
            data.load("cifar10")


# Downloads


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """A server of this machine in place of the publisher's; what it sends, by path."""
    sent: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = sent.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    for kind in (FashionMnist, Cifar10):
        monkeypatch.setattr(kind, "origin", f"http://127.0.0.1:{server.server_port}/")
    yield sent
    server.shutdown()
    server.server_close()


def publish(
    kind: type[Published], sent: dict[str, bytes], contents: dict[str, bytes], patch: pytest.MonkeyPatch
) -> None:
    sent.update({f"/{name}": content for name, content in contents.items()})
    patch.setattr(kind, "files", {name: f"md5:{md5(content).hexdigest()}" for name, content in contents.items()})


def test_a_download_is_kept_where_torchvision_has_it_and_not_made_twice(
    folder: Path, tmp_path: Path, few: None, origin: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_idx(tmp_path / "made", (240, 120))
    publish(FashionMnist, origin, {path.name: path.read_bytes() for path in (tmp_path / "made").iterdir()}, monkeypatch)
    told: list[int] = []
    assert download("fashion-mnist", lambda done, total: told.append(done)) == folder / "FashionMNIST/raw"
    assert told and told == sorted(told)
    assert len(data.load("fashion-mnist").train_labels) == 240
    origin.clear()
    assert download("fashion-mnist") == folder / "FashionMNIST/raw"


def test_cifar_is_unpacked_once_its_hash_is_right(
    folder: Path, few: None, origin: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = python2([1] * 10, pixels_of(10).numpy().tobytes())
    archive = tar({name: content for name in (*cifar.TRAIN, "test_batch", "readme.html")})
    publish(Cifar10, origin, {cifar.ARCHIVE: archive}, monkeypatch)
    assert download("cifar10") == folder / cifar.FOLDER
    assert {path.name for path in (folder / cifar.FOLDER).iterdir()} == {*cifar.TRAIN, "test_batch"}
    assert len(data.load("cifar10").train_labels) == 50


def test_what_is_not_what_was_published_is_not_kept(
    folder: Path, few: None, origin: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(Cifar10, origin, {cifar.ARCHIVE: b"right"}, monkeypatch)
    origin[f"/{cifar.ARCHIVE}"] = b"wrong"
    with pytest.raises(ValueError, match="something else than was published"):
        download("cifar10")
    monkeypatch.setattr(Cifar10, "megabytes", 0)
    with pytest.raises(ValueError, match="sends more than the 0 bytes"):
        download("cifar10")
    origin.clear()
    with pytest.raises(ValueError, match=r"nothing comes from .* Not Found"):
        download("cifar10")
    with pytest.raises(ValueError, match="'imagenet' cannot be downloaded; what can be: fashion-mnist, mnist, cifar10"):
        download("imagenet")
    assert list(folder.iterdir()) == [] and "cifar10" not in data.available()


def test_a_download_is_given_up_in_time(
    folder: Path, few: None, origin: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(Cifar10, origin, {cifar.ARCHIVE: b"right"}, monkeypatch)
    with pytest.raises(ValueError, match="took too long"):
        download("cifar10", seconds=-1)


def test_looking_for_what_is_at_hand_never_asks_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.socket.connect", asked)
    monkeypatch.setattr("urllib.request.urlopen", asked)
    assert data.available() == ("digits", "shapes")
    with pytest.raises(ValueError, match="explorer data download cifar10"):
        data.load("cifar10")
