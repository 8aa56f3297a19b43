"""Parts of the Design page that an edit changed are run until they were drawn, whatever is said in between."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from explorer.ui import session, stack
from explorer.ui.desk import new_session


class Rerun(Exception):
    """A run that was asked for; Streamlit's own ends the callback likewise."""


class Page:
    """The stack's callback, in a session of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state: dict[str, Any] = {session.KEY: new_session()}
        self.seq = 0
        fake = SimpleNamespace(session_state=self.state, query_params={}, rerun=self.rerun)
        monkeypatch.setattr(session, "st", fake)
        monkeypatch.setattr(stack, "st", fake)

    def rerun(self, parts: Any = "app") -> None:
        raise Rerun(parts)

    def say(self, **message: Any) -> Any:
        """Which parts run after this message."""
        self.seq += 1
        messages = [{**message, "seq": self.seq}]
        sent = {"session": self.state[session.KEY]["id"], "client": "x", "messages": messages, "repeats": 0}
        self.state[stack.KEY] = {"sent": sent}
        with pytest.raises(Rerun) as asked:
            stack._said()
        return asked.value.args[0]

    def draw(self, *parts: str) -> None:
        for part in parts:
            session.drawn(part)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    return Page(monkeypatch)


def test_what_changes_the_stack_alone_runs_the_stack_alone(page: Page) -> None:
    assert page.say(op="inside", cards=[]) == ["stack"]


def test_a_selection_runs_the_form_too_and_an_edit_all_parts_in_order(page: Page) -> None:
    assert page.say(op="select", at=3) == ["stack", "breath", "form"]
    page.draw("stack", "form")
    assert page.say(op="remove", at=3) == list(stack.PARTS)


def test_what_was_not_drawn_runs_with_the_next_message(page: Page) -> None:
    page.say(op="remove", at=3)
    page.draw("stack", "keeper")  # and then the next message comes
    assert page.say(op="inside", cards=[]) == ["stack", "breath", "form", "dock"]
    page.draw("stack", "form", "dock")
    assert page.say(op="inside", cards=[]) == ["stack"]
