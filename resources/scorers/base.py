"""What all flavours share: their input, their result and the ways they fail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dagster import MaterializeResult, MetadataValue

from resources.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa
    from dagster import PipesExecutionResult
    from pyarrow.fs import FileSystem

SCORE = "score"


class ScoringError(InputError):
    """A scorer failed, or wrote something other than one score for each row."""


@dataclass(frozen=True)
class FeatureFile:
    """A local Parquet file of the key and the characteristics, in the model's order."""

    path: Path
    key: str
    characteristics: tuple[str, ...]


def read_scores(
    features: FeatureFile, score: str, file: str, filesystem: FileSystem | None, source: str
) -> pa.Table:
    """Read the keys and the scores of a Parquet file, and nothing else of it.

    Parameters
    ----------
    features
        The rows that were to be scored.
    score
        The file's column that is the score.
    file, filesystem
        Where the file is; a local one without a file system.
    source
        What to call the file in an error.

    Returns
    -------
    The key, of the type that it has in the features, and ``score``, a float64.

    Raises
    ------
    ScoringError
        If it is no Parquet file, a column is absent or of another kind.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = (features.key, score)
    try:
        with pq.ParquetFile(file, filesystem=filesystem) as scored:
            names = scored.schema_arrow.names
            absent = [name for name in wanted if names.count(name) != 1]
            if absent:
                raise ScoringError(f"{source}: no column {absent}, or not just one, in {names}")
            keys, scores = (scored.read(columns=[name]).column(0) for name in wanted)
    except (pa.ArrowInvalid, OSError) as error:
        raise ScoringError(f"{source}: not a readable Parquet file: {error}") from None
    if not (
        pa.types.is_floating(scores.type)
        or pa.types.is_integer(scores.type)
        or pa.types.is_decimal(scores.type)
    ):
        raise ScoringError(f"{source}: {score} is {scores.type}, not a number")
    key_type = pq.read_schema(features.path).field(features.key).type
    try:
        keys = keys.cast(key_type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        types = f"{keys.type}, in the features {key_type}"
        raise ScoringError(f"{source}: key {features.key!r} is {types}") from None
    return pa.table({features.key: keys, SCORE: scores.cast(pa.float64(), safe=False)})


def reported_metadata(results: Iterable[PipesExecutionResult]) -> dict[str, MetadataValue]:
    """Metadata that a model's own process reported through Pipes, each name below ``model/``."""
    return {
        f"model/{name}": value
        for result in results
        if isinstance(result, MaterializeResult)
        for name, value in (result.metadata or {}).items()
        if isinstance(value, MetadataValue)  # always: Pipes has made them so
    }


def write_aligned(features: FeatureFile, scored: pa.Table, output: Path, source: str) -> None:
    """Write scores in the features' order and row groups, if every row has exactly one.

    Both files' keys are in memory, and where their order differs an index over them as well.

    Parameters
    ----------
    features
        The rows that were to be scored.
    scored
        What `read_scores` read.
    output
        Where (key, score) is written.
    source
        What wrote the scores, for the error message.

    Raises
    ------
    ScoringError
        If keys are missing, doubled or unknown.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    file = pq.ParquetFile(features.path)
    keys = file.read(columns=[features.key]).column(0).combine_chunks()
    found, score = (scored[name].combine_chunks() for name in (features.key, SCORE))
    if not found.equals(keys):  # written in another order, as a database would
        if len(found) != len(keys):
            raise ScoringError(f"{source}: {len(found)} rows scored; the features have {len(keys)}")
        place = pc.index_in(keys, value_set=found)
        if place.null_count:
            lost = keys.filter(pc.is_null(place))[:3].to_pylist()
            raise ScoringError(f"{source}: {place.null_count} rows without a score, such as {lost}")
        if pc.count_distinct(found).as_py() != len(found):
            raise ScoringError(f"{source}: some keys are scored twice")
        score = score.take(place)
    table = pa.table({features.key: keys, SCORE: score})
    groups = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    with pq.ParquetWriter(output, table.schema) as writer:
        start = 0
        for rows in groups:
            writer.write_table(table.slice(start, rows), row_group_size=max(rows, 1))
            start += rows
