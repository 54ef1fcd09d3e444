"""Asset ``scores``: the model's score of every row, and its counts beside the characteristics'."""

from typing import TYPE_CHECKING

import dagster as dg

from monitoring_assets.assets.features import BATCH_VERSION, features
from monitoring_assets.assets.spec import day_spec
from monitoring_assets.partitions import ModelDay
from monitoring_assets.reference.profile import read_reference
from monitoring_assets.runs.materialise import materialise_each
from resources.lake import Lake
from resources.registry import ModelRegistry
from resources.store import NotMaterialisedError, Store

if TYPE_CHECKING:
    from pathlib import Path

    from monitoring_assets.statistics.profiles.profile import ParquetSource, Profile


@dg.multi_asset(
    specs=[
        day_spec(
            __name__,
            deps=[features],
            kinds={"parquet"},
            description="The key and the score for every row of the day's features.",
        )
    ],
)
def scores(
    context: dg.AssetExecutionContext, registry: ModelRegistry, lake: Lake, store: Store
) -> dg.MaterializeResult:
    """Score the features, then count the scores, alone and by bin of every characteristic."""
    from monitoring_assets.statistics.profiles.profile import count
    from monitoring_assets.statistics.profiles.source import ParquetSource
    from resources.scorers.base import SCORE, FeatureFile
    from resources.scoring import SCORES_VERSION, score_features

    def compute(day: ModelDay) -> dict[str, object]:
        landed = store.landed(day.key)
        manifest = landed.manifest
        reference = read_reference(store, day.key)
        store.location("features", day.key, day.day)  # says so if they are not there
        with (
            store.fetched("features", day.key, day.day) as feature_path,
            store.writing("scores", day.key, day.day) as local,
        ):
            rows = FeatureFile(feature_path, manifest.batch.key, tuple(manifest.features.names))
            _, made = store.read_table("features_profile", day.key, day.day)
            read = made.get(BATCH_VERSION)
            reported = score_features(
                rows, landed, day.day, registry, lake, store, local, context, read
            )
            scores_read = reported.get(SCORES_VERSION)
            versions = {"batch": read, "scores": scores_read.value if scores_read else None}
            scored = ParquetSource([local])
            characteristics = {name: reference.bins[name] for name in manifest.features.names}
            profile = count(
                ParquetSource([feature_path]), characteristics, scores=scored, score_column=SCORE
            ) | count(scored, {SCORE: reference.bins[SCORE]}, scores=scored, score_column=SCORE)
            notes = {
                "range": _tally_range(local, *manifest.scoring.range),
                "versions": {name: one for name, one in versions.items() if one},
                "manifest_sha256": manifest.sha256,
                "run_id": context.run_id,
            }
            grid = _count_in_grid(store, day.key, ParquetSource([feature_path]), scored)
            store.remove("scores_profile", day.key, day.day)
            store.remove("score_grid", day.key, day.day)
        if grid is not None:
            counted, splits = grid
            store.write_table("score_grid", day.key, day.day, counted.to_table(), notes | splits)
        store.write_table("scores_profile", day.key, day.day, profile.to_table(), notes)
        return {
            "dagster/row_count": profile.rows,
            "rows": profile.rows,
            "mean_score": profile.columns[SCORE].mean_score,
            "flavour": manifest.scoring.flavour,
            "path": store.url("scores", day.key, day.day),
            **reported,
        }

    return materialise_each(context, store, compute)


def _count_in_grid(
    store: Store, key: str, features: "ParquetSource", scored: "ParquetSource"
) -> "tuple[Profile, dict[str, object]] | None":
    """The scores in the reference's grid, by its strata too; None where the reference has none."""
    from monitoring_assets.reference.score_grid import read_grid
    from monitoring_assets.reference.strata import stratum_columns
    from monitoring_assets.statistics.performance.strata import count_strata
    from monitoring_assets.statistics.profiles.profile import Profile, count
    from resources.scorers.base import SCORE

    try:
        grid = read_grid(store, key)
    except NotMaterialisedError:
        return None
    counted = count(scored, {SCORE: grid.bins}, scores=scored, score_column=SCORE)
    splits, bins = grid.strata.splits, grid.strata.bins
    notes: dict[str, object] = {"splits": splits}
    if splits:
        try:
            strata = count_strata(
                features, splits, bins, scores=scored, score_column=SCORE, grid=grid.bins
            )
            counted |= Profile(counted.rows, stratum_columns(strata))
        except ValueError as error:  # the drift report has the column's fault
            notes["strata_error"] = f"the day cannot be split as the reference is: {error}"
    return counted, notes


def _tally_range(local: "Path", lowest: float, highest: float) -> dict[str, int]:
    """Rows by where their score lies: ``inside``, ``below``, ``above`` or ``missing``."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    rows = {"inside": 0, "below": 0, "above": 0, "missing": 0}
    for batch in pq.ParquetFile(local).iter_batches(columns=["score"]):
        score = batch["score"]
        below = pc.sum(pc.less(score, lowest)).as_py() or 0
        above = pc.sum(pc.greater(score, highest)).as_py() or 0
        missing = pc.sum(pc.is_null(score, nan_is_null=True)).as_py() or 0
        rows["below"] += below
        rows["above"] += above
        rows["missing"] += missing
        rows["inside"] += len(score) - below - above - missing
    return rows
