"""What has to be written so that an account has the dashboards and monitors as defined here.

Ours is what carries the mark *and* the title of a definition. A copy of it, or one
that was renamed, carries the mark only: it is named and left alone.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from monitoring_assets.dashboards.account import Account, link
from monitoring_assets.dashboards.definition import (
    DashboardSettings,
    Definition,
    Json,
    Kind,
    slug_of,
)
from monitoring_assets.dashboards.model import model
from monitoring_assets.dashboards.monitors import monitors
from monitoring_assets.dashboards.overview import overview

Action = Literal["create", "update", "keep"]

PEOPLES_FIELDS = ("tags", "notify_list", "restricted_roles", "template_variable_presets")
"""Fields of a dashboard that are left to people; the API would empty what is not sent."""


@dataclass(frozen=True)
class PlanStep:
    """A definition, and what the account has of it.

    Parameters
    ----------
    theirs
        As the account has it; None if it does not.
    """

    definition: Definition
    theirs: Json | None

    @property
    def action(self) -> Action:
        """What has to be done."""
        if self.theirs is None:
            return "create"
        body = self.definition.body
        return "keep" if _as_written(body, self.theirs) == body else "update"

    @property
    def difference(self) -> str:
        """Unified diff, of JSON, from what the account has to the definition."""
        body = self.definition.body
        before = {} if self.theirs is None else _as_written(body, self.theirs)
        name = f"{self.definition.kind}s/{self.definition.slug}.json"
        lines = difflib.unified_diff(
            _lines(before), _lines(body), f"datadog/{name}", f"defined/{name}", lineterm=""
        )
        return "\n".join(lines)

    def apply(self, account: Account) -> Json:
        """Write it if it has to be; returns it as the account has it then.

        Raises
        ------
        UndeliveredError
            If Datadog was not reached, or said no.
        """
        kind, body = self.definition.kind, self.definition.body
        if self.theirs is None:
            return account.create(kind, body)
        if self.action == "keep":
            return self.theirs
        if kind == "dashboard":
            theirs = {name: self.theirs[name] for name in PEOPLES_FIELDS if name in self.theirs}
            body = theirs | body
        return account.update(kind, self.theirs["id"], body)


@dataclass(frozen=True)
class Stray:
    """Something that carries our mark but is no definition's: nothing is done with it."""

    kind: Kind
    title: str
    link: str
    why: str


def definitions(settings: DashboardSettings) -> list[Definition]:
    """All dashboards and monitors of this project."""
    return [overview(settings), model(settings), *monitors(settings)]


def plan(wanted: Sequence[Definition], account: Account) -> tuple[list[PlanStep], list[Stray]]:
    """Compare definitions with an account.

    Returns
    -------
    list of PlanStep, list of Stray
        One step for each definition, in order; what else carries our mark.

    Raises
    ------
    UndeliveredError
        If the account could not be read.
    """
    kinds: tuple[Kind, ...] = ("dashboard", "monitor")
    marked = [
        (kind, slug, item)
        for kind in kinds
        for item in account.marked(kind)
        if (slug := slug_of(kind, item)) is not None
    ]
    # The oldest first: a copy is younger than what it was made from.
    marked.sort(key=lambda entry: str(entry[2].get("created_at") or entry[2].get("created") or ""))
    ours: dict[tuple[Kind, str], Json] = {}
    strays = []
    titles = {(item.kind, item.slug): item.title for item in wanted}
    for kind, slug, item in marked:
        title = item["title" if kind == "dashboard" else "name"]
        if (kind, slug) not in titles:
            why = f"no {kind} {slug!r} is defined any more"
        elif title != titles[kind, slug]:
            why = f"a copy of {titles[kind, slug]!r}, or it under another title"
        elif (kind, slug) in ours:
            why = "a copy, under the same title"
        else:
            ours[kind, slug] = item
            continue
        strays.append(Stray(kind, title, link(kind, item), why))
    steps = []
    for definition in wanted:
        listed = ours.get((definition.kind, definition.slug))
        theirs = None if listed is None else account.read(definition.kind, listed)
        steps.append(PlanStep(definition, theirs))
    return steps, strays


def _as_written(ours: Any, theirs: Any) -> Any:
    """Of what the account has, the part that we wrote; the server adds ids, defaults, dates."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return {name: _as_written(ours[name], theirs[name]) for name in ours if name in theirs}
    if isinstance(ours, list) and isinstance(theirs, list):
        if all(isinstance(item, str) for item in ours + theirs) and sorted(theirs) == sorted(ours):
            return ours  # tags: a set
        common = [_as_written(*pair) for pair in zip(ours, theirs, strict=False)]
        return common + theirs[len(ours) :]
    return ours if ours == theirs else theirs  # 1 and 1.0 are the same, and shown the same


def _lines(body: Json) -> list[str]:
    return json.dumps(body, indent=2, ensure_ascii=False).splitlines()
