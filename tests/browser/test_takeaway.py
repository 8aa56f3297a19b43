"""The tabs of the Export page in a real browser: what is taken away, and what is brought back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Download, Locator, Page, expect

from explorer import Network, checkpoint, presets
from tests.browser.screen import SOON, Screen

SMALL = presets.load("digits_resnet20")
BROUGHT = presets.load("cifar_resnet20")
WAIT = 4 * SOON  # torch's exporter, and a process that runs the exported file


def exporting(chromium: Browser, address: str, tab: str, network: Network = SMALL) -> tuple[Screen, Page]:
    """A tab of the Export page."""
    screen = Screen(chromium, address, f"?net={network.token()}")
    page = screen.page
    page.get_by_role("link", name="Export").click()
    turn(page, tab)
    return screen, page


def turn(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab, exact=True).click(timeout=WAIT)
    expect(page.get_by_role("tab", name=tab, exact=True)).to_have_attribute("aria-selected", "true")


def bring(page: Page, file: Path) -> None:
    page.locator('.st-key-opening-ways [data-testid="stFileUploader"] input[type="file"]').set_input_files(file)


def found(page: Page) -> Locator:
    return page.locator(".st-key-opening-found")


def taken(page: Page, button: str) -> Download:
    with page.expect_download(timeout=WAIT) as download:
        page.get_by_role("button", name=button).click(timeout=WAIT)
    return download.value


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A state dict as training scripts write it."""
    file = tmp_path / "epoch-7.pth"
    torch.save({"epoch": 7, "state_dict": BROUGHT.build(3).state_dict()}, file)
    return file


def test_a_state_dict_is_opened_and_its_weights_are_at_hand(chromium: Browser, address: str, weights: Path) -> None:
    screen, page = exporting(chromium, address, "Open")
    bring(page, weights)
    expect(found(page).locator("h2")).to_have_text(f"{BROUGHT.name}, with this app's names", timeout=WAIT)
    expect(found(page)).to_contain_text("Its weights are at hand as “epoch-7.pth”")
    expect(page.get_by_role("heading", level=1)).to_have_text(SMALL.name)  # nothing is open yet
    found(page).get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(BROUGHT.name, timeout=WAIT)
    expect(found(page)).to_contain_text("It is on screen")

    page.get_by_role("link", name="Inspect").click()
    page.get_by_role("tab", name="On a picture").click(timeout=WAIT)
    expect(page.get_by_role("combobox", name="Weights")).to_have_value("epoch-7.pth", timeout=WAIT)
    expect(page.locator(".xo-maps img").first).to_be_visible(timeout=WAIT)
    expect(page.locator(".xo-random")).to_have_count(0)  # these are no random weights

    page.get_by_role("link", name="Design").click()
    screen.shows(BROUGHT)
    page.get_by_role("button", name="Undo").click()
    screen.shows(SMALL)
    screen.close()


def test_a_file_that_cannot_be_opened_loses_nothing(
    chromium: Browser, address: str, weights: Path, tmp_path: Path
) -> None:
    screen, page = exporting(chromium, address, "Open")
    refused = found(page).locator(".xp-refusal")
    for name, content in (
        ("cut.pth", weights.read_bytes()[:-5000]),
        ("noise.safetensors", bytes(range(256)) * 40),
        ("half.json", SMALL.to_json().encode()[:-9]),
    ):
        (tmp_path / name).write_bytes(content)
        bring(page, tmp_path / name)
        expect(refused).to_contain_text(name, timeout=WAIT)
        expect(refused).to_contain_text("What is on screen is unchanged.")
        expect(found(page).locator("h2")).to_have_count(0)
        expect(page.get_by_role("heading", level=1)).to_have_text(SMALL.name)
    bring(page, weights)  # and the next good one is taken
    expect(found(page).locator("h2")).to_have_text(f"{BROUGHT.name}, with this app's names", timeout=WAIT)
    expect(refused).to_have_count(0)
    screen.close()


def test_json_is_taken_away_and_brought_back(chromium: Browser, address: str, tmp_path: Path) -> None:
    changed = SMALL.apply({"op": "set", "at": 1, "fields": {"repeat": 5}})
    screen, page = exporting(chromium, address, "Files", changed)
    saved = taken(page, "Download .json")
    assert saved.suggested_filename.endswith(".json")
    file = tmp_path / "mine.json"
    saved.save_as(file)
    assert Network.from_json(file.read_text()) == changed
    screen.close()

    other, page = exporting(chromium, address, "Open")
    bring(page, file)
    expect(found(page).locator("h2")).to_have_text(changed.name, timeout=WAIT)
    expect(page.locator(".st-key-opening-ways .xp-taken")).to_have_text("Read from mine.json", timeout=WAIT)
    found(page).get_by_role("button", name="Open").click()
    expect(found(page)).to_contain_text("It is on screen", timeout=WAIT)
    page.get_by_role("link", name="Design").click()
    other.shows(changed)
    other.close()


def test_onnx_and_weights_are_files_and_both_proofs_are_shown(chromium: Browser, address: str, tmp_path: Path) -> None:
    screen, page = exporting(chromium, address, "Files")
    taken(page, "Download .safetensors").save_as(tmp_path / "w.safetensors")
    held = checkpoint.read(tmp_path / "w.safetensors")
    assert held.keys() == SMALL.build().state_dict().keys()
    page.get_by_role("button", name="Make the file").click()
    proof = page.locator(".xp-proof")
    expect(proof).to_contain_text("same output as torch in", timeout=WAIT)
    saved = taken(page, "Download .onnx")
    saved.save_as(tmp_path / saved.suggested_filename)
    onnx = pytest.importorskip("onnx")
    model = onnx.load(tmp_path / saved.suggested_filename)
    onnx.checker.check_model(model)
    assert {one.name for one in model.graph.initializer} >= {key for key in held if key.endswith("conv.weight")}

    turn(page, "Code")
    expect(page.locator(".xp-proof.same")).to_have_text("same output, max |Δ| = 0", timeout=WAIT)
    screen.close()
