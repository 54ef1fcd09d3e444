"""Queries of Dagster's UI, as the bundle of its webserver has them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import dagster_webserver

CHUNKS = Path(dagster_webserver.__file__).parent / "webapp/build/_next/static/chunks"
# A template's text, and the query or fragment that each of its parts is.
TEXT = re.compile(r'"(\\n\s*(?:query|mutation|fragment) (?:[^"\\]|\\.)*)"')
PART = re.compile(r"\n\s*(?=(?:query|mutation|fragment) \w+)")
NAME = re.compile(r"(?:query|mutation|fragment) (\w+)")
SPREAD = re.compile(r"\.\.\.\s*(?!on\s)(\w+)")


def ui_queries() -> dict[str, str]:
    """Every query, mutation and fragment by its name."""
    found = {}
    for file in sorted(CHUNKS.rglob("*.js")):
        for text in TEXT.findall(file.read_text()):
            for part in PART.split(json.loads(f'"{text}"')):
                if name := NAME.match(part.strip()):
                    found[name[1]] = part.strip()
    return found


def document(name: str, parts: dict[str, str]) -> str:
    """A query with the fragments that it spreads."""
    used: dict[str, str] = {}
    wanted = [name]
    while wanted:
        one = wanted.pop()
        if one not in used:
            used[one] = parts[one]
            wanted += SPREAD.findall(parts[one])
    return "\n".join(used.values())
