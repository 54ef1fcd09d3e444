"""What a DAG and its tasks say of themselves, in Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .dagster_link import asset_url

if TYPE_CHECKING:
    from collections.abc import Mapping


def dag_docs(model: Mapping[str, Any], bundle: Mapping[str, Any]) -> str:
    """Documentation of a model version's DAG."""
    url = bundle["settings"]["dagster"]["url"]
    rows = "\n".join(
        f"| {_linked(asset, url)} | {', '.join(asset['checks']) or 'none'} "
        f"| {_escaped(asset['description'])} |"
        for asset in bundle["assets"]
    )
    owner = _escaped(model["owner"])
    state = "It is **retired**: no more days are scheduled.\n\n" if model["retired"] else ""
    return f"""\
# {model["name"]}, version {model["version"]}

{_escaped(model["description"])}

{state}Monitored for **{owner}**: due at `{model["cron"]}`, {model["timezone"]}, on the \
day after the batch's. A run is about the partition `<day>|{model["key"]}`, the day before \
its data interval ends; a run made by hand may name another one as parameter `date`.

| task | checks | makes |
|---|---|---|
{rows}

The task `checks` fails when a check of the day failed with severity ERROR, and its log says why; \
a warning does not. Clear a task to make its partition again.

Manifest `{model["manifest_sha256"][:12]}`.
"""


def task_docs(asset: Mapping[str, Any], bundle: Mapping[str, Any]) -> str:
    """Documentation of an asset's task."""
    lines = {
        "Dagster asset": _linked(asset, bundle["settings"]["dagster"]["url"]),
        "group": asset["group"],
        "kinds": ", ".join(asset["kinds"]),
        "code version": asset["code_version"],
        "checks": ", ".join(asset["checks"]),
        "waits for": ", ".join(asset["waits_for"]),
    }
    facts = "\n".join(f"- {name}: {value}" for name, value in lines.items() if value)
    return f"{asset['description'] or ''}\n\n{facts}\n"


def _linked(asset: Mapping[str, Any], url: str | None) -> str:
    return f"[{asset['name']}]({asset_url(url, asset['key'])})" if url else str(asset["name"])


def _escaped(text: str | None) -> str:
    """A text in one line that Markdown shows as it is."""
    return re.sub(r"[\\`*~\[\]<>&|]", r"\\\g<0>", " ".join((text or "").split()))
