"""The text of a manifest: YAML, bounded before anything is made of it, with the line of each field.

Others write it, so it may take no more time and memory than its length says: an alias counts each
time that it stands for a value, and depth, number and length have limits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from resources.manifest.faults import FieldFault, ManifestError, shown
from resources.one_line import UNSEEN

MOST_BYTES = 1 << 20
"""Of the file: 5,000 characteristics with their types take a fifth of it."""
MOST_VALUES = 100_000
DEEPEST = 12
LONGEST_TEXT = 2000
LONGEST_NUMBER = 40
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_ALLOWED = {
    f"{_TAG}int": "a whole number",
    f"{_TAG}float": "a number",
    f"{_TAG}timestamp": "a date, YYYY-MM-DD",
    f"{_TAG}str": "text",
    f"{_TAG}bool": "true or false",
    f"{_TAG}null": "nothing",
}

Lines = Mapping[str, int]
"""Line of each field, from 1 on, by its dotted name."""


def read_yaml(text: str, file: str) -> tuple[dict[str, Any], Lines]:
    """Read a mapping of fields, with the line of each.

    Raises
    ------
    ManifestError
        If it is no YAML or no mapping, is too large in one way or another, or has a key twice, a
        date that is none, or text with line breaks or other signs that a reader does not see.
    """
    if len(text) > MOST_BYTES:
        raise ManifestError([too_large(file)])
    try:
        _require_shallow(text, file)
        loader = _LOADER(text)
        try:
            root = loader.get_single_node()
            if not isinstance(root, yaml.MappingNode):
                kind = "NoneType" if root is None else type(_value(loader, root)).__name__
                raise ManifestError([FieldFault(file, "", kind, "a mapping of fields")])
            walk = _Walk(loader, file)
            faults = list(walk.faults(root, ""))
            if faults:
                raise ManifestError(faults)
            return loader.construct_document(root), walk.lines
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        # The C library puts what is absent at the end behind the last line.
        line = f"line {min(mark.line + 1, len(text.splitlines()))}" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None)
        raise ManifestError(
            [FieldFault(file, line, (problem or "unreadable text").removeprefix("found "), "YAML")]
        ) from (None)


def too_large(file: str) -> FieldFault:
    """The fault of a manifest's file that is not read."""
    allowed = f"at most {MOST_BYTES:,} bytes and {MOST_VALUES:,} values, aliases written out"
    return FieldFault(file, "", "too large a manifest", allowed)


def line_of(field: str, lines: Lines) -> int | None:
    """Line of a field; of one that is not there the line of the section that lacks it."""
    while field and field not in lines:
        field = field.rpartition(".")[0]
    return lines.get(field)


def _require_shallow(text: str, file: str) -> None:
    """Refuse depth before the parts are put together, which is done by recursion."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise ManifestError([_too_deep(file, event)])


def _too_deep(file: str, at: Any) -> FieldFault:
    line = at.start_mark.line + 1
    found = f"more than {DEEPEST} levels of lists and mappings"
    return FieldFault(file, f"line {line}", found, f"at most {DEEPEST}")


def _value(loader: Any, node: yaml.Node) -> Any:
    """What a node means; text of a kind that it cannot be is a `ValueError` of some sort."""
    return loader.construct_object(node, deep=True)


class _Walk:
    """One look at every value, as often as it is used."""

    def __init__(self, loader: Any, file: str) -> None:
        self._loader, self._file = loader, file
        self._values, self._characters = MOST_VALUES, MOST_BYTES
        self.lines: dict[str, int] = {}

    def faults(self, node: yaml.Node, field: str, depth: int = 1) -> Iterator[FieldFault]:
        self._values -= 1
        self._characters -= len(node.value)
        if min(self._values, self._characters) < 0:
            raise ManifestError([too_large(self._file)])
        if isinstance(node, yaml.ScalarNode):
            yield from self._of_scalar(node, field)
            return
        if depth > DEEPEST:
            raise ManifestError([_too_deep(self._file, node)])
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            for number, item in enumerate(node.value):
                yield from self.faults(item, self._at(field, str(number), item), depth + 1)
        elif isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            yield from self._of_mapping(node, field, depth)
        else:
            yield self._fault(node, field, node.tag, "a list or a mapping of fields")

    def _of_mapping(self, node: yaml.MappingNode, field: str, depth: int) -> Iterator[FieldFault]:
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                yield self._fault(key, field, f"a {key.id} as a name", "a name that is text")
                continue
            if key.tag == f"{_TAG}merge":
                yield from self.faults(value, field, depth + 1)
                continue
            yield from self._of_scalar(key, field)
            at = self._at(field, key.value, key)
            if key.value in first:
                found = f"twice, in lines {first[key.value]} and {line}"
                yield FieldFault(self._file, shown_field(at), found, "a field once")
            first.setdefault(key.value, line)
            yield from self.faults(value, at, depth + 1)

    def _of_scalar(self, node: yaml.ScalarNode, field: str) -> Iterator[FieldFault]:
        text = node.value
        if node.tag not in _ALLOWED:
            yield self._fault(node, field, node.tag, "text, a number, a date, true or false")
        elif len(text) > LONGEST_TEXT:
            allowed = f"text of at most {LONGEST_TEXT:,} characters"
            yield self._fault(node, field, f"{len(text):,} characters", allowed)
        elif UNSEEN.search(text):
            allowed = "text in one line, without characters that are not seen"
            yield self._fault(node, field, shown(text), allowed)
        elif node.tag != f"{_TAG}str":
            try:
                if node.tag == f"{_TAG}int" and len(text) > LONGEST_NUMBER:
                    raise OverflowError
                _value(self._loader, node)
            except (ValueError, OverflowError, LookupError, AttributeError):
                yield self._fault(node, field, shown(text), _ALLOWED[node.tag])

    def _at(self, field: str, name: str, node: yaml.Node) -> str:
        at = f"{field}.{name}" if field else name
        self.lines.setdefault(at, node.start_mark.line + 1)
        return at

    def _fault(self, node: yaml.Node, field: str, found: str, allowed: str) -> FieldFault:
        line = node.start_mark.line + 1
        return FieldFault(self._file, shown_field(field), found, allowed, line)


def shown_field(field: str) -> str:
    """A field's dotted name as a fault has it: cut."""
    return field if len(field) <= 80 else f"{field[:77]}..."
