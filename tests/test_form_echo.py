"""Quick keys and the form: what a widget still holds of an old value is nobody's edit."""

from streamlit.testing.v1 import AppTest


def test_a_value_replaced_a_moment_ago_is_an_echo_and_a_new_one_an_edit() -> None:
    def script() -> None:
        import streamlit as st

        from explorer.ui import forms

        st.session_state["half-a"] = 9
        forms._note_replaced("half-a", 8)
        st.session_state["half-a"] = 8
        forms._note_replaced("half-a", 8)
        st.session_state["echo"] = [forms._is_echo("half-a", value) for value in (9, 8, 7)]
        st.session_state["other"] = forms._is_echo("half-b", 9)

    at = AppTest.from_function(script).run()
    assert at.session_state["echo"] == [True, False, False]
    assert at.session_state["other"] is False
