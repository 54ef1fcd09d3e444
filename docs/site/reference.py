"""Pages of the site that are made from the code: the commands, the manifest and the Python API."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from monitoring_assets.cli.main import main

SCHEMA = Path(__file__).parents[1] / "model.schema.json"
MODULES = (
    "monitoring_assets.statistics.profiles.profile",
    "monitoring_assets.statistics.profiles.binning",
    "monitoring_assets.statistics.drift.stability",
    "monitoring_assets.statistics.drift.drift",
    "monitoring_assets.statistics.performance.realised",
    "monitoring_assets.statistics.validation.default_rates",
    "monitoring_assets.statistics.validation.discrimination",
    "monitoring_assets.statistics.validation.concentration",
    "monitoring_assets.statistics.validation.migrations",
)
"""Statistics that other programs may call: pure functions of arrays and tables."""


def commands(command: click.Command, name: str) -> Iterator[str]:
    """Yield a section for a command and for each below it."""
    context = click.Context(command, info_name=name, max_content_width=100)
    yield f"## {name}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for one in command.list_commands(context):
            below = command.get_command(context, one)
            assert below is not None
            yield from commands(below, f"{name} {one}")


def manifest(schema: dict[str, Any]) -> Iterator[str]:
    """Yield a section for the manifest and for each object in it."""
    parts = schema["$defs"]
    yield _fields("model.yaml", schema, parts)
    for name, one in parts.items():
        if "properties" in one:
            yield _fields(name, one, parts)


def _fields(name: str, schema: dict[str, Any], parts: dict[str, Any]) -> str:
    lines = [f"## {name}\n", f"{_first(schema)}\n", "| field | type | default | meaning |"]
    lines.append("|---|---|---|---|")
    for field, one in schema["properties"].items():
        part = one.get("$ref", "").rpartition("/")[2]
        default = "" if part or "default" not in one else f"`{json.dumps(one['default'])}`"
        default = "required" if field in schema.get("required", ()) else default
        meaning = one.get("description") or _first(parts.get(part, {}))
        lines.append(f"| `{field}` | {_type(one)} | {default} | {_cell(meaning)} |")
    return "\n".join(lines) + "\n"


def _first(schema: dict[str, Any]) -> str:
    return str(schema.get("description", "")).partition("\n\n")[0].replace("\n", " ")


def _type(one: dict[str, Any]) -> str:
    if "$ref" in one:
        name = one["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in one:
        return ", or ".join(map(_type, one["anyOf"]))
    if "enum" in one or "const" in one:
        return ", ".join(f"`{value}`" for value in one.get("enum", [one.get("const")]))
    if one.get("type") == "array":
        return f"list of {_type(one.get('items', {}))}"
    bounds = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    limits = [f"{sign} {one[key]}" for key, sign in bounds.items() if key in one]
    return " ".join([str(one.get("type", "any")), *limits]).replace("<", "&lt;")


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")


def _write(file: Path, title: str, said: str, sections: Iterator[str]) -> None:
    file.write_text("\n".join([f"# {title}\n", f"{said}\n", *sections]), encoding="utf-8")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    _write(
        folder / "cli.md",
        "Commands",
        "What `--help` says of each command.",
        commands(main, "monitoring"),
    )
    _write(
        folder / "manifest.md",
        "The manifest",
        "Every field of `model.yaml`, from [its schema](model.schema.json). "
        "[An example](model.example.yaml) has each with a comment.",
        manifest(json.loads(SCHEMA.read_text())),
    )
    for module in MODULES:
        import_module(module)
    _write(
        folder / "api.md",
        "Python API",
        "The statistics are pure functions; they need neither Dagster nor a store. Other modules "
        "may change with any release.",
        (f"::: {module}\n" for module in MODULES),
    )
