"""Values over days as a line of small bars."""

from __future__ import annotations

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


def bar(value: float, full: float) -> str:
    """One value as a bar; ``full`` and more is the highest."""
    return BARS[min(int(value / full * (len(BARS) - 1)), len(BARS) - 1)]


def curve(values: Sequence[float | None], full: float) -> str:
    """Values as bars, a blank where there is none."""
    return "".join(" " if value is None else bar(value, full) for value in values)
