"""The characteristics of a day in the reference's bins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from monitoring_assets.engines.batch_rows import write_rows
from monitoring_assets.statistics.profiles.bins import Bins, ColumnError
from monitoring_assets.statistics.profiles.profile import Counted, count_part
from monitoring_assets.statistics.profiles.source import ParquetSource


@dataclass(frozen=True)
class FeatureCounts:
    """The characteristics of some rows in the reference's bins, and the columns of the rows."""

    schema: pa.Schema
    counted: Counted

    def __add__(self, other: FeatureCounts) -> FeatureCounts:
        """Return the counts of both parts."""
        return FeatureCounts(self.schema, self.counted + other.counted)


def count_features(
    pieces: Iterator[pa.RecordBatch], local: Path, bins: Mapping[str, Bins | ColumnError]
) -> FeatureCounts:
    """Write rows to a file, and count them."""
    schema = write_rows(pieces, local)
    return FeatureCounts(schema, count_part(ParquetSource([local]), bins))
