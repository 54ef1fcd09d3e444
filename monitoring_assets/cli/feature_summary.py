"""What a version makes of a batch, column by column, beside its reference sample."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitoring_assets.engines.batch_rows import day_rows, write_rows
from resources.arrow_types import column_families
from resources.duckdb_session import isolated_database, quoted
from resources.lake import Lake
from resources.registry import ModelRegistry, Verdict
from resources.store import Landed
from resources.text_tables import sample_as_parquet


@dataclass(frozen=True)
class Summary:
    """A column's values: Arrow has read them, DuckDB has summed them up.

    ``missing`` is a share. The others are texts of DuckDB's, about ``distinct`` values; ``median``
    is None for what is no number or time.
    """

    type: str
    missing: float
    distinct: int
    lowest: str | None
    median: str | None
    highest: str | None


@dataclass(frozen=True)
class FeatureSummary:
    """A characteristic or segment column in both; ``batch`` is None where that lacks it."""

    column: str
    reference: Summary
    batch: Summary | None


def summarise_features(
    registry: ModelRegistry, verdict: Verdict, batch: str
) -> list[FeatureSummary]:
    """Make a version's features of a batch, as a day's run does, and sum both sides up.

    Parameters
    ----------
    registry
        The registry that the version lies in.
    verdict
        Of a valid version.
    batch
        A Parquet file, folder or glob: a path from here, or a URL.

    Raises
    ------
    InputError
        If there is no batch, or it cannot be read.
    """
    import pyarrow.parquet as pq

    landed = landed_now(verdict)
    manifest = landed.manifest
    names = [*manifest.features.names, *manifest.carried]
    pattern = batch.replace("{", "{{").replace("}", "}}")
    files = Lake(root=str(Path.cwd())).day_files(pattern, dt.datetime.now(dt.UTC).date())
    place, path = registry.locate(landed.folder, manifest.reference.path)
    with (
        sample_as_parquet(place, path, manifest.declared_types) as sample,
        tempfile.TemporaryDirectory(prefix="monitoring-features-") as folder,
    ):
        made = Path(folder) / "features.parquet"
        types = column_families(pq.read_schema(sample), key=manifest.batch.key)
        write_rows(day_rows(files, landed, registry, types), made)
        expected, found = _summaries(sample, names), _summaries(made, names)
    return [FeatureSummary(name, expected[name], found.get(name)) for name in names]


def landed_now(verdict: Verdict) -> Landed:
    """A valid version as it would be monitored if it landed now."""
    assert verdict.manifest is not None
    return Landed(
        manifest=verdict.manifest,
        folder=verdict.folder,
        landed_at=dt.datetime.now(dt.UTC),
        digests=dict(verdict.digests),
    )


def _summaries(file: Path, names: Iterable[str]) -> dict[str, Summary]:
    with isolated_database() as connection:
        rows = connection.read_parquet(str(file))
        columns = ", ".join(quoted(name) for name in names if name in rows.columns)
        if not columns:
            return {}
        rows.project(columns).create_view("made")
        found = connection.execute(
            "SELECT column_name, column_type, null_percentage, approx_unique, min, q50, max "
            "FROM (SUMMARIZE made)"
        ).fetchall()
    return {
        name: Summary(kind, float(nulls or 0) / 100, distinct, lowest, median, highest)
        for name, kind, nulls, distinct, lowest, median, highest in found
    }


def print_features(summaries: Iterable[FeatureSummary]) -> None:
    """Print two lines a column: the reference sample's, then the batch's."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("column", overflow="fold", min_width=10)
    table.add_column("in", no_wrap=True)
    table.add_column("type", overflow="fold", min_width=7)
    for heading in ("missing", "distinct"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("lowest", "median", "highest"):
        table.add_column(heading, justify="right", min_width=8, no_wrap=True)
    for one in summaries:
        for side, summary in (("sample", one.reference), ("batch", one.batch)):
            name = Text(one.column if side == "sample" else "")
            if summary is None:
                table.add_row(name, side, Text("absent", "bold red"))
                continue
            table.add_row(
                name,
                side,
                summary.type,
                f"{summary.missing:.1%}",
                f"{summary.distinct:,}",
                *map(_shown, (summary.lowest, summary.median, summary.highest)),
            )
    Console().print(table)


def _shown(value: str | None) -> Text:
    """A value to read: numbers with six digits."""
    try:
        return Text(f"{float(value):.6g}" if value is not None else "")
    except ValueError:
        return Text(value or "")
