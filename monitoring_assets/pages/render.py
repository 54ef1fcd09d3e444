"""Templates, and how they write numbers."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from monitoring_assets.statistics.profiles.bins import short_label

NONE = "\N{EN DASH}"
DETAILED = 100
"""Columns of a page whose bins are shown: it stays under a megabyte."""


def render(template: str, **content: Any) -> str:
    """Return a page as one file of HTML; every text in it is escaped.

    Parameters
    ----------
    template
        Name of a file of ``templates/``.
    content
        What the template shows.
    """
    return _environment().get_template(template).render(content)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("monitoring_assets.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "bin_label": short_label,
        "colour": colour,
        "number": number,
        "percent": percent,
        "signed": signed,
    }
    return environment


def colour(outcome: str) -> str:
    """Return the class of what was found, in the style sheet."""
    quiet = {"ok": "ok", "warn": "warn", "insufficient evidence": "unsure", "shadow": "unsure"}
    return quiet.get(outcome, "fail")


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with a fixed number of digits after the point."""
    return NONE if value is None else f"{value:,.{digits}f}"


def signed(value: float | None, digits: int = 4) -> str:
    """Return a number with its sign."""
    return NONE if value is None else f"{value:+,.{digits}f}"


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share as a percentage."""
    return NONE if share is None else f"{share:.{digits}%}"
