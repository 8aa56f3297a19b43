"""Folders and zips of pictures made into data sets: their layouts, and what is made to break them."""

import os
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from explorer import pictures
from explorer.__main__ import main
from explorer.pictures import bring, files
from explorer.pictures.apart import Errands
from explorer.training import data
from explorer.training.data import own, places
from explorer.training.loop import train
from explorer.training.recipe import Recipe
from tests.test_data_sets import SMALL

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder with nothing in it, and no sets of the machine."""
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(places, "DEBIAN", tmp_path / "debian")
    data.load.cache_clear()
    yield tmp_path / "data"
    data.load.cache_clear()


def picture(seed: int, size: tuple[int, int] = (20, 12), colour: bool = True, kind: str = "PNG") -> bytes:
    """A picture of large random squares, another for each seed."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (3, 3, 3) if colour else (3, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST).save(file, kind)
    return file.getvalue()


def pets(
    each: int = 5, classes: tuple[str, ...] = ("cat", "dog"), within: str = "", first: int = 0
) -> dict[str, bytes]:
    names = [f"{within}{cls}/{number}.png" for cls in classes for number in range(each)]
    return {name: picture(first + at) for at, name in enumerate(names)}


def zipped(path: Path, contents: Mapping[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def unpacked(path: Path, contents: Mapping[str, bytes]) -> Path:
    for name, content in contents.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def about(name: str) -> own.About:
    found = own.Own.of(name)
    assert isinstance(found, own.Own)
    return found.about()


# What a set is made of


@pytest.mark.parametrize("within", ["", "pets/", "a/b/pets/"])
def test_a_folder_a_class_becomes_a_set_that_is_split_by_class(within: str, tmp_path: Path) -> None:
    contents = pets(10, within=within)
    name = bring(zipped(tmp_path / "pets.zip", contents), 16)
    assert name == bring(unpacked(tmp_path / "pets", contents), 16)  # a zip of a folder is that folder
    read, known = data.load(name), data.facts(name)
    assert read.classes == known.classes == ("cat", "dog") and known.title == "pets (20 images of 16×16)"
    assert torch.bincount(read.train_labels).tolist() == [8, 8] and torch.bincount(read.test_labels).tolist() == [2, 2]
    assert read.shape == known.shape == (3, 16, 16) and (known.train, known.test) == (16, 4)
    images = {image.numpy().tobytes() for image in (*read.train_images, *read.test_images)}
    assert len(images) == 20
    assert about(name).left_out == ()
    assert name in data.available()


def test_a_split_by_folders_is_kept_and_val_is_learnt_from_where_there_is_a_test(tmp_path: Path) -> None:
    contents = pets(4, within="train/") | pets(2, within="val/", first=50) | pets(3, within="test/", first=80)
    read = data.load(bring(unpacked(tmp_path / "pets", contents), 16))
    assert (len(read.train_labels), len(read.test_labels)) == (12, 6) and read.classes == ("cat", "dog")
    two = pets(4, within="x/Train/") | pets(2, within="x/valid/", first=50)
    read = data.load(bring(zipped(tmp_path / "two.zip", two), 16))
    assert (len(read.train_labels), len(read.test_labels)) == (8, 4)


def test_a_picture_is_its_middle_square_made_small_and_upright(tmp_path: Path) -> None:
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = (10, 200, 30)
    file = BytesIO()
    Image.fromarray(wide).save(file, "PNG")
    contents = pets() | {"cat/wide.png": file.getvalue()}
    read = data.load(bring(zipped(tmp_path / "pets.zip", contents), 32))
    plain = torch.tensor([10, 200, 30], dtype=torch.uint8)[:, None, None].expand(3, 32, 32)
    assert any(torch.equal(image, plain) for image in (*read.train_images, *read.test_images))


def test_pictures_without_colours_have_one_channel(tmp_path: Path) -> None:
    grey = {f"{cls}/{at}.png": picture(at + 9 * (cls == "a"), colour=False) for cls in "ab" for at in range(4)}
    assert data.facts(bring(zipped(tmp_path / "grey.zip", grey), 16)).shape == (1, 16, 16)
    assert data.facts(bring(zipped(tmp_path / "one.zip", grey | {"a/c.png": picture(99)}), 16)).shape == (3, 16, 16)


def test_other_pictures_names_or_sizes_are_another_set_and_titles_are_not(tmp_path: Path) -> None:
    source = zipped(tmp_path / "pets.zip", pets())
    same = bring(source, 16, "Pets")
    assert same == bring(source, 16, "The same") and about(same).title == "Pets"
    others = {
        bring(source, 32),
        bring(zipped(tmp_path / "b.zip", pets(first=40)), 16),
        bring(zipped(tmp_path / "c.zip", pets(classes=("cat", "fox"))), 16),
    }
    assert len(others | {same}) == 4 and set(own.names()) == others | {same}


def test_a_run_on_brought_pictures_is_trained_and_repeated(tmp_path: Path) -> None:
    recipe = Recipe(data=bring(zipped(tmp_path / "pets.zip", pets(20)), 16), steps=3)
    first, again = (list(train(SMALL, recipe, on=CPU))[-1] for _ in range(2))
    assert first.event == again.event == "finished"
    assert first.model_dump(exclude={"seconds", "cpu_seconds"}) == again.model_dump(exclude={"seconds", "cpu_seconds"})


def test_the_same_picture_is_never_on_both_sides_of_the_split(tmp_path: Path) -> None:
    contents = pets(10) | {f"dog/copy{at}.png": picture(at) for at in range(10)}  # of the cats
    read = data.load(name := bring(zipped(tmp_path / "pets.zip", contents), 16))
    assert len(read.train_labels) + len(read.test_labels) == 20
    assert about(name).left_out_count == 10
    assert "dog/copy3.png: shows the same as cat/3.png" in about(name).left_out


# What is left out


def test_what_is_broken_is_listed_and_the_rest_is_taken(tmp_path: Path) -> None:
    good = picture(500)
    contents = pets() | {
        "cat/broken.png": good[:60],
        "cat/empty.jpg": b"",
        "cat/text.png": b"hello",
        "notes.txt": b"hello",
        "top.png": picture(501),
        "__MACOSX/cat/._0.png": b"x",
        "cat/.hidden.png": good,
        "cat/Thumbs.db": b"x",
    }
    for source in (zipped(tmp_path / "pets.zip", contents), unpacked(tmp_path / "pets", contents)):
        said = about(bring(source, 16)).left_out
        assert sorted(line.partition(":")[0] for line in said) == [
            "cat/broken.png", "cat/empty.jpg", "cat/text.png", "notes.txt", "top.png",
        ]  # fmt: skip
        assert "cat/text.png: the file is no PNG, JPEG, WebP or GIF picture" in said
        assert "top.png: it lies in no folder of a class" in said


def test_names_in_an_archive_lead_nowhere(tmp_path: Path) -> None:
    evil = {
        "../evil/1.png": picture(90),
        "cat/../../2.png": picture(91),
        "/etc/3.png": picture(92),
        "c:/4.png": picture(93),
        "cat//5.png": picture(94),
        "/".join("d" * 20) + "/6.png": picture(95),
    }
    before = set(tmp_path.rglob("*"))
    name = bring(zipped(tmp_path / "pets.zip", pets() | evil), 16)
    read = data.load(name)
    assert read.classes == ("cat", "dog") and len(read.train_labels) + len(read.test_labels) == 10
    assert about(name).left_out_count == len(evil)
    made = set(tmp_path.rglob("*")) - before
    assert {path.name for path in made if path.is_file()} == {"pets.zip", f"{own.Own.of(name).id}.safetensors"}  # type: ignore[attr-defined]


def test_a_class_may_have_any_name_and_is_shown_plainly(tmp_path: Path) -> None:
    odd = "<b>\x1b[31m\u202e"
    name = bring(zipped(tmp_path / "pets.zip", pets(classes=(odd, "собака"))), 16)
    assert data.facts(name).classes == ("<b>�[31m�", "собака")


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = unpacked(tmp_path / "secret", pets(3, classes=("key",), first=70))
    source = unpacked(tmp_path / "pets", pets())
    os.symlink(secret / "key", source / "key")
    os.symlink(secret / "key" / "0.png", source / "cat" / "link.png")
    os.mkfifo(source / "cat" / "pipe.png")
    name = bring(source, 16)
    assert data.facts(name).classes == ("cat", "dog") and about(name).left_out_count == 3

    entry = zipfile.ZipInfo("cat/link.png")
    entry.external_attr = 0o120777 << 16
    archive = zipped(tmp_path / "pets.zip", pets())
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(entry, "/etc/passwd")
    assert about(bring(archive, 32)).left_out == ("cat/link.png: a link",)


def bomb(size: int) -> bytes:
    return b"\x89PNG" + bytes(size)


def test_what_grows_too_much_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = zipped(tmp_path / "pets.zip", pets() | {"cat/bomb.png": bomb(4_000_000), "cat/big.png": bomb(17 * 2**20)})
    said = " ".join(about(bring(archive, 16)).left_out)
    assert "cat/bomb.png: it grows by more than 100 times" in said
    assert "cat/big.png: it has 17,825,796 bytes, more than the 16,777,216 of a picture" in said
    monkeypatch.setattr(files, "MOST_UNPACKED", 20_000_000)
    with pytest.raises(
        ValueError, match=r"pets.zip unpacks to 21,\d+,\d+ bytes, more than the 20,000,000 that are read"
    ):
        bring(archive, 16)


def test_an_entry_that_is_longer_or_shorter_than_it_says_is_left_out(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "pets.zip", pets() | {"dog/zz.png": picture(300)}, zipfile.ZIP_STORED)
    raw = archive.read_bytes()
    at = raw.rfind(b"PK\x01\x02")
    size = struct.unpack("<I", raw[at + 24 : at + 28])[0]
    for claimed in (size + 9, size - 9):
        archive.write_bytes(raw[: at + 20] + struct.pack("<II", claimed, claimed) + raw[at + 28 :])
        said = about(bring(archive, 16 if claimed > size else 32)).left_out
        assert len(said) == 1 and said[0].startswith(("dog/zz.png: it is damaged", "dog/zz.png: it is cut short"))


def test_a_picture_that_claims_a_vast_size_is_left_out(tmp_path: Path) -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    vast = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
        + chunk(b"IEND", b"")
    )
    [said] = about(bring(zipped(tmp_path / "pets.zip", pets() | {"cat/vast.png": vast}), 16)).left_out
    assert said == "cat/vast.png: the picture has more than the 25,000,000 pixels that are read"


def test_encrypted_and_rare_entries_are_left_out(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "pets.zip", pets(), zipfile.ZIP_STORED)
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_LZMA) as file:
        file.writestr("dog/zz.png", picture(301))
    assert "packed in a way" in about(bring(archive, 16)).left_out[0]
    raw = bytearray(zipped(tmp_path / "pets.zip", pets() | {"dog/zz.png": picture(302)}).read_bytes())
    at = raw.rfind(b"PK\x01\x02")
    raw[at + 8] |= 1
    archive.write_bytes(raw)
    assert about(bring(archive, 32)).left_out == ("dog/zz.png: it is encrypted",)


# What is refused


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ({}, "needs pictures in 2 to 200 folders, one a class: none were found"),
        (pets(classes=("cat",)), "only 'cat' was found"),
        ({"a.txt": b"x"}, "none were found. Left out: a.txt: no PNG"),
        ({"a/1.png": b"x", "b/1.png": b"y"}, "Left out: a/1.png: the file is no PNG"),
        (pets(1, classes=tuple(f"c{at:03}" for at in range(201))), "201 of them were found"),
        (pets(1), "too few pictures: every class needs one to learn from"),
    ],
)
def test_what_makes_no_set_is_refused(contents: dict[str, bytes], said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError) as refusal:
        bring(zipped(tmp_path / "pets.zip", contents), 16)
    assert said in str(refusal.value) and str(refusal.value).startswith("pets.zip ")
    assert own.names() == ()


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04" + bytes(200), b"PK\x05\x06" + b"\xff" * 18, bytes(9000)])
def test_what_is_no_zip_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "pets.zip"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"pets.zip (is no zip file|lists more than)"):
        bring(path, 16)


def test_any_damage_to_a_zip_ends_in_a_set_or_a_sentence(tmp_path: Path) -> None:
    raw = zipped(tmp_path / "pets.zip", pets(3)).read_bytes()
    random = np.random.default_rng(0)
    path = tmp_path / "damaged.zip"
    for _ in range(150):
        damaged = bytearray(raw)
        for at in random.integers(0, len(raw), 4):
            damaged[at] = random.integers(0, 256)
        path.write_bytes(damaged if random.random() < 0.7 else damaged[: random.integers(0, len(raw))])
        try:
            bring(path, 16)
        except ValueError as refusal:
            assert str(refusal).startswith("damaged.zip ")


def test_there_is_an_end_to_files_pictures_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, source = zipped(tmp_path / "pets.zip", pets()), unpacked(tmp_path / "pets", pets())
    for where, limit, value, said in (
        (pictures, "MOST_PICTURES", 9, "has 10 pictures, and a set may have 9"),
        (own, "MOST_BYTES", 5000, "has 10 pictures, and 6 of 16×16 are kept"),
        (own, "MOST_TOGETHER", 5000, "`explorer data remove NAME` makes room"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(where, limit, value)
            for one in (archive, source):
                with pytest.raises(ValueError, match=said):
                    bring(one, 16)
    monkeypatch.setattr(files, "MOST_FILES", 9)
    with pytest.raises(ValueError, match="lists more than the 9 files"):
        bring(archive, 16)
    with pytest.raises(ValueError, match="more than the 9 files"):
        bring(source, 16)
    monkeypatch.setattr(files, "MOST_ARCHIVE", 100)
    with pytest.raises(ValueError, match="more than the 100 bytes"):
        bring(archive, 16)
    with pytest.raises(ValueError, match="not 17"):
        bring(archive, 17)
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        bring(tmp_path / "nowhere.zip", 16)


def test_a_folder_that_takes_no_file_is_said(tmp_path: Path, folder: Path) -> None:
    folder.write_text("not a folder")
    with pytest.raises(ValueError, match=r"the pictures were not kept in .*own: "):
        bring(zipped(tmp_path / "pets.zip", pets()), 16)


# What is kept


def test_a_kept_file_that_was_tampered_with_is_refused(tmp_path: Path) -> None:
    name = bring(zipped(tmp_path / "pets.zip", pets()), 16)
    found = own.Own.of(name)
    assert isinstance(found, own.Own)
    raw = found.path.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own, "MOST_BYTES", -(2**20))
        with pytest.raises(ValueError, match="more than the"):
            found.load()
    for content in (b"", b"x" * 100, raw[:-1], raw.replace(b'"U8"', b'"I8"'), raw.replace(b"about", b"abort", 1)):
        found.path.write_bytes(content)
        with pytest.raises(ValueError, match="is no set of pictures"):
            found.load()
    found.path.write_bytes(raw[:-1] + b"\x07")  # a label
    with pytest.raises(ValueError, match=r"labels that are no class|no set"):
        for at in range(1, len(raw)):
            found.path.write_bytes(raw[:-at] + b"\x07" * at)
            found.load()
    own.remove(name)
    assert own.names() == () and name not in data.available()
    with pytest.raises(ValueError, match="cannot be removed: No such file"):
        own.remove(name)
    with pytest.raises(ValueError, match="`explorer data add FILE`"):
        data.load(name)


# In a process of its own


def ended(errands: Errands, key: str) -> str:
    limit = time.monotonic() + 60
    while (errand := errands.read(key)) is not None and errand.active:
        assert time.monotonic() < limit
        time.sleep(0.05)
    assert errand is not None
    return errand.name or errand.reason


def test_an_errand_makes_the_set_and_deletes_what_was_uploaded(tmp_path: Path) -> None:
    errands = Errands()
    archive, broken = zipped(tmp_path / "pets.zip", pets()), tmp_path / "broken.zip"
    broken.write_bytes(b"nothing")
    keys = [errands.bring(archive, 16, "Pets"), errands.bring(broken, 16, "Broken")]
    third = errands.download("cifar10")
    assert ended(errands, third) == "2 others are under way; try again when one has ended."
    name, reason = (ended(errands, key) for key in keys)
    assert data.facts(name).subject == "Pets"
    assert reason == "Broken.zip is no zip file, or cut short."
    limit = time.monotonic() + 60
    while archive.exists() or broken.exists():
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_an_errand_can_be_stopped_and_forgotten(tmp_path: Path) -> None:
    errands = Errands()
    key = errands.bring(zipped(tmp_path / "pets.zip", pets(200)), 16, "Pets")
    errands.stop(key)
    assert ended(errands, key) == "It was stopped."
    limit = time.monotonic() + 60
    while errands.read(key) is not None:
        assert time.monotonic() < limit
        errands.forget(key)
        time.sleep(0.05)


def test_the_terminal_adds_lists_and_removes_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = unpacked(tmp_path / "pets", pets() | {"cat/text.png": b"hello"})
    assert main(["data", "add", str(source), "--size", "16", "--title", "Pets"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("Pets (10 images of 16×16): 2 classes, 8 to learn from, 2 to test with\nname: own:id=")
    assert said.err == "left out: cat/text.png: the file is no PNG, JPEG, WebP or GIF picture\n"
    [name] = own.names()
    assert main(["data"]) == main(["data", "list"]) == 0
    assert f"{name}  Pets (10 images of 16×16)" in capsys.readouterr().out
    assert main(["data", "remove", name]) == 0 and own.names() == ()
    assert main(["data", "add", str(tmp_path / "nowhere")]) == 1
    assert "nowhere cannot be read: No such file or directory" in capsys.readouterr().err
    assert main(["data", "download", "imagenet"]) == 1
    assert "what can be: fashion-mnist, mnist, cifar10" in capsys.readouterr().err
