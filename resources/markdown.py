"""Texts of others in Markdown: names of columns, categories and messages show as they are."""

from __future__ import annotations

import re

from resources.one_line import one_line

# What begins code, emphasis, a link, an image, HTML, an entity, or a cell of a table.
_MARKUP = re.compile(r"[\\`*~\[\]<>&|]")


def as_markdown(text: str) -> str:
    r"""A text that a Markdown renderer shows as it is, in one line.

    Underscores stay: within a word, where names have them, they mean nothing.

    Examples
    --------
    >>> as_markdown("[x](javascript:alert(1))")
    '\\[x\\](javascript:alert(1))'
    """
    return _MARKUP.sub(r"\\\g<0>", one_line(text))
