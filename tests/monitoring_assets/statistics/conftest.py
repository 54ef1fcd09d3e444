"""Tables on disk, as the tests of the statistics need them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_assets.statistics.profiles.profile import (
    ColumnProfile,
    ParquetSource,
    count,
    fit_bins,
)


@pytest.fixture(scope="session")
def write(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ParquetSource]:
    """Write a table, or a mapping of columns, split into files and row groups."""
    folder = tmp_path_factory.mktemp("tables")
    number = itertools.count()

    def write(table: Any, row_group: int = 100_000, files: int = 1) -> ParquetSource:
        table = table if isinstance(table, pa.Table) else pa.table(table)
        size = max(-(-table.num_rows // files), 1)
        paths = []
        for start in range(0, max(table.num_rows, 1), size):
            paths.append(folder / f"{next(number)}.parquet")
            pq.write_table(table.slice(start, size), paths[-1], row_group_size=row_group)
        return ParquetSource(paths)

    return write


@pytest.fixture(scope="session")
def profiles(write: Callable[..., ParquetSource]) -> Callable[..., list[ColumnProfile]]:
    """Profile arrays of one column; the first one is the reference."""

    def profiles(*columns: Any, bins: int = 10) -> list[ColumnProfile]:
        sources = [write({"x": column}) for column in columns]
        fitted = fit_bins(sources[0], bins=bins)
        return [count(source, fitted).columns["x"] for source in sources]

    return profiles
