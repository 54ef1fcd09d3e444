"""One machine: a day is one file, streamed through this process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from monitoring_assets.engines.base import (
    Count,
    Counts,
    Engine,
    MadeFeatures,
    MadeScores,
    remove_score_counts,
)
from monitoring_assets.engines.batch_rows import day_rows, tally_keys
from monitoring_assets.engines.feature_counts import count_features
from resources.date_column import rows_of
from resources.errors import InputError
from resources.layout import Dataset
from resources.scorers.base import FeatureFile
from resources.scoring import score_features

if TYPE_CHECKING:
    from dagster import AssetExecutionContext

    from monitoring_assets.partitions import ModelDay
    from monitoring_assets.statistics.profiles.bins import Bins, ColumnError
    from resources.lake import Lake
    from resources.registry import ModelRegistry
    from resources.storage import DayFiles
    from resources.store import Landed, Store
    from resources.table_formats.base import Evidence


class OneMachine(Engine):
    """Bounded memory, whatever the number of rows."""

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
        batch = landed.manifest.batch
        with ExitStack() as opened:
            rows = files
            if batch.date_column is not None:
                rows = opened.enter_context(rows_of(files, batch.date_column, day.day))
            local = opened.enter_context(store.writing("features", day.key, day.day))
            counts = count_features(day_rows(rows, landed, registry, types), local, bins)
            keys = tally_keys(local, batch.key)
            store.remove("features_profile", day.key, day.day)
        _drop_parts(store, "features", day, landed)
        return MadeFeatures(counts, keys)

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
        manifest = landed.manifest
        with (
            _fetched(store, "features", day) as features,
            store.writing("scores", day.key, day.day) as local,
        ):
            rows = FeatureFile(features, manifest.batch.key, tuple(manifest.features.names))
            reported = score_features(
                rows, landed, day.day, registry, lake, store, local, context, read
            )
            counts = count(features, local)
            remove_score_counts(store, day, manifest)
        _drop_parts(store, "scores", day, landed)
        return MadeScores(counts, reported)

    @override
    def count(self, store: Store, day: ModelDay, count: Count[Counts]) -> Counts:
        with (
            _fetched(store, "features", day) as features,
            _fetched(store, "scores", day) as scored,
        ):
            return count(features, scored)


def _drop_parts(store: Store, dataset: Dataset, day: ModelDay, landed: Landed) -> None:
    """Delete what another engine has left, which an earlier revision of the manifest may name."""
    if landed.manifest.revision > 1:
        store.keep_only(dataset, day.key, day.day)


@contextmanager
def _fetched(store: Store, dataset: Dataset, day: ModelDay) -> Iterator[Path]:
    """The one file of a day's rows on local disk."""
    with store.fetched_rows(dataset, day.key, day.day) as files:
        if len(files) > 1:
            raise InputError(
                f"{dataset} of {day.partition} are {len(files)} files of engine: spark; allowed "
                "with engine: one_machine is one: make features of that day again"
            )
        yield files[0]
