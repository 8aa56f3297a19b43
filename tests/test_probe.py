"""Pictures as they come in, and what a network makes of them."""

import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from threadpoolctl import threadpool_limits

from explorer import Network, Shape, analyze, blocks, presets
from explorer.blocks import KINDS
from explorer.probe import maps, names, picture, prepare, run, watch
from explorer.probe.picture import PictureError, read
from explorer.training import box, data
from tests import hostile

SPIKE = 500_000_000  # bytes that reading a picture may take
SAMPLES = Path(__file__).parents[1] / "assets" / "samples"
NOISE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def file(array: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    made = BytesIO()
    Image.fromarray(array).save(made, kind, **options)
    return made.getvalue()


def image_of(network: Network, seed: int = 0) -> torch.Tensor:
    return torch.randn(1, *network.input, generator=torch.Generator().manual_seed(seed))


def followed(network: Network, images: torch.Tensor) -> tuple[torch.nn.Module, dict[str, watch.Seen], torch.Tensor]:
    """Everything that the watch sees of a network whose weights leave nothing at zero."""
    model = network.build().eval()
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if name.endswith(("norm.weight", "norm1.weight", "norm2.weight")) or not bool(parameter.any()):
            parameter.data.uniform_(0.1, 0.6, generator=generator)
    seen: dict[str, watch.Seen] = {}
    names = [path for path, _, _ in run.paths(network)]
    with torch.no_grad(), watch.watching({name: model.get_submodule(name) for name in names}, seen.__setitem__):
        output = model(images)
    return model, seen, output


def logits_of(network: Network, images: torch.Tensor, **how: object) -> tuple[torch.Tensor, run.Look]:
    """The logits of a run, and all that it tells."""
    look = run.run(network, images, **how)
    assert look.logits is not None
    return torch.from_numpy(look.logits), look


# What a block's inside is


RESIDUAL = [
    (kind, number)
    for kind, block in KINDS.items()
    for number, (fields, shape) in enumerate(block.examples)
    if block(**fields).has_shortcut() and block.model_fields["kind"].default
]


@pytest.mark.parametrize(("kind", "number"), RESIDUAL)
def test_what_the_shortcut_carries_and_f_make_the_sum_to_the_bit_in_every_kind(kind: str, number: int) -> None:
    fields, shape = KINDS[kind].examples[number]
    network = Network(input=shape, blocks=(KINDS[kind](**fields),))
    model, seen, _ = followed(network, image_of(network))
    assert len(seen) == network.blocks[0].copies
    for path, one in seen.items():
        found, module = one.residual, model.get_submodule(path)
        assert found is not None
        parts = (found.learned, found.carried)
        if found.how == "add":
            assert torch.equal(found.learned + found.carried, found.total)
        else:
            assert torch.equal(torch.cat(parts, 1), found.total)
        after = {(): lambda x: x, ("where",): lambda x: x, ("relu",): torch.relu}[found.follows]
        assert torch.equal(after(found.total), one.output)
        assert torch.equal(module(one.input), one.output)  # the block alone, unwatched
        if found.carries_input:
            assert torch.equal(found.carried, one.input)
        elif getattr(module, "shortcut", None) is not None and not getattr(module, "projects", False):
            source = one.input if getattr(module, "from_input", True) else module.downsample(one.input)
            assert torch.equal(found.carried, module.shortcut(source))
        assert found.strength == pytest.approx(float(found.learned.norm() / found.carried.norm()), rel=1e-5)


def test_f_is_what_the_block_computes_beside_its_shortcut() -> None:
    network = Network(
        input=Shape(8, 8, 8),
        blocks=(
            blocks.Basic(channels=8),
            blocks.Basic(channels=16, stride=2, order="pre"),
            blocks.Bottleneck(channels=16),
        ),
    )
    model, seen, _ = followed(network, image_of(network))
    post, pre, bottleneck = (model.get_submodule(path) for path in seen)
    first, second, third = seen.values()
    assert first.residual and second.residual and third.residual
    with torch.no_grad():
        assert torch.equal(first.residual.learned, post.conv2(post.conv1(first.input)))
        activated = pre.norm1(second.input)
        assert torch.equal(second.residual.learned, pre.conv2(pre.norm2(pre.conv1(activated))))
        assert torch.equal(second.residual.carried, pre.shortcut(activated))
        learned = bottleneck.conv3(bottleneck.conv2(bottleneck.conv1(third.input)))
        assert torch.equal(third.residual.learned, learned)
    assert (first.residual.follows, second.residual.follows) == (("relu",), ())


@pytest.mark.parametrize("tolerance", [0.0, 10.0])
def test_a_gate_shows_the_way_that_was_taken(tolerance: float) -> None:
    network = Network(input=Shape(8, 8, 8), blocks=(blocks.IdentityMapping(gate="close", tolerance=tolerance),))
    _, seen, _ = followed(network, image_of(network))
    [one] = seen.values()
    assert one.residual is not None
    assert one.residual.carries_input == (tolerance > 0)
    assert torch.equal(one.residual.total, one.output)


def test_branches_are_those_of_the_module_in_their_order() -> None:
    network = presets.load("inception_resnet_small")
    model, seen, _ = followed(network, image_of(network))
    found = 0
    for path, one in seen.items():
        rows = network.blocks[int(path.split(".")[0])].chips()
        if rows is None:
            continue
        found += 1
        assert len(one.branches) == len(rows)
        with torch.no_grad():
            for branch, part in zip(model.get_submodule(path).split.branches, one.branches, strict=True):
                assert torch.equal(branch(one.input), part)
    assert found > 5


@pytest.mark.parametrize(
    "name", ["article", "resnet18", "preact_resnet18", "cifar_resnet20", "cifar_resnet20_plain", "digits_resnet56",
             "googlenet", "inception_resnet_small", "resnext50_32x4d"],
)  # fmt: skip
def test_logits_are_those_of_the_built_network_to_the_bit(name: str) -> None:
    network = presets.load(name)
    smaller = {"resnext50_32x4d": 64, "googlenet": 64, "resnet18": 64, "preact_resnet18": 64}
    if name in smaller:
        network = network.apply({"op": "input", "shape": [3, smaller[name], smaller[name]]})
    images = image_of(network)
    with torch.no_grad():
        logits = network.build(3).eval()(images)
    given, look = logits_of(network, images, seed=3)
    assert torch.equal(given, logits[0])
    likeliest = torch.softmax(logits[0].double(), 0).topk(5)
    assert [one for one, _ in look.top] == likeliest.indices.tolist()
    assert [share for _, share in look.top] == pytest.approx(likeliest.values.tolist(), rel=1e-6)
    assert [line.path for line in look.lines] == [row.name for row in analyze(network).blocks]


@pytest.mark.parametrize("name", [name for name in presets.names() if analyze(presets.load(name)).params < 3_000_000])
def test_loaded_weights_give_the_logits_of_the_built_network_to_the_bit(name: str) -> None:
    network = presets.load(name)
    if network.input.height > 64:
        network = network.apply({"op": "input", "shape": [network.input.channels, 64, 64]})
    model = network.build(5).eval()
    images = image_of(network)
    with torch.no_grad():
        logits = model(images)
    assert logits_of(network, images, state=model.state_dict())[0].equal(logits[0])


def test_the_digits_of_the_box_are_read_right() -> None:
    network, state = box.load("digits_resnet20")
    digits = data.load("digits")
    right = 0
    for image, label in zip(digits.test_images[:40], digits.test_labels[:40].tolist(), strict=True):
        drawn = read(file(image[0].numpy()))
        given = prepare.prepare(drawn, network.input, prepare.scale_for(network, random=False))
        look = run.run(network, given.images, state)
        right += look.top[0][0] == label
        assert sum(share for _, share in look.top) <= 1 + 1e-12
    assert right >= 39  # 99.2 % of all 360, by its record
    drawn = read((SAMPLES / "three.png").read_bytes())
    assert prepare.looks_inverted(drawn)
    look = run.run(network, prepare.prepare(drawn, network.input, "training", inverted=True).images, state)
    assert look.top[0][0] == 3


@pytest.mark.parametrize("shape", [Shape(1, 8, 8), Shape(1, 16, 16), Shape(3, 24, 24), Shape(1, 5, 5)])
def test_a_digit_is_prepared_as_in_training_to_the_bit(shape: Shape) -> None:
    digits = data.load("digits")
    expected = data.Prepared(digits, shape, torch.device("cpu")).images(digits.test_images[:5])
    for image, like in zip(digits.test_images[:5], expected, strict=True):
        given = prepare.prepare(read(file(image[0].numpy())), shape, "training")
        assert torch.equal(given.images[0], like)


@pytest.mark.parametrize("shape", [Shape(3, 32, 32), Shape(3, 24, 24), Shape(1, 32, 32)])
def test_a_picture_is_prepared_as_in_training_on_colours_to_the_bit(shape: Shape) -> None:
    name = "shapes:size=32,train=100,test=100"
    shapes = data.load(name)
    expected = data.Prepared(shapes, Shape(3, *shape[1:]), torch.device("cpu")).images(shapes.test_images[:3])
    for image, like in zip(shapes.test_images[:3], expected, strict=True):
        given = prepare.prepare(read(file(image.permute(1, 2, 0).numpy())), shape, "training", learned=name)
        assert given.images.shape[1:] == tuple(shape)
        if shape.channels == 3:
            assert torch.equal(given.images[0], like)
            assert "on colour shapes" in given.words
        assert names.class_names(presets.load("cifar_resnet20"), "training", name) == shapes.classes


# What is recorded


def test_a_run_keeps_the_maps_that_are_asked_for_and_a_line_of_every_block() -> None:
    network = presets.load("digits_resnet20")
    images = image_of(network)
    look = run.run(network, images, wanted=("2.0", "4"))
    assert set(look.details) == {"2.0", "4"}
    assert [line.path for line in look.lines] == [row.name for row in analyze(network).blocks]
    assert all((line.ratio is None) != line.has_shortcut for line in look.lines)
    detail = look.details["2.0"]
    model, _, output = followed(network, images)
    assert detail.output is not None and detail.inside is not None
    assert detail.output.shape == (32, 4, 4) and detail.output.pixels.shape == (32, 4, 4)
    assert detail.inside.carried is not None and detail.inside.input.shape == (16, 8, 8)
    assert detail.inside.learned.channels == detail.inside.total.channels == detail.inside.carried.channels
    assert detail.inside.follows == ("relu",)
    assert look.details["4"].output is None  # a vector
    assert look.filters is not None and look.filters.shape == (16, 1, 3, 3)
    # nothing stays on the model, and nothing changed how it counts
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert torch.equal(model(images), output)


def test_maps_keep_the_values_of_the_strongest_channels() -> None:
    values = torch.randn(80, 7, 5, generator=torch.Generator().manual_seed(0)) * torch.arange(80)[:, None, None]
    kept = maps.maps(values, 64)
    energy = values.square().mean((1, 2))
    assert list(kept.channels) == energy.argsort(descending=True)[:64].tolist()
    assert kept.shape == (80, 7, 5) and kept.kept_whole and kept.finite
    chosen = values[list(kept.channels)]
    assert (kept.low, kept.high) == (float(chosen.min()), float(chosen.max()))
    lows, highs = np.array(kept.lows)[:, None, None], np.array(kept.highs)[:, None, None]
    back = lows + kept.pixels / 255 * (highs - lows)
    assert np.abs(back - chosen.numpy()).max() <= float((highs - lows).max()) / 255 / 2 + 1e-4
    same = maps.on_one_scale(kept, kept.low, kept.high)
    assert same.min() == 0 and same.max() == 255
    expected = (chosen.numpy() - kept.low) / (kept.high - kept.low) * 255
    assert np.abs(same - expected).max() <= 1.01


def test_large_maps_are_averaged_and_bad_numbers_are_said() -> None:
    large = torch.arange(112 * 56, dtype=torch.float32).reshape(1, 112, 56)
    kept = maps.maps(large, 4)
    assert kept.pixels.shape == (1, 56, 56) and not kept.kept_whole
    assert kept.low == float(large[0, :2, 0].mean())
    bad = torch.zeros(3, 2, 2)
    bad[1] = torch.nan
    bad[2] = torch.inf
    kept = maps.maps(bad, 3)
    assert not kept.finite and (kept.low, kept.high) == (0.0, 0.0) and kept.channels == (1, 2, 0)
    assert not maps.on_one_scale(kept, 0.0, 0.0).any()


def test_a_grid_puts_every_map_in_its_place_and_mixes_no_pixels() -> None:
    pixels = np.arange(5 * 4, dtype=np.uint8).reshape(5, 2, 2) * 12
    made = maps.grid(pixels, across=3, tile=9)
    side = 2 * 4 + maps.GAP
    assert made.shape == (2 * side - maps.GAP, 3 * side - maps.GAP)
    for number in range(5):
        row, column = divmod(number, 3)
        cell = made[row * side : row * side + 8, column * side : column * side + 8]
        expected = 1 + np.rint(pixels[number] * (254 / 255)).astype(np.uint8)
        assert (cell == expected.repeat(4, 0).repeat(4, 1)).all()
    assert not made[:, 8:10].any() and not made[side:, 2 * side :].any()  # gaps, and the place of no map
    shown = Image.open(BytesIO(maps.coloured(made))).convert("RGBA")
    scale = maps.colours()
    assert shown.getpixel((8, 0))[3] == 0
    assert shown.getpixel((0, 0)) == (*map(int, scale[0]), 255)
    assert shown.size == made.shape[::-1]


def lab(colours: np.ndarray) -> np.ndarray:
    """CIELAB of sRGB colours, D65."""
    part = colours / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ matrix.T / np.array([0.9505, 1.0, 1.089])
    cubed = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = cubed.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def test_the_colours_rise_evenly_in_lightness() -> None:
    lightness = lab(maps.colours().astype(float))[:, 0]
    steps = np.diff(lightness[::15])
    assert (steps > 0).all()
    assert steps.max() < 1.6 * steps.min()
    assert lightness[-1] - lightness[0] > 70


def test_windows_cover_every_block_once_and_stay_small() -> None:
    for name in ("digits_resnet56", "resnet152", "googlenet", "inception_v3", "cifar_resnet1202"):
        network = presets.load(name)
        report = analyze(network)
        parts = run.windows(report)
        assert [path for part in parts for path in part] == [row.name for row in report.blocks]
        if name != "cifar_resnet1202":
            assert len(parts) == 1
    assert 2 <= len(parts) <= 6
    look = run.run(network, image_of(network), wanted=parts[0])
    assert len(look.lines) == 602
    kept = 0
    for detail in look.details.values():
        inside = detail.inside
        every = [detail.output, *((inside.input, inside.carried, inside.learned, inside.total) if inside else ())]
        kept += sum(one.pixels.nbytes for one in every if one is not None)
    assert run.WINDOW / 2 < kept <= run.WINDOW
    assert look.top == () and look.lines[-2].strength is None  # random weights at this depth: past float32


def test_a_network_too_large_or_too_slow_is_refused_with_its_size() -> None:
    wide = Network(input=Shape(3, 8, 8), blocks=(blocks.Conv(channels=8192, kernel=7), blocks.Conv(channels=8192)))
    with pytest.raises(run.TooMuchError, match=r"takes 2\.3 GiB \(2\.25 GiB of weights.* more than the 1 GiB"):
        run.check(analyze(wide))
    large = Network(input=Shape(64, 4096, 4096), blocks=(blocks.Conv(channels=8),))
    with pytest.raises(run.TooMuchError, match="GiB of maps"):
        run.check(analyze(large))
    slow = Network(input=Shape(3, 128, 128), blocks=(blocks.Conv(channels=256), blocks.Conv(channels=256, kernel=15)))
    with pytest.raises(run.TooMuchError, match="242 G MACs"):
        run.check(analyze(slow))
    for name in ("resnet152", "wide_resnet50_2", "inception_v3", "cifar_resnet1202"):
        run.check(analyze(presets.load(name)))


def test_runs_side_by_side_are_the_runs_alone() -> None:
    names = ["digits_resnet20", "cifar_resnet20", "digits_resnet20", "inception_resnet_small"]
    networks = [presets.load(name) for name in names]
    alone = [run.run(network, image_of(network, at), seed=at) for at, network in enumerate(networks)]
    beside: dict[int, run.Look] = {}

    def one(at: int) -> None:
        for _ in range(3):
            beside[at] = run.run(networks[at], image_of(networks[at], at), seed=at)

    threads = [threading.Thread(target=one, args=(at,)) for at in range(len(names))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [beside[at].top for at in range(len(names))] == [look.top for look in alone]
    assert [beside[at].lines for at in range(len(names))] == [look.lines for look in alone]


def test_a_run_takes_one_core_and_leaves_other_threads_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    network = presets.load("digits_resnet20")
    counts: list[int] = []
    real = run.first_convolution

    def note(network: Network) -> str | None:
        counts.append(torch.get_num_threads())
        beside = threading.Thread(target=lambda: counts.append(torch.get_num_threads()))
        beside.start()
        beside.join()
        return real(network)

    monkeypatch.setattr(run, "first_convolution", note)
    with threadpool_limits(3, user_api="openmp"):
        run.run(network, image_of(network))
        counts.append(torch.get_num_threads())
    assert (counts[0], counts[2]) == (1, 3)
    fresh: list[int] = []
    thread = threading.Thread(target=lambda: fresh.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert counts[1] == fresh[0]  # what a thread has by itself


# Pictures


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_every_format_is_read(kind: str) -> None:
    shades = np.indices((20, 30)).sum(0).astype(np.uint8)[..., None].repeat(3, 2) * 3
    found = read(file(shades, kind))
    assert found.size == (20, 30)
    assert found.pixels.shape == (20, 30, 3)
    assert np.abs(found.pixels.astype(int) - shades).max() <= 12
    if kind == "PNG":
        assert (read(found.png()).pixels == found.pixels).all()


def test_only_the_first_frame_of_several_is_read() -> None:
    made = BytesIO()
    first, second = Image.new("RGB", (4, 4), "#ff0000"), Image.new("RGB", (4, 4), "#0000ff")
    first.save(made, "GIF", save_all=True, append_images=[second] * 3)
    assert read(made.getvalue()).pixels[0, 0].tolist() == [255, 0, 0]


def test_grey_stays_grey_and_16_bits_become_8() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (read(file(grey)).pixels == grey).all()
    assert (read(file(grey.astype(np.uint16) * 257)).pixels == grey).all()
    bits = Image.fromarray(grey > 99)
    made = BytesIO()
    bits.save(made, "PNG")
    assert set(np.unique(read(made.getvalue()).pixels)) == {0, 255}


def test_what_is_transparent_is_white() -> None:
    clear = np.zeros((4, 6, 4), np.uint8)
    clear[:, :3, 3] = 255
    assert read(file(clear)).pixels[0].tolist() == [[0] * 3] * 3 + [[255] * 3] * 3
    grey = Image.new("LA", (4, 4), (10, 0))
    made = BytesIO()
    grey.save(made, "PNG")
    found = read(made.getvalue()).pixels
    assert found.shape == (4, 4) and (found == 255).all()
    paletted = Image.fromarray(clear).quantize(4)
    made = BytesIO()
    paletted.save(made, "PNG")
    assert read(made.getvalue()).pixels[0, [0, 5]].tolist() == [[0] * 3, [255] * 3]


@pytest.mark.parametrize("turned", range(1, 9))
def test_a_camera_held_any_way_gives_an_upright_picture(turned: int) -> None:
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :16] = 255  # top left
    back = {1: None, **picture.UPRIGHT, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[turned]
    held = Image.fromarray(upright) if back is None else Image.fromarray(upright).transpose(back)
    exif = Image.Exif()
    exif[picture.ORIENTATION] = turned
    made = BytesIO()
    held.save(made, "JPEG", quality=95, exif=exif)
    found = read(made.getvalue())
    assert found.size == (16, 32)
    assert found.pixels[4, 8].min() > 240 and found.pixels[4, 24].max() < 15 and found.pixels[12, 8].max() < 15


def test_a_large_picture_is_made_smaller() -> None:
    for kind in ("PNG", "JPEG"):
        found = read(file(np.full((1500, 3000), 77, np.uint8), kind))
        assert found.size == (1500, 3000) and found.pixels.shape == (320, 640)
        assert (found.pixels == 77).all()
    for size in ((100, 2000), (2000, 100)):
        assert read(file(np.full(size, 7, np.uint8))).pixels.shape in ((32, 640), (640, 32))
        assert max(read(file(np.full(size, 7, np.uint8))).pixels.shape) == picture.KEPT
        assert max(read(file(np.full(size, 7, np.uint16))).pixels.shape) == picture.KEPT
        assert max(read(file(np.full(size, True))).pixels.shape[:2]) == picture.KEPT


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "text": (b"<svg onload=alert(1)>", "no PNG, JPEG, WebP or GIF"),
    "another format": (file(NOISE, "BMP"), "no PNG, JPEG, WebP or GIF"),
    "cut short": (file(NOISE)[:900], "damaged or cut short"),
    "cut JPEG": (file(NOISE, "JPEG")[:-400], "damaged or cut short"),
    "cut WebP": (file(NOISE, "WEBP")[:-100], "WebP|damaged"),
    "cut GIF": (file(NOISE, "GIF")[:-90], "damaged or cut short"),
    "header alone": (file(NOISE)[:20], "no PNG|damaged"),
    "bad zlib": (hostile.png(9, 9, packed=b"nothing"), "damaged or cut short"),
    "too many bytes": (bytes(picture.MAX_BYTES + 1), "16,777,217 bytes, more than the 16,777,216"),
    "a line": (file(np.full((1, 3000), 7, np.uint8)), "3,000×1 pixels and is more than 20 times as long as it is wide"),
    "a line upright": (file(np.full((641, 32), 7, np.uint8)), "32×641 pixels and is more than 20 times as long"),
    "wide PNG": (hostile.png(100_000, 100_000), "more than the 25,000,000"),
    "PNG just beyond": (hostile.png(5001, 5000), "25,005,000 pixels, more than the 25,000,000"),
    "wide JPEG": (hostile.jpeg_header(65_500, 65_500), "more than the 25,000,000"),
    "wide GIF": (hostile.gif_header(65_535, 65_535), "more than the 25,000,000"),
    **{f"wide WebP {form}": (made, "more than the 25,000,000") for form, made in hostile.webp_headers(16_383).items()},
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_bad_file_is_refused_in_one_sentence(name: str) -> None:
    made, said = BROKEN[name]
    with pytest.raises(PictureError, match=said) as refused:
        read(made)
    assert "\n" not in str(refused.value) and str(refused.value).endswith(".")


def test_no_byte_changed_breaks_more_than_the_picture() -> None:
    random = np.random.default_rng(5)
    small = NOISE[:6, :7]
    for kind in ("PNG", "JPEG", "WEBP", "GIF"):
        whole = bytearray(file(small, kind))
        for _ in range(60):
            bent = bytearray(whole)
            for at in random.integers(0, len(bent), 3):
                bent[at] = random.integers(0, 256)
            try:
                assert max(read(bytes(bent)).pixels.shape) <= picture.KEPT
            except PictureError as refused:
                assert str(refused).endswith(".")


def largest(kind: str) -> bytes:
    """The largest picture that is taken, in the format's most expensive form."""
    side = 5000
    if kind == "PNG":
        return hostile.png(side, side, 16, 6, hostile.zeros((side * 8 + 1) * side))
    made = BytesIO()
    if kind == "GIF":
        Image.new("P", (side, side)).save(made, "GIF", transparency=0)
    elif kind == "JPEG":
        Image.new("RGB", (side, side)).save(made, "JPEG", progressive=True, subsampling=0)
    else:
        Image.new("RGBA", (side, side)).save(made, "WEBP", method=0)
    return made.getvalue()


HARMFUL: dict[str, Callable[[], bytes]] = {
    "a bomb of 900 MB": lambda: hostile.png(30_000, 30_000, packed=hostile.zeros(30_001 * 30_000)),
    "a bomb in a profile": lambda: hostile.png(
        9, 9, packed=hostile.zeros(90), before=hostile.chunk(b"iCCP", b"x\0\0" + hostile.zeros(900_000_000))
    ),
    "rows beyond the header": lambda: hostile.png(9, 9, packed=hostile.zeros(900_000_000)),
    "a header of 10 gigapixels": lambda: hostile.png(100_000, 100_000),
    "a JPEG header of 4 gigapixels": lambda: hostile.jpeg_header(65_500, 65_500),
    "a WebP header of 268 megapixels": lambda: hostile.webp_headers(16_383)["extended"],
    **{f"the largest {kind}": (lambda kind=kind: largest(kind)) for kind in ("PNG", "JPEG", "WEBP", "GIF")},
}


@pytest.mark.parametrize("name", HARMFUL)
def test_no_picture_takes_more_than_500_mb(name: str, tmp_path: Path) -> None:
    made = HARMFUL[name]()
    assert len(made) < picture.MAX_BYTES
    where = tmp_path / "picture"
    where.write_bytes(made)
    grown, said = hostile.read_apart(where)
    assert grown < SPIKE, f"{grown:,} bytes"
    taken = name.startswith(("the largest", "rows beyond"))
    assert taken == (not said.endswith(".")), said


def test_memory_that_was_taken_would_be_seen(tmp_path: Path) -> None:
    where = tmp_path / "picture"
    where.write_bytes(b"")
    grown, _ = hostile.read_apart(where, f"taken = bytes([1]) * {SPIKE}; del taken; said = ''")
    assert grown > 0.9 * SPIKE
