"""Texts of others in one line of a terminal or a log: what is not seen is written out."""

from __future__ import annotations

import re

# Line breaks, control characters, what has no width, what turns the direction, halves of pairs.
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
# What colours text; our own commands write it.
_COLOURS = re.compile("(\x1b\\[[0-9;]*m)")
_KEPT = frozenset("\n\r\t")


def one_line(text: str) -> str:
    r"""A text in one line, with escapes for what a reader does not see.

    Examples
    --------
    >>> one_line("pd_cards\n\x1b[2Jall is well")
    'pd_cards\\n\\x1b[2Jall is well'
    """
    return UNSEEN.sub(_escaped, text)


def safe_for_terminal(text: str) -> str:
    """A text that colours a terminal at most: it moves no cursor and sets no title.

    Line breaks stay, as do tabs.
    """
    parts = _COLOURS.split(text)
    parts[::2] = [
        UNSEEN.sub(lambda one: one[0] if one[0] in _KEPT else _escaped(one), part)
        for part in parts[::2]
    ]
    return "".join(parts)


def _escaped(found: re.Match[str]) -> str:
    return repr(found[0])[1:-1] if found[0] != "\xad" else "\\xad"
