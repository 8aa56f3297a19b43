"""docs/blocks.md says of every kind what its file says."""

import pytest

from explorer.block import Block
from explorer.blocks import KINDS
from tests.goldens import blocks_page


def test_the_page_is_the_one_that_the_kinds_write() -> None:
    written = blocks_page.PAGE.read_text(encoding="utf-8")
    assert written == blocks_page.page(), "run .venv/bin/python -m tests.goldens.blocks_page"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_kind_stands_there_with_summary_formula_source_and_every_field(kind: type[Block]) -> None:
    page = blocks_page.page()
    section = page.split(f"`{kind.__name__}`, kind `", 1)[1].split("\n##", 1)[0]
    assert kind.summary in section
    assert kind.formula in section
    assert f"Source: {kind.source}." in section
    common = page.split("## Fields that many kinds share", 1)[1]
    for name, field in kind.model_fields.items():
        if name != "kind":
            assert f"`{name}`" in section
            assert str(field.description).replace("|", "\\|") in section + common


def test_rows_have_as_many_cells_as_their_head() -> None:
    for table in blocks_page.page().split("\n\n"):
        if table.startswith("|"):
            rows = [row.replace("\\|", "").count("|") for row in table.splitlines()]
            assert len(set(rows)) == 1
