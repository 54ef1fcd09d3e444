"""How protected groups fared over a period of a version.

Counts of a day by group are kept in the store, below ``fairness/``: a later period needs neither
the batch nor the protected columns again. Nothing else reads them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from monitoring_assets.performance.protected_groups import DayGroups, count_groups
from monitoring_assets.reference.score_grid import read_grid
from monitoring_assets.statistics.validation.fairness import (
    Figure,
    GroupCounts,
    Known,
    Scale,
    assess,
    reference_group,
)
from resources.errors import InputError
from resources.lake import Lake
from resources.manifest import Manifest, band_labels
from resources.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

Counts = TypeVar("Counts", GroupCounts, Known)

READERS = 16
SAME_GROUPS = ("columns", "bands", "range", "edges")
"""What counts must be of to add up: the same groups, in the same cells."""


@dataclass(frozen=True, slots=True)
class ColumnFairness:
    """The groups of a protected column.

    Parameters
    ----------
    reference
        The group that the others are compared with; None if none is large enough.
    declared
        Whether the manifest names it.
    """

    column: str
    reference: str | None
    declared: bool
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class FairnessReport:
    """The fairness of a version over a period.

    Parameters
    ----------
    horizon
        Days after which outcomes count; None if the manifest says none.
    cut_offs
        The lender's.
    days
        Days that are counted.
    mature_days
        Of them, those whose outcomes are known.
    not_counted
        Days that are not in it, or not as they are now, and why.
    left_out
        Rows without a score in range.
    """

    key: str
    first: dt.date
    last: dt.date
    horizon: int | None
    cut_offs: tuple[float, ...]
    days: int
    mature_days: int
    not_counted: dict[dt.date, str]
    left_out: int
    columns: tuple[ColumnFairness, ...]


def fairness(
    store: Store, lake: Lake, key: str, first: dt.date, last: dt.date, horizon: int | None
) -> FairnessReport:
    """Count the days of a period that are not counted yet, and measure all of them together.

    Parameters
    ----------
    horizon
        Days after which outcomes count.

    Raises
    ------
    InputError
        The manifest has no section ``fairness``, no day can be counted, or it is not known which
        side of a cut-off is approved.
    """
    manifest = store.landed(key).manifest
    if manifest.outcome_kind == "continuous":
        raise InputError(
            f"{key} has numbers for outcomes (outcome.kind is continuous), and fairness is of "
            "goods and bads"
        )
    if manifest.fairness is None:
        raise InputError(
            f"{key}: the manifest has no section fairness; name the protected columns under "
            "fairness.columns, in a manifest of a higher revision"
        )
    scale = _scale(store, manifest)
    counted, not_counted = _counted(store, lake, manifest, scale, first, last)
    if not counted:
        why = next(iter(not_counted.values()), "no day is scored")
        raise InputError(f"{key}: no day from {first} to {last} can be counted: {why}")
    mature = [one for one in counted if horizon in one.known]
    min_rows = manifest.fairness.min_rows
    columns = []
    for column in manifest.fairness.columns:
        scored: dict[str | None, GroupCounts] = {}
        for one in counted:
            _add(scored, one.scored[column])
        order = _in_order(scored, manifest.fairness.bands.get(column))
        scored = {name: scored[name] for name in order if scored[name].total}
        known: dict[str | None, Known] = {}
        for one in mature:
            assert horizon is not None
            _add(known, one.known[horizon][column])
        none = GroupCounts(np.zeros(len(scale.edges) + 1, np.int64), 0.0, 0.0, 0.0)
        known = {name: known.get(name, Known(none, none)) for name in scored} if mature else {}
        named = manifest.fairness.reference_groups.get(column)
        reference = named or reference_group(scale, scored, min_rows)
        figures = assess(scale, scored, known, reference, min_rows)
        columns.append(ColumnFairness(column, reference, named is not None, figures))
    return FairnessReport(
        key,
        first,
        last,
        horizon,
        tuple(scale.cut_offs),
        len(counted),
        len(mature),
        not_counted,
        sum(one.left_out for one in counted),
        tuple(columns),
    )


def _scale(store: Store, manifest: Manifest) -> Scale:
    grid = read_grid(store, manifest.key)
    if not grid.probability and not grid.outcomes:
        raise InputError(
            f"{manifest.key}: the score is in points, and the reference has no outcomes: whether "
            "high scores are approved is not known; name reference.outcome or scoring.scale"
        )
    cut_offs = manifest.cut_offs
    own = np.concatenate([cut_offs, np.nextafter(cut_offs, -np.inf)])
    edges = np.union1d(np.array(grid.bins.edges), own)
    return Scale(edges, cut_offs, grid.direction, grid.probability)


def _counted(
    store: Store, lake: Lake, manifest: Manifest, scale: Scale, first: dt.date, last: dt.date
) -> tuple[list[DayGroups], dict[dt.date, str]]:
    """The days of a period as counts, and why others are not."""
    scores, files = (store.days(of, manifest.key, first, last) for of in ("scores", "fairness"))
    with ThreadPoolExecutor(READERS) as readers:
        found = readers.map(store.read_path, (file.path for file in files.values()))
        kept = {day: _Kept.read(*content) for day, content in zip(files, found, strict=True)}
    counted, not_counted = [], {}
    for day in sorted({*scores, *kept}):
        tag = scores[day].etag if day in scores else None
        groups, why = _day(store, lake, manifest, scale, day, tag, kept.get(day))
        if groups is not None:
            counted.append(groups)
        if why:
            not_counted[day] = why
    return counted, not_counted


@dataclass(frozen=True, eq=False, slots=True)
class _Kept:
    """What was counted of a day, and what of."""

    groups: DayGroups
    made_of: dict[str, Any]

    @classmethod
    def read(cls, table: pa.Table, notes: dict[str, Any]) -> _Kept:
        waiting = {int(horizon): why for horizon, why in notes["waiting"].items()}
        return cls(DayGroups.from_table(table, notes["left_out"], waiting), notes["made_of"])


def _day(
    store: Store,
    lake: Lake,
    manifest: Manifest,
    scale: Scale,
    day: dt.date,
    scores: str | None,
    kept: _Kept | None,
) -> tuple[DayGroups | None, str | None]:
    """Counts of a day, kept or made; and why they are not, or not as they would be now.

    Parameters
    ----------
    scores
        Tag of the file of scores; None if it is gone, and with it what may have changed.
    """
    today = dt.datetime.now(dt.UTC).date()
    made_of = _made_of(manifest, scale) | {"scores": scores or (kept and kept.made_of["scores"])}
    is_current = kept is not None and kept.made_of == made_of
    if kept is not None and is_current:
        due = [one for one in kept.groups.waiting if day + dt.timedelta(days=one) <= today]
        if not due:
            return kept.groups, None
    try:
        made = count_groups(store, lake, manifest, scale.edges, day, today)
    except InputError as error:
        # Its scores, its batch or its protected columns are gone: what was counted then is left.
        if kept and all(kept.made_of[name] == made_of[name] for name in SAME_GROUPS):
            return kept.groups, f"as counted before: {error}"
        return None, str(error)
    if kept is not None and is_current:  # outcomes of a shorter horizon may be gone by now
        known = kept.groups.known | made.known
        waiting = {days: why for days, why in made.waiting.items() if days not in known}
        made = replace(made, known=known, waiting=waiting)
    store.write_table(
        "fairness",
        manifest.key,
        day,
        made.to_table(),
        {
            "model": manifest.key,
            "date": day.isoformat(),
            "manifest_sha256": manifest.sha256,
            "made_of": made_of,
            "left_out": made.left_out,
            "waiting": made.waiting,
        },
    )
    return made, None


def _made_of(manifest: Manifest, scale: Scale) -> dict[str, Any]:
    """What counts of a day depend on, as JSON has it."""
    assert manifest.fairness is not None
    outcome = manifest.outcome
    return {
        **manifest.fairness.model_dump(mode="json", include={"columns", "bands", "path"}),
        "outcome": outcome and outcome.model_dump(mode="json", exclude={"cut_offs", "kind"}),
        "range": list(manifest.scoring.range),
        "edges": scale.edges.tolist(),
    }


def _add(sums: dict[str | None, Counts], groups: Mapping[str | None, Counts]) -> None:
    for name, one in groups.items():
        sums[name] = sums[name] + one if name in sums else one


def _in_order(groups: Iterable[str | None], edges: list[float] | None) -> list[str | None]:
    """Bands as they ascend, other groups by name, and rows of no known group last."""
    bands = band_labels(edges) if edges else []

    def place(name: str | None) -> tuple[bool, int, str]:
        return name is None, bands.index(name) if name in bands else 0, name or ""

    return sorted(groups, key=place)
