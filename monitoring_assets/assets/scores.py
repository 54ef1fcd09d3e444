"""Asset ``scores``: the model's score of every row, and its counts beside the characteristics'."""

from contextlib import suppress
from functools import partial
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
    from monitoring_assets.engines.decision_counts import CountedDecisions
    from resources.manifest import Decisions


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
    from monitoring_assets.engines.decision_counts import CountedDecisions, DecisionCells
    from monitoring_assets.engines.score_counts import ScoreBins, count_scored
    from monitoring_assets.reference.decisions import NO_GRID, edges_of
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
            if manifest.decisions is not None:
                bands = edges_of(reference.columns[SCORE])
                cells = DecisionCells(manifest.decisions.counted, bands, grid.bins.edges)
                bins = bins._replace(decisions=cells)
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
        if manifest.decisions is not None:
            decided = made.counts.decisions or CountedDecisions(None, NO_GRID)
            _write_decisions(store, day, manifest.decisions, decided, notes)
        store.write_table("scores_profile", day.key, day.day, profile.to_table(), notes)
        return {
            "dagster/row_count": profile.rows,
            "rows": profile.rows,
            "mean_score": profile.columns[SCORE].mean_score,
            "flavour": manifest.scoring.flavour,
            "path": store.url("scores", day.key, day.day),
            **_decisions_shown(made.counts.decisions),
            **made.reported,
        }

    return materialise_each(context, store, compute)


def _write_decisions(
    store: Store,
    day: ModelDay,
    decisions: "Decisions",
    found: "CountedDecisions",
    notes: dict[str, object],
) -> None:
    """Keep the counts; where there are none, why, with an empty table."""
    from monitoring_assets.reference.decisions import notes_of
    from monitoring_assets.statistics.decisions.counts import DecisionCounts

    table = found.counts.to_table() if found.counts else DecisionCounts.SCHEMA.empty_table()
    kept = notes | notes_of(decisions, found.counts) | {"error": found.error}
    store.write_table("decisions", day.key, day.day, table, kept)


def _decisions_shown(found: "CountedDecisions | None") -> dict[str, object]:
    """The rates of the day, of which Dagster draws curves; or why there are none."""
    from monitoring_assets.statistics.decisions.counts import RATES, rate

    if found is None:
        return {}
    if found.counts is None:
        return {"decisions": found.error}
    rows = found.counts.totals
    rates = {name: rate(rows, name) for name in RATES}
    return {
        "undecided": rows["undecided"],
        **{f"{name}_rate": one for name, one in rates.items() if one is not None},
    }
