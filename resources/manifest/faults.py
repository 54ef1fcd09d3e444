"""Faults of a manifest, in words."""

from __future__ import annotations

import datetime as dt
import re
import reprlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from monitoring_assets.statistics.drift.thresholds import AtOddsError
from resources.one_line import one_line
from resources.scorers import SCORERS

# Not `repr`: it writes all of a value out before anything is cut.
_BOUNDED = reprlib.Repr()
_BOUNDED.maxlist = _BOUNDED.maxtuple = 20
_BOUNDED.maxstring = _BOUNDED.maxlong = _BOUNDED.maxother = 1000

WORDS = {
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "model_type": "a mapping of fields",
    "model_attributes_type": "a mapping of fields",
    "dataclass_type": "a mapping of fields",
    "dict_type": "a mapping of fields",
    "list_type": "a list",
    "tuple_type": "a list",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "date_type": "a date, YYYY-MM-DD",
    "date_parsing": "a date, YYYY-MM-DD",
    "date_from_datetime_parsing": "a date, YYYY-MM-DD",
    "date_from_datetime_inexact": "a date, YYYY-MM-DD",
    "invalid_key": "a name that is text",
}
"""What may stand in a field, by pydantic's name for the error."""


@dataclass(frozen=True)
class FieldFault:
    """One thing wrong with one file of a version, in words a person can act on.

    Parameters
    ----------
    file
        Path of the file, as the registry names it.
    field
        Dotted path of the field, empty when the fault is the file itself.
    found
        What stands there.
    allowed
        What may stand there.
    line
        Line of the file, from 1 on, if it is known.
    """

    file: str
    field: str
    found: str
    allowed: str
    line: int | None = None

    def __str__(self) -> str:
        where = f"{self.file}: {self.field}" if self.field else self.file
        line = f" (line {self.line})" if self.line else ""
        return one_line(f"{where}: found {self.found}; allowed: {self.allowed}{line}")


class ManifestError(ValueError):
    """A manifest that cannot be used; ``faults`` names everything that is wrong with it."""

    def __init__(self, faults: list[FieldFault]) -> None:
        self.faults = faults
        super().__init__("\n".join(map(str, faults)))


def refuse(faults: Iterable[tuple[str, object, str]]) -> None:
    """Raise for fields that are at odds, each with what it holds and what it may; pass for none.

    Raises
    ------
    AtOddsError
        With all of them.
    """
    if found := tuple(faults):
        raise AtOddsError(*found)


def faults_from(file: str, error: Any) -> Iterator[FieldFault]:
    """Say a pydantic error in this project's words."""
    place, context = list(error["loc"]), error.get("ctx", {})
    kind, found = error["type"], error["input"]
    if place[:1] == ["scoring"]:
        del place[1:2]  # the union's tag, a level that the file does not have
    if place[:2] == ["thresholds", "smoothing"]:  # one error for the text, one for the number
        if kind == "literal_error":
            allowed = "'jeffreys' or a share over 0 and under 0.1"
            yield FieldFault(file, "thresholds.smoothing", shown(found), allowed)
        return
    field = ".".join(map(str, place))
    if isinstance(context.get("error"), AtOddsError):
        for name, value, allowed in context["error"].faults:
            yield FieldFault(file, f"{field}.{name}" if field else name, shown(value), allowed)
    elif kind == "missing":
        yield FieldFault(file, field, "nothing", "this field must be given")
    elif kind in ("extra_forbidden", "unexpected_keyword_argument"):
        yield FieldFault(file, field, "an unknown field", "no such field (a typing error?)")
    elif kind == "union_tag_not_found":
        *flavours, last = map(repr, SCORERS)
        yield FieldFault(file, f"{field}.flavour", "nothing", f"{', '.join(flavours)} or {last}")
    elif kind == "union_tag_invalid":
        yield FieldFault(file, f"{field}.flavour", repr(context["tag"]), context["expected_tags"])
    elif kind == "value_error":
        yield FieldFault(file, field, shown(found), str(context["error"]))
    elif kind == "string_pattern_mismatch":
        yield FieldFault(file, field, shown(found), f"text that matches {context['pattern']}")
    elif kind in ("too_short", "too_long"):
        bound = "at least" if kind == "too_short" else "at most"
        number = context["min_length" if kind == "too_short" else "max_length"]
        yield FieldFault(file, field, shown(found), f"a list of {bound} {number}")
    elif kind in WORDS:
        yield FieldFault(file, field, shown(found), WORDS[kind])
    else:  # a bound or a choice: what follows is the value itself
        allowed = error["msg"].removeprefix("Input should be ")
        yield FieldFault(file, field, shown(found), allowed)


def shown(found: object) -> str:
    """A value as a fault shows it: in one line, cut, and without the user and password of a URL."""
    if isinstance(found, dict):
        return "a mapping"
    # A date is written in YAML without quotes, and its `repr` is Python.
    shown = _BOUNDED.repr(str(found) if isinstance(found, dt.date) else found)
    shown = re.sub(r"://.*@", "://...@", shown)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
