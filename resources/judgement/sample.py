"""Judging a reference sample: whether days can be compared with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.arrow_types import (
    BINNED_FAMILIES,
    OUTCOME_FAMILIES,
    SCORE_FAMILIES,
    same_family,
    type_family,
)
from resources.errors import InputError
from resources.manifest import MANIFEST_NAME, FieldFault, Manifest
from resources.outcomes import OUTCOMES_ALLOWED, not_outcomes
from resources.scorers.base import UNKNOWN_DIRECTION
from resources.storage import Files, open_path
from resources.text_tables import sample_as_parquet

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from monitoring_assets.statistics.profiles.bins import Bins

SCORE_FIELD = "reference.score"
OUTCOME_FIELD = "reference.outcome"
SEGMENTS_FIELD = "segments"
DECISIONS_FIELD = "decisions"
_USABLE_SCORE = SCORE_FAMILIES, "a column of numbers"
_USABLE_FEATURE = BINNED_FAMILIES, "numbers, strings, booleans, dates or timestamps"
"""Families of types that a day can use, and what to say of others."""


def judge_sample(files: Files, manifest: Manifest) -> tuple[list[FieldFault], list[str]]:
    """Read a version's reference sample as its reference profile will.

    Returns
    -------
    What no day could use, and warnings of what is allowed.

    Raises
    ------
    OSError
        If the sample cannot be read now.
    """
    from pyarrow import ArrowInvalid

    file = files.url(MANIFEST_NAME)
    place, path = open_path(manifest.reference.path, files)
    url = place.url(path)
    try:
        with sample_as_parquet(place, path, manifest.declared_types) as local:
            return _judge(local, url, file, manifest)
    except FileNotFoundError:
        return [FieldFault(file, "reference.path", "no such file", url)], []
    except InputError as error:
        return [FieldFault(file, "reference.path", str(error), "a sample to read")], []
    except ArrowInvalid as error:
        return [FieldFault(url, "", str(error), "a Parquet file")], []
    except OSError as error:
        raise OSError(f"{url}: {error}") from error


def _judge(
    local: Path, url: str, file: str, manifest: Manifest
) -> tuple[list[FieldFault], list[str]]:
    import pyarrow.parquet as pq

    footer = pq.read_metadata(local)
    if not footer.num_rows:
        return [FieldFault(url, "reference.path", "no rows", "at least one")], []
    schema = footer.schema.to_arrow_schema()
    faults, usable = [], []
    if manifest.reference.score is None and not manifest.scoring.has_model:
        allowed = "the reference's column that holds the score, as there is no model to run"
        faults.append(FieldFault(file, SCORE_FIELD, "nothing", allowed))
    usable_types = {
        SCORE_FIELD: _USABLE_SCORE,
        OUTCOME_FIELD: (OUTCOME_FAMILIES, OUTCOMES_ALLOWED[manifest.outcome_kind]),
    }
    for field, column, arrow_type in _wanted(manifest):
        fault = _fault_of_type(field, column, arrow_type, schema, url, usable_types)
        if fault:
            faults.append(FieldFault(file, field, *fault))
        else:
            usable.append((field, column))
    found, warnings = _judge_values(local, url, manifest, usable)
    in_points = manifest.outcome_kind == "binary" and not manifest.predicts_probability
    if in_points and not manifest.reference_outcomes:
        warnings.append(f"{file}: {UNKNOWN_DIRECTION}")
    faults += _faults_of_decisions(local, url, file, manifest)
    faults += [FieldFault(file, *fault) for fault in found]
    return faults, warnings


def _judge_values(
    local: Path, url: str, manifest: Manifest, columns: Sequence[tuple[str, str]]
) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Read columns as the reference profile will: field, what was found, what is allowed."""
    from monitoring_assets.statistics.profiles.binning import fit_bins
    from monitoring_assets.statistics.profiles.bins import ColumnError
    from monitoring_assets.statistics.profiles.source import ParquetSource

    columns = [(field, column) for field, column in columns if field != SEGMENTS_FIELD]
    binned = [column for field, column in columns if field != OUTCOME_FIELD]
    bins = fit_bins(ParquetSource([local]), binned, bins=manifest.reference.bins)
    faults, warnings = [], []
    for field, column in columns:
        if field == OUTCOME_FIELD:
            kind = manifest.outcome_kind
            if wrong := not_outcomes(_column(local, column), kind):
                faults.append((field, f"{wrong} in {column} of {url}", OUTCOMES_ALLOWED[kind]))
        elif isinstance(one := bins[column], ColumnError):
            allowed = "a column that a day can be compared with"
            faults.append((field, f"{column} of {url}: {one.reason}", allowed))
        elif _has_values(one):
            continue
        elif field == SCORE_FIELD:
            faults.append((field, f"no value in {column} of {url}", "scores"))
        else:
            warnings.append(f"{url}: {column} ({field}) has no value, so all of a day are new")
    return faults, warnings


def _faults_of_decisions(local: Path, url: str, file: str, manifest: Manifest) -> list[FieldFault]:
    """What is wrong with the decisions of a sample, which need not have any."""
    from monitoring_assets.statistics.decisions.columns import approved_rows
    from monitoring_assets.statistics.profiles.source import ParquetSource

    decisions, source = manifest.decisions, ParquetSource([local])
    columns = decisions.columns_in(source.schema.names) if decisions else None
    if decisions is None or columns is None:
        return []
    try:
        if approved_rows(source, columns):
            return []
    except ValueError as error:
        allowed = "columns that a day can be compared with"
        return [FieldFault(file, DECISIONS_FIELD, f"{error}, in {url}", allowed)]
    found = f"no row of {url} with one of {', '.join(decisions.approved)} in {columns.decision}"
    return [FieldFault(file, f"{DECISIONS_FIELD}.approved", found, "values that mean approved")]


def _wanted(manifest: Manifest) -> list[tuple[str, str, str | None]]:
    """Field, column and type that the manifest says, if it does."""
    wanted = [(f"features.columns.{c.name}", c.name, c.type) for c in manifest.features.columns]
    if manifest.reference.score is not None:
        wanted.append((SCORE_FIELD, manifest.reference.score, None))
        wanted += [("scoring.reasons", name, None) for name in manifest.scoring.reason_columns]
    wanted += [(OUTCOME_FIELD, column, None) for column in manifest.reference_outcomes.values()]
    return wanted + [(SEGMENTS_FIELD, column, None) for column in manifest.carried]


def _fault_of_type(
    field: str,
    column: str,
    arrow_type: str | None,
    schema: pa.Schema,
    url: str,
    usable_types: Mapping[str, tuple[Collection[str], str]],
) -> tuple[str, str] | None:
    """What the schema says of a column that no day could use, and what is allowed."""
    if column not in schema.names:
        return column, f"a column of {url}: {', '.join(schema.names)}"
    if schema.names.count(column) > 1:
        return f"{schema.names.count(column)} columns {column} in {url}", "one"
    found = schema.field(column).type
    if arrow_type is not None and not same_family(arrow_type, found):
        return (
            f"{arrow_type} in the manifest, {found} in the reference",
            "the same kind of type in both",
        )
    kinds, allowed = usable_types.get(field, _USABLE_FEATURE)
    if type_family(found) not in kinds:
        return f"{column} of type {found} in {url}", allowed
    return None


def _has_values(bins: Bins) -> bool:
    """Whether the column that made them has a value that is neither missing nor infinite."""
    from monitoring_assets.statistics.profiles.bins import CategoricalBins

    if isinstance(bins, CategoricalBins):
        return bool(bins.categories or bins.rare)
    return bins.low is not None


def _column(local: Path, name: str) -> pa.Array:
    import pyarrow.parquet as pq

    with pq.ParquetFile(local) as sample:
        return sample.read([name], use_threads=False).column(0).combine_chunks()
