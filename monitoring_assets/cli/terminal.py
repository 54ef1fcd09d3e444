"""What commands write: texts of others give a terminal no orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

from resources.one_line import safe_for_terminal

if TYPE_CHECKING:
    from rich.console import Console


class Terminal:
    """A stream that passes text on without what moves a cursor or sets a title.

    Names of columns, categories and folders are data, and a command may print any of them.

    Parameters
    ----------
    stream
        Where it is written.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write the text, with escapes for what is left out."""
        return self.stream.write(safe_for_terminal(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def console_of_bars() -> Console:
    """A console for bars of progress, which move the cursor; it is for our own words only."""
    import sys

    from rich.console import Console

    stderr = sys.stderr
    return Console(file=stderr.stream if isinstance(stderr, Terminal) else stderr)
