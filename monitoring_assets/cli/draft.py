"""What the files of a model say about its manifest, and what has to be guessed."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import click
import pyarrow as pa

from monitoring_assets.cli.columns_apart import columns_apart, unshared_columns
from monitoring_assets.cli.draft_scores import Scores, sample_scores
from monitoring_assets.cli.options import require_columns
from monitoring_assets.partitions import DATES, last_whole_day
from monitoring_assets.statistics.drift.segments import MAX_VALUES, segment_values
from monitoring_assets.statistics.profiles.source import ParquetSource
from resources.arrow_types import SCORE_FAMILIES, column_families, type_family
from resources.file_formats import FORMATS
from resources.lake import Lake
from resources.scorers.base import SCORE, ScoringError
from resources.scorers.onnx import open_graph
from resources.scorers.onnx_inputs import (
    GraphInput,
    columns_by_name,
    goes_by_name,
    graph_inputs,
)
from resources.text_tables import as_parquet

FIRST_DAY = dt.date(2000, 1, 1)
"""Batches of earlier days are not looked for."""
NAMED_AS_KEY = re.compile(
    r"(?i:(.*[_\s-])?((id|key|uuid)([_\s-].*)?|no|nr|number))|.*[a-z](Id|ID|Key)", re.DOTALL
)
NO_KEY = (
    "each batch needs one, the sample does not: deliver a batch that has it before the draft, or "
    "name one of "
)


class Guess(NamedTuple):
    """A value of the manifest, and why it is that one; empty if the user has said so."""

    value: str
    why: str


@dataclass(frozen=True)
class Files:
    """The files of a model, and what the user has said of them.

    Parameters
    ----------
    sample
        The reference sample, a local file.
    sample_name
        What to call it.
    model
        The ONNX graph; None where production writes the scores.
    batch
        Pattern of a day's batch, as ``batch.path`` of a manifest.
    lake
        Where batches arrive.
    score, outcome, key
        Columns; None where the user has not said one.
    """

    sample: Path
    sample_name: str
    model: bytes | None
    batch: str
    lake: Lake
    score: str | None = None
    outcome: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Draft:
    """A manifest to be.

    ``columns`` are the characteristics in the model's order, with their Arrow types. ``left_out``
    are other columns of the sample, with the reason, and ``segments`` values by column.
    """

    files: Files
    rows: int
    owner: Guess
    deployed_at: Guess
    key: Guess
    columns: Mapping[str, str]
    columns_why: str
    left_out: Mapping[str, str]
    segments: Mapping[str, Sequence[str]]
    scores: Scores
    model_sha256: str | None
    last_batch: dt.date | None
    warnings: Sequence[str]


class _Batch(NamedTuple):
    """The last batch in the lake, and the first day that has one."""

    first: dt.date
    day: dt.date
    source: ParquetSource


def draft_version(files: Files) -> Draft:
    """Read a model's files and guess the rest of its manifest.

    Raises
    ------
    click.UsageError
        If a file cannot be read, or lacks what a manifest needs. It names the option to give.
    """
    try:
        sample = ParquetSource([files.sample])
    except (OSError, ValueError) as error:
        why = str(error).replace(str(files.sample), files.sample_name)
        raise click.BadParameter(f"{why}; allowed: {FORMATS}", param_hint="--reference") from error
    names = sample.schema.names
    require_columns("--score", filter(None, [files.score]), files.sample_name, names)
    require_columns("--outcome", filter(None, [files.outcome]), files.sample_name, names)
    if files.score is None and files.model is None:
        numbers = [one for one in names if _family(sample, one) in SCORE_FAMILIES]
        raise click.UsageError(
            f"name the column of {files.sample_name} that holds the score with --score, or the "
            f"model that gives it with --model; columns of numbers: {', '.join(numbers) or 'none'}"
        )
    batch = _last_batch(files, sample)
    key = _key(files, sample, batch)
    inputs = _graph_inputs(files)
    columns, columns_why, left_out = _characteristics(files, sample, batch, key.value, inputs)
    scores = sample_scores(files.sample, files.score, files.model, columns)
    warnings = list(scores.warnings)
    if files.model is None and batch and files.score not in batch.source.schema.names:
        warnings.append(
            f"the batch of {batch.day} has no column {files.score}: say in scoring.path where "
            "production writes the scores"
        )
    taken = {
        key.value,
        files.score,
        files.outcome,
        *(() if batch is None else _absent(names, batch)),
    }
    return Draft(
        files=files,
        rows=sample.rows,
        owner=Guess(os.environ.get("USER") or "unknown", "the user who drafted this"),
        deployed_at=_deployed_at(batch),
        key=key,
        columns={name: _type_name(sample.schema.field(name).type) for name in columns},
        columns_why=columns_why,
        left_out=left_out,
        segments=_segments(sample, [name for name in names if name not in taken]),
        scores=scores,
        model_sha256=hashlib.sha256(files.model).hexdigest() if files.model else None,
        last_batch=batch.day if batch else None,
        warnings=warnings,
    )


def _family(source: ParquetSource, column: str) -> str:
    if source.unreadable(column) is not None:
        return ""
    return type_family(source.schema.field(column).type)


def _type_name(kind: pa.DataType) -> str:
    return str(kind.value_type if pa.types.is_dictionary(kind) else kind).removeprefix("large_")


def _last_batch(files: Files, sample: ParquetSource) -> _Batch | None:
    today = last_whole_day() + dt.timedelta(days=1)
    days = [FIRST_DAY + dt.timedelta(days=n) for n in range((today - FIRST_DAY).days + 1)]
    try:
        found = files.lake.files_by_day(files.batch, days)
        if not found:
            return None
        day = max(found)
        parts = files.lake.day_files(files.batch, day)
        readable = as_parquet(parts, column_families(sample.schema, key=files.key))
        parts = click.get_current_context().with_resource(readable)
        return _Batch(min(found), day, ParquetSource(parts.locations, parts.storage.filesystem))
    except Exception as error:  # of botocore, pyarrow or ours: all are about the batches
        raise click.BadParameter(str(error), param_hint="--batch") from error


def _deployed_at(batch: _Batch | None) -> Guess:
    if batch is None:
        return Guess(last_whole_day().isoformat(), "yesterday, as there is no batch yet")
    why = "the first day that has a batch"
    start = DATES.start.date()
    if batch.first < start:
        why += f"; days before {start} need MONITORING_START_DATE={batch.first} in the environment"
    return Guess(batch.first.isoformat(), why)


def _key(files: Files, sample: ParquetSource, batch: _Batch | None) -> Guess:
    """The column that identifies a row of a batch; the sample needs none."""
    source, where = sample, f"{files.sample_name} (no batch is at {files.batch} yet)"
    if batch is not None:
        source, where = batch.source, f"the batch of {batch.day}"
    names = source.schema.names
    if files.key is not None:
        require_columns("--key", [files.key], where, names)
        return Guess(files.key, "")
    unshared = unshared_columns(source, names)
    # A batch may be too small to tell an identifier by its values alone.
    apart = columns_apart(sample, sample.schema.names) | columns_apart(source, names)
    identifiers = {name for name in unshared if apart.get(name) == "identifier"}
    named = {name for name in unshared if NAMED_AS_KEY.fullmatch(name)}
    likely = [
        name
        for group in (identifiers & named, named, identifiers)
        for name in unshared
        if name in group and name not in (files.score, files.outcome)
    ]
    if not likely:
        raise click.BadParameter(
            f"no column of {where} looks like an identifier: unlike in each row, and named as one "
            "(such as loan_id), or a text or running number in at least 100 rows; "
            + (f"name one of {', '.join(unshared)}" if unshared else NO_KEY + ", ".join(names)),
            param_hint="--key",
        )
    first, *others = dict.fromkeys(likely)
    why = f"no two of the rows looked at have the same {first}"
    return Guess(first, f"{why}, nor the same {' or '.join(others)}" if others else why)


def _graph_inputs(files: Files) -> list[GraphInput]:
    if files.model is None:
        return []
    try:
        return graph_inputs(open_graph(files.model))
    except ScoringError as error:
        raise click.BadParameter(str(error), param_hint="--model") from error


def _absent(names: Sequence[str], batch: _Batch) -> set[str]:
    return {*names} - {*batch.source.schema.names}


def _characteristics(
    files: Files,
    sample: ParquetSource,
    batch: _Batch | None,
    key: str,
    inputs: Sequence[GraphInput],
) -> tuple[list[str], str, dict[str, str]]:
    """The model's characteristics, why these, and the reason for each column that is none."""
    given = (key, files.score, files.outcome)
    names = [name for name in sample.schema.names if name not in given]
    by_name = columns_by_name(inputs, names)
    if goes_by_name(inputs) or (len(inputs) == 1 and by_name):
        wanted = [by_name.get(one.name, one.name) for one in inputs]
        require_columns("--model", wanted, files.sample_name, sample.schema.names)
        rest = {name: "no input of the graph" for name in names if name not in wanted}
        return wanted, "the inputs of the graph, in its order", rest
    left_out = columns_apart(sample, names)
    if batch is not None:
        absent = _absent(names, batch)
        left_out |= {name: f"not in the batch of {batch.day}" for name in names if name in absent}
    left_out |= {name: why for name in names if (why := sample.unreadable(name))}
    left_out |= {name: "the name of the model's output" for name in names if name == SCORE}
    if inputs and not any(one.takes_text for one in inputs):
        texts = [name for name in names if _family(sample, name) == "string"]
        left_out |= dict.fromkeys(texts, "text, and the graph takes numbers")
    columns = [name for name in names if name not in left_out]
    if not columns:
        reasons = ", ".join(f"{name} ({why})" for name, why in left_out.items()) or "none"
        raise click.BadParameter(
            f"{files.sample_name} has no column that can be a characteristic; beside key, score "
            f"and outcome it has {reasons}",
            param_hint="--reference",
        )
    why = "every column of the sample but key, score, outcome and those listed below"
    if inputs:
        why += ". The graph takes them by their place: put them in the order of its training"
        widths = [one.columns for one in inputs if one.columns is not None]
        if len(widths) == len(inputs) and sum(widths) != len(columns):
            why += f", and keep the {sum(widths)} that it takes; these are {len(columns)}"
    return columns, why, left_out


def _segments(sample: ParquetSource, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Columns of text with few values, and these."""
    texts = [name for name in names if _family(sample, name) == "string"]
    values = {name: segment_values(sample, name) for name in texts}
    return {name: few for name, few in values.items() if 2 <= len(few) < MAX_VALUES}
