"""What all flavours share: their input, their result and the ways they fail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from resources.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

SCORE = "score"


class ScoringError(InputError):
    """A scorer failed, or wrote something other than one score for each row."""


@dataclass(frozen=True)
class FeatureFile:
    """A local Parquet file of the key and the characteristics, in the model's order."""

    path: Path
    key: str
    characteristics: tuple[str, ...]


def write_aligned(features: FeatureFile, scored: pa.Table, output: Path, source: str) -> None:
    """Write scores in the features' order and row groups, if every row has exactly one.

    Parameters
    ----------
    features
        The rows that were to be scored.
    scored
        Columns: the key, and ``score`` (any numeric type).
    output
        Where (key, score) is written.
    source
        What wrote the scores, for the error message.

    Raises
    ------
    ScoringError
        If keys are missing, doubled or unknown, or the score is not a number.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if not (
        pa.types.is_floating(scored[SCORE].type)
        or pa.types.is_integer(scored[SCORE].type)
        or pa.types.is_decimal(scored[SCORE].type)
    ):
        raise ScoringError(f"{source}: score is {scored[SCORE].type}, not a number")
    file = pq.ParquetFile(features.path)
    keys = file.read(columns=[features.key]).column(0).combine_chunks()
    try:
        found = scored[features.key].combine_chunks().cast(keys.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        types = f"{scored[features.key].type}, in the features {keys.type}"
        raise ScoringError(f"{source}: key {features.key!r} is {types}") from None
    score = scored[SCORE].combine_chunks().cast(pa.float64(), safe=False)
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
