"""Texts of others in one line, and on a terminal."""

import pytest

from resources.one_line import one_line, safe_for_terminal

UNSEEN = ["\n", "\r", "\t", "\0", "\x1b", "\x85", "\xad", "\u2028", "\u202e", "\u200b", "\ufeff"]


@pytest.mark.parametrize("sign", UNSEEN)
def test_what_is_not_seen_is_written_out(sign):
    text = one_line(f"income{sign}all is well")
    assert text.isprintable()
    assert text.startswith("income\\")


def test_what_is_seen_stays():
    text = "Jürgen 風險 👩\u200d💻 {a} \\n 'x'"
    assert one_line(text) == text
    assert safe_for_terminal(text) == text


def test_a_terminal_is_coloured_and_no_more():
    coloured = "\x1b[31mfound\x1b[0m\n\tnext\n"
    assert safe_for_terminal(coloured) == coloured
    for code in ("\x1b[2J", "\x1b]0;title\x07", "\x1b[1A", "\x9b2J", "\x1bc", "\b", "\x1b[31"):
        assert "\x1b" not in safe_for_terminal(f"income{code}x")
        assert safe_for_terminal(f"income{code}x").isprintable()
