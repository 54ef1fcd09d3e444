"""Asset ``scores``: the model's score of every row, and its counts beside the characteristics'."""

from contextlib import suppress
from functools import partial

import dagster as dg

from monitoring_assets.assets.features import BATCH_VERSION, features
from monitoring_assets.assets.spec import day_spec
from monitoring_assets.partitions import ModelDay
from monitoring_assets.reference.profile import read_reference
from monitoring_assets.runs.materialise import materialise_each
from resources.lake import Lake
from resources.registry import ModelRegistry
from resources.store import NotMaterialisedError, Store


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
    from monitoring_assets.engines import engine_of
    from monitoring_assets.engines.score_counts import ScoreBins, count_scored
    from monitoring_assets.reference.score_grid import read_grid
    from resources.scorers.base import SCORE
    from resources.scoring import SCORES_VERSION

    def compute(day: ModelDay) -> dict[str, object]:
        landed = store.landed(day.key)
        manifest = landed.manifest
        reference = read_reference(store, day.key)
        _, features_made = store.read_table("features_profile", day.key, day.day)
        read = features_made.get(BATCH_VERSION)
        bins = ScoreBins(
            {name: reference.bins[name] for name in manifest.features.names},
            reference.bins[SCORE],
            manifest.scoring.range,
            reasons={name: reference.bins[name] for name in manifest.scoring.reason_columns},
            scale=manifest.scoring.score_scale,
        )
        with suppress(NotMaterialisedError):  # the reference has no score to fit one by
            grid = read_grid(store, day.key)
            bins = bins._replace(grid=grid.bins, strata=grid.strata)
        count = partial(count_scored, bins)
        made = engine_of(manifest).scores(store, day, landed, registry, lake, count, context, read)
        profile = made.counts.counted.whole()
        scores_read = made.reported.get(SCORES_VERSION)
        versions = {"batch": read, "scores": scores_read.value if scores_read else None}
        notes = {
            "range": made.counts.range,
            "versions": {name: one for name, one in versions.items() if one},
            "manifest_sha256": manifest.sha256,
            "run_id": context.run_id,
        }
        if made.counts.grid is not None:
            splits: dict[str, object] = {"splits": bins.strata.splits}
            if made.counts.unsplit:
                splits["strata_error"] = made.counts.unsplit
            table = made.counts.grid.to_table()
            store.write_table("score_grid", day.key, day.day, table, notes | splits)
        store.write_table("scores_profile", day.key, day.day, profile.to_table(), notes)
        return {
            "dagster/row_count": profile.rows,
            "rows": profile.rows,
            "mean_score": profile.columns[SCORE].mean_score,
            "flavour": manifest.scoring.flavour,
            "path": store.url("scores", day.key, day.day),
            **made.reported,
        }

    return materialise_each(context, store, compute)
