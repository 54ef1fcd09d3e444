"""What an engine is: it goes over the rows of a day, and gives their counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from dagster import AssetExecutionContext, MetadataValue

    from monitoring_assets.engines.feature_counts import FeatureCounts
    from monitoring_assets.partitions import ModelDay
    from monitoring_assets.statistics.profiles.bins import Bins, ColumnError
    from resources.lake import Lake
    from resources.manifest import Manifest
    from resources.registry import ModelRegistry
    from resources.storage import DayFiles
    from resources.store import Landed, Store
    from resources.table_formats.base import Evidence


Counts = TypeVar("Counts")
"""Counts of some rows, which add."""
Count = Callable[[Path, Path], Counts]
"""Counts the rows of a file of features and the scores beside them; it can be pickled."""


@dataclass(frozen=True)
class MadeFeatures:
    """The features of a day, which are in the store.

    Parameters
    ----------
    counts
        Of all rows.
    keys
        Rows by what their key is: ``unique``, ``repeated`` (after its first row) or ``missing``.
    reported
        What the engine says of its work, for Dagster.
    """

    counts: FeatureCounts
    keys: Mapping[str, int]
    reported: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class MadeScores(Generic[Counts]):
    """The scores of a day, which are in the store.

    Parameters
    ----------
    counts
        Of all rows.
    reported
        As `resources.scoring.score_features` returns it, with what the engine says of its work.
    """

    counts: Counts
    reported: Mapping[str, MetadataValue]


class Engine(Protocol):
    """Goes over the rows of a day.

    Rows that are made again replace the old ones, whose counts are taken out of the store first:
    counts are never those of other rows.
    """

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
        """Write the day's features, and count them.

        Parameters
        ----------
        files
            Of the batch.
        types
            Families of the reference's columns, which a batch in text has.
        bins
            Of the characteristics.

        Raises
        ------
        InputError
            If the batch cannot be read.
        """

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
        """Write the score of every row of the day's features, and count them.

        Parameters
        ----------
        context
            The asset's.
        read
            As `resources.scoring.score_features` takes it.

        Raises
        ------
        InputError
            If there is not exactly one score for every row.
        NotMaterialisedError
            If the features are not there.
        """

    def count(self, store: Store, day: ModelDay, count: Count[Counts]) -> Counts:
        """Count the day's features and scores, which are in the store."""


def remove_score_counts(store: Store, day: ModelDay, manifest: Manifest) -> None:
    """Take the counts of scores away before the scores are replaced."""
    store.remove("scores_profile", day.key, day.day)
    store.remove("score_grid", day.key, day.day)
    if manifest.decisions is not None or manifest.revision > 1:  # an earlier one may have had some
        store.remove("decisions", day.key, day.day)
