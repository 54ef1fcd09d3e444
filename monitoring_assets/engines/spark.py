"""Apache Spark: executors take parts of a day, run the code of one machine, and give counts back.

A day is as many files as its batch has parts. No row passes the driver; where rows must meet, as
those of one key must, executors exchange them as Arrow's streams.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import add, itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from dagster import MetadataValue
from typing_extensions import override

from monitoring_assets.engines.base import (
    Count,
    Counts,
    Engine,
    MadeFeatures,
    MadeScores,
    remove_score_counts,
)
from monitoring_assets.engines.batch_rows import (
    BatchPart,
    batch_parts,
    in_parts,
    open_batch,
    part_rows,
)
from monitoring_assets.engines.cluster import Bucketed, Cluster
from monitoring_assets.engines.feature_counts import FeatureCounts, count_features
from monitoring_assets.reference.feature_sql import read_sql
from resources import layout
from resources.duckdb_session import database, quoted
from resources.errors import InputError
from resources.file_formats import is_text
from resources.layout import Dataset
from resources.scorers.base import (
    SCORE,
    FeatureFile,
    ScoringError,
    ScoringJob,
    aligned,
    read_scores,
    scores_together,
    write_scores,
)
from resources.scoring import landed_model
from resources.storage import DayFiles, Storage
from resources.storage_faults import storage_of
from resources.table_formats.rows import TableRows

if TYPE_CHECKING:
    from dagster import AssetExecutionContext

    from monitoring_assets.partitions import ModelDay
    from monitoring_assets.statistics.profiles.bins import Bins, ColumnError
    from resources.lake import Lake
    from resources.manifest import Manifest
    from resources.registry import ModelRegistry
    from resources.store import Landed, Store
    from resources.table_formats.base import Evidence

PLACE = "place"
"""Column of the place of a row in its part."""
BUCKET_ROWS = 1_000_000
"""Rows that meet in one task: some 100 MB of keys."""


@dataclass(frozen=True)
class DayRows:
    """Where the parts of a day's rows lie."""

    storage: Storage
    key: str
    day: dt.date

    def path(self, dataset: Dataset, number: int) -> str:
        """File of a part."""
        return layout.part(dataset, self.key, self.day, number)


class Spark(Engine):
    """The executors of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    @override
    def features(
        self,
        store: Store,
        day: ModelDay,
        files: DayFiles,
        landed: Landed,
        registry: ModelRegistry,
        types: Mapping[str, str],
        bins: Mapping[str, Bins | ColumnError],
    ) -> MadeFeatures:
        manifest = landed.manifest
        _require_parquet(files, "batch")
        sql = read_sql(landed, registry) if manifest.features.sql is not None else None
        parts = batch_parts(files, manifest, sql)
        rows = DayRows(store.storage, day.key, day.day)
        store.remove("features_profile", day.key, day.day)
        made: list[FeatureCounts] = self._cluster.run(
            f"features of {day.partition}",
            parts,
            partial(_make_features, rows, manifest, sql, types, bins),
        )
        store.keep_only("features", day.key, day.day, len(parts))
        counts = _sum(made)
        total, key = counts.counted.profile.rows, manifest.batch.key
        found = self._cluster.run(
            f"keys of {day.partition}",
            store.parts("features", day.key, day.day),
            partial(_spread_keys, store.storage, key, _buckets(total)),
            (_tally_keys, _buckets(total)),
        )
        present, unique = (sum(one) for one in zip(*found, strict=True))
        keys = {"unique": unique, "repeated": present - unique, "missing": total - present}
        return MadeFeatures(counts, keys, self._cluster.reported)

    @override
    def scores(
        self,
        store: Store,
        day: ModelDay,
        landed: Landed,
        registry: ModelRegistry,
        lake: Lake,
        count: Count[Counts],
        context: AssetExecutionContext,
        read: Evidence | None,
    ) -> MadeScores[Counts]:
        manifest, what = landed.manifest, f"scores of {day.partition}"
        rows = DayRows(store.storage, day.key, day.day)
        parts = store.parts("features", day.key, day.day)
        made: list[Counts]
        if manifest.scoring.day_score is None:
            with landed_model(landed, registry) as local:
                model = local.read_bytes() if local else b""
            remove_score_counts(store, day, manifest)
            made = self._cluster.run(what, parts, partial(_score, rows, manifest, model, count))
        else:
            (files,) = (lake.day_files(path, day.day) for path in manifest.scoring.day_paths)
            footers = [_footer(rows.storage, path) for path in parts]
            number = sum(footer.num_rows for footer in footers)
            scored = _scored_parts(files, number)
            key = footers[0].schema.to_arrow_schema().field(manifest.batch.key)
            buckets = _buckets(number)
            columns = manifest.scoring.day_score, manifest.scoring.reason_columns
            spread = partial(_spread_rows, rows.storage, key, columns, buckets)
            where = files.storage.url(files.paths[0])
            align = partial(_align, f"{where}, of one in {buckets} shares of the keys")
            write = partial(_write_scores, rows, parts, manifest, where, count)
            remove_score_counts(store, day, manifest)
            found = self._cluster.run(
                what, [*parts, *scored], spread, (align, buckets), (write, len(parts))
            )
            made = [counts for _, counts in sorted(found, key=itemgetter(0))]
        store.keep_only("scores", day.key, day.day, len(parts))
        reported = self._cluster.reported.items()
        return MadeScores(_sum(made), {name: MetadataValue.text(text) for name, text in reported})

    @override
    def count(self, store: Store, day: ModelDay, count: Count[Counts]) -> Counts:
        paths = zip(
            store.parts("features", day.key, day.day),
            store.parts("scores", day.key, day.day),
            strict=True,
        )
        made: list[Counts] = self._cluster.run(
            f"counts of {day.partition}", [*paths], partial(_count, store.storage, count)
        )
        return _sum(made)


def _require_parquet(files: DayFiles, what: str) -> None:
    if isinstance(files, TableRows) or is_text(files.paths[0]):
        raise InputError(
            f"{what} {files.storage.url(files.paths[0])}: found no Parquet files; allowed with "
            "engine: spark are these; other formats need engine: one_machine"
        )


def _scored_parts(files: DayFiles, wanted: int) -> list[BatchPart]:
    """Production's scores in parts, if there are as many as rows are wanted."""
    _require_parquet(files, "scores")
    source = files.storage.url(files.paths[0])
    try:
        with storage_of(source):
            scores = open_batch(files, ())
            found = scores.count_rows()
            parts = in_parts(files, scores)
    except (pa.ArrowInvalid, OSError) as error:
        raise ScoringError(f"{source}: not a readable Parquet file: {error}") from None
    if found != wanted:
        raise ScoringError(f"{source}: {found} rows scored; the features have {wanted}")
    return parts


def _footer(storage: Storage, path: str) -> pq.FileMetaData:
    with storage_of(storage.url(path)):
        return pq.read_metadata(storage.location(path), filesystem=storage.filesystem)


def _sum(made: Sequence[Counts]) -> Counts:
    counts: Counts = reduce(add, made)
    return counts


def _buckets(rows: int) -> int:
    return rows // BUCKET_ROWS + 1


def _make_features(
    rows: DayRows,
    manifest: Manifest,
    sql: tuple[str, str] | None,
    types: Mapping[str, str],
    bins: Mapping[str, Bins | ColumnError],
    number: int,
    part: BatchPart,
) -> FeatureCounts:
    with rows.storage.writing(rows.path("features", number)) as local:
        return count_features(part_rows(part, manifest, sql, types), local, bins)


def _score(
    rows: DayRows,
    manifest: Manifest,
    model: bytes,
    count: Count[Counts],
    number: int,
    path: str,
) -> Counts:
    with (
        tempfile.TemporaryDirectory(prefix="monitoring-model-") as folder,
        rows.storage.fetched(path) as features,
        rows.storage.writing(rows.path("scores", number)) as local,
    ):
        artefact = Path(folder) / "model"
        artefact.write_bytes(model)
        job = ScoringJob(
            features=_feature_file(features, manifest),
            output=local,
            model=artefact,
            day_files=(),
            key=rows.key,
            day=rows.day,
            pod=manifest.pod,
            storage=rows.storage,
            context=None,
            limits=manifest.limits,
        )
        manifest.scoring.run(job)
        return count(features, local)


def _feature_file(local: Path, manifest: Manifest) -> FeatureFile:
    return FeatureFile(local, manifest.batch.key, tuple(manifest.features.names))


def _count(storage: Storage, count: Count[Counts], number: int, paths: tuple[str, str]) -> Counts:
    with storage.fetched(paths[0]) as features, storage.fetched(paths[1]) as scored:
        return count(features, scored)


def _spread_keys(storage: Storage, key: str, buckets: int, number: int, path: str) -> Bucketed:
    """The keys of a part, null ones left out."""
    keys = _column(storage, path, key)
    return _by_key(pa.table({key: keys.drop_null()}), key, buckets)


def _tally_keys(number: int, given: Sequence[bytes]) -> tuple[int, int]:
    """How many keys a bucket has, and how many different ones."""
    keys = pa.concat_tables(_tables(given))
    with database() as connection:
        connection.register("keys", keys)
        column = quoted(keys.column_names[0])
        query = f"SELECT count(*), count(DISTINCT {column}) FROM keys"
        ((present, unique),) = connection.execute(query).fetchall()
    return present, unique


def _spread_rows(
    storage: Storage,
    key: pa.Field,
    columns: tuple[str, Sequence[str]],
    buckets: int,
    number: int,
    part: str | BatchPart,
) -> Bucketed:
    """The keys of a part of the features with their places, or of production's scores with these.

    A part of the features without rows is in a bucket too, so that scores are written of it.
    """
    if isinstance(part, BatchPart):
        (file,), url = part.locations, part.storage.url(part.paths[0])
        score, reasons = columns
        filesystem = part.storage.filesystem
        scored = read_scores(key, score, file, filesystem, url, part.row_groups, reasons)
        for bucket, rows in _by_key(scored, key.name, buckets):
            yield bucket, (None, rows)
        return
    keys = _column(storage, part, key.name)
    placed = pa.table({key.name: keys, PLACE: np.arange(len(keys))})
    for bucket, rows in _by_key(placed, key.name, buckets):
        yield bucket, (number, rows)


def _align(source: str, bucket: int, given: Sequence[tuple[int | None, bytes]]) -> Bucketed:
    """The scores of a bucket's keys, by the part of the features that they are of."""
    placed = {number: _tables([rows])[0] for number, rows in given if number is not None}
    found = _tables([rows for number, rows in given if number is None])
    wanted = pa.concat_tables(placed.values()) if placed else found[0].slice(0, 0)
    keys = wanted.column(0)
    scored = pa.table({"key": keys[:0], SCORE: pa.array([], pa.float64())})
    if found:
        scored = scores_together(found, source)
    scores, start = aligned(keys, scored, source), 0
    for number, rows in placed.items():
        of_part = scores.slice(start, len(rows))
        yield number, _stream(of_part.add_column(0, PLACE, rows[PLACE]))
        start += len(rows)


def _write_scores(
    rows: DayRows,
    parts: Sequence[str],
    manifest: Manifest,
    source: str,
    count: Count[Counts],
    number: int,
    given: Sequence[bytes],
) -> tuple[int, Counts]:
    """Write the scores of a part of the features, from all buckets, in its order; count them."""
    scores = scores_together(_tables(given), source).sort_by(PLACE).drop_columns(PLACE)
    with (
        rows.storage.fetched(parts[number]) as local,
        rows.storage.writing(rows.path("scores", number)) as output,
    ):
        features = _feature_file(local, manifest)
        write_scores(features, features.keys(), scores, output)
        return number, count(local, output)


def _column(storage: Storage, path: str, name: str) -> pa.ChunkedArray:
    """One column of a file, of which nothing else is read."""
    with (
        storage_of(storage.url(path)),
        pq.ParquetFile(
            storage.location(path),
            filesystem=storage.filesystem,
            page_checksum_verification=True,
        ) as file,
    ):
        return file.read(columns=[name])[name]


def _by_key(rows: pa.Table, key: str, buckets: int) -> Iterator[tuple[int, bytes]]:
    """Rows as streams of Arrow's by the hash of their key, in their order; the first if none."""
    if buckets == 1 or not len(rows):
        yield 0, _stream(rows)
        return
    with database() as connection:
        connection.register("rows", rows.select([key]))
        # DuckDB's hash: equal for what it then takes for one key.
        query = f"SELECT (hash({quoted(key)}) % {buckets})::INTEGER AS bucket FROM rows"
        bucket = connection.execute(query).fetchnumpy()["bucket"]
    order = np.argsort(bucket, kind="stable")
    ends = np.searchsorted(bucket[order], np.arange(buckets), "right")
    ordered, start = rows.take(order), 0
    for number, end in enumerate(ends):
        if end > start:
            yield number, _stream(ordered.slice(start, end - start))
        start = end


def _stream(rows: pa.Table) -> bytes:
    with pa.BufferOutputStream() as sink:
        with pa.ipc.new_stream(sink, rows.schema) as stream:
            stream.write_table(rows)
        content: bytes = sink.getvalue().to_pybytes()
    return content


def _tables(streams: Sequence[bytes]) -> list[pa.Table]:
    return [pa.ipc.open_stream(one).read_all() for one in streams]
