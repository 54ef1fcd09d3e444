"""Trying a model version before it is monitored: ten rows through its model, and its last batch."""

import datetime as dt
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from monitoring_assets.assets.features import day_rows
from monitoring_assets.assets.reference_profile import reference_features
from monitoring_assets.cli.feature_summary import landed_now
from monitoring_assets.runs.backfill import QUIET
from resources.arrow_types import column_families
from resources.date_column import rows_of
from resources.environment import resources_from_environment
from resources.errors import InputError
from resources.lake import Lake
from resources.registry import ModelRegistry, Verdict
from resources.scorers.base import SCORE
from resources.scoring import score_features
from resources.store import Landed, Store
from resources.text_tables import sample_as_parquet

TRIED_ROWS = 10
BATCH_DAYS = 14


@dataclass(frozen=True)
class Trial:
    """What came out, and what failed, in words."""

    found: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def try_version(registry: ModelRegistry, verdict: Verdict) -> Trial:
    """Score ten rows of a valid version's sample, and look for a batch; writes nothing."""
    landed, lake, trial = landed_now(verdict), resources_from_environment()["lake"], Trial()
    for step in (_try_scoring, _try_batch):
        try:
            trial.found.append(step(landed, registry, lake))
        except InputError as error:
            trial.failed.append(str(error))
        except Exception as error:  # of botocore, pyarrow or onnxruntime: all are about the version
            trial.failed.append(f"{type(error).__name__}: {error}")
    return trial


def _try_scoring(landed: Landed, registry: ModelRegistry, lake: Lake) -> str:
    import pyarrow.parquet as pq

    manifest = landed.manifest
    with tempfile.TemporaryDirectory(prefix="monitoring-trial-") as folder:
        features = reference_features(registry, landed, Path(folder), TRIED_ROWS)
        scores = Path(folder) / "scores.parquet"
        if manifest.reference.score is not None:
            whose = f"the sample's {manifest.reference.score}"
        elif manifest.scoring.starts_pods:
            return "the model was not run: it needs a pod of its own"
        else:
            whose = "the model"

            @dg.asset
            def trial(context: dg.AssetExecutionContext) -> None:
                store = Store(root=folder)
                score_features(features, landed, None, registry, lake, store, scores, context)

            with dg.DagsterInstance.ephemeral() as instance:
                dg.materialize([trial], instance=instance, run_config=QUIET)
        values = pq.read_table(scores)[SCORE].to_pylist()
    lowest, highest = manifest.scoring.range
    outside = [value for value in values if value is None or not lowest <= value <= highest]
    shown = ", ".join("none" if value is None else f"{value:.4g}" for value in values)
    if outside:
        raise InputError(
            f"scoring.range: {len(outside)} of {len(values)} scores are outside "
            f"{lowest:g} to {highest:g}: {shown}"
        )
    return f"scores of {len(values)} rows of the sample, by {whose}: {shown}"


def _try_batch(landed: Landed, registry: ModelRegistry, lake: Lake) -> str:
    import pyarrow.parquet as pq

    manifest = landed.manifest
    pattern, today = manifest.batch.path, dt.datetime.now(dt.UTC).date()
    days = [today - dt.timedelta(days=number) for number in range(1, BATCH_DAYS + 1)]
    found = lake.days_with_batch(manifest, days)
    if not found:
        where = f"{pattern} below {lake.root} (MONITORING_LAKE)"
        return f"no batch from {days[-1]} to {days[0]} at {where}"
    last = max(found)
    files = lake.day_files(pattern, last, manifest.batch.marker)
    place, path = registry.locate(landed.folder, manifest.reference.path)
    with sample_as_parquet(place, path, manifest.declared_types) as sample:
        types = column_families(pq.read_schema(sample), key=manifest.batch.key)
    column = manifest.batch.date_column
    with rows_of(files, column, last) if column else nullcontext(files) as rows:
        # Of a piece without rows.
        columns = next(day_rows(rows, landed, registry, types)).schema.names
    absent = [name for name in [*manifest.features.names, *manifest.carried] if name not in columns]
    url = files.storage.url(files.paths[0])
    if absent:
        raise InputError(f"batch {url}: no {', '.join(absent)}")
    return f"batch of {last}: {url}, has {', '.join(columns)}"
