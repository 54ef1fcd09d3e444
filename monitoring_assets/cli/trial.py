"""Trying a model version before it is monitored: ten rows through its model, and its last batch."""

import datetime as dt
import tempfile
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import numpy as np
from numpy.typing import NDArray

from monitoring_assets.assets.reference_profile import reference_features
from monitoring_assets.cli.draft_scores import score_differences
from monitoring_assets.cli.feature_summary import landed_now
from monitoring_assets.engines.batch_rows import day_rows
from monitoring_assets.runs.backfill import QUIET
from monitoring_assets.statistics.profiles.kernel import as_double
from resources.arrow_types import column_families
from resources.date_column import rows_of
from resources.environment import resources_from_environment
from resources.errors import InputError
from resources.isolation import Ended, call_each
from resources.lake import Lake
from resources.registry import ModelRegistry, Verdict
from resources.scorers.base import SCORE, FeatureFile
from resources.scoring import score_features
from resources.store import Landed, Store
from resources.text_tables import sample_as_parquet

TRIED_ROWS = 10
# Of one version: to start a program and to score ten rows.
LIMIT_SECONDS = 120.0
BATCH_DAYS = 14


@dataclass(frozen=True)
class TriedScores:
    """What came out of the rows that were tried; no least, mean and greatest if all are missing."""

    rows: int
    missing: int
    least: float | None
    mean: float | None
    greatest: float | None

    def __str__(self) -> str:
        if self.least is None:
            return "all missing"
        return (
            f"least {self.least:.4g}, mean {self.mean:.4g}, greatest {self.greatest:.4g}, "
            f"{self.missing or 'none'} missing"
        )


@dataclass
class Trial:
    """What came out, and in words what was found, what is doubtful and what failed."""

    scores: TriedScores | None = None
    found: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def try_versions(registry: ModelRegistry, verdicts: Iterable[Verdict]) -> dict[str, Trial]:
    """Try each valid version, by its folder, in a process of its own with a limit of time."""
    valid = [verdict for verdict in verdicts if verdict.manifest]
    trials = call_each(
        _try_version,
        [(type(registry), registry.root, verdict) for verdict in valid],
        prepare=(_prepare, ()),
        limit=LIMIT_SECONDS,
    )
    return {
        valid[number].folder: Trial(failed=[f"its trial {trial.why}"])
        if isinstance(trial, Ended)
        else trial
        for number, trial in trials
    }


def _prepare() -> None:
    """Nothing but to import this module, which loads all that a trial needs."""


def _try_version(kind: type[ModelRegistry], root: str, verdict: Verdict) -> Trial:
    """Score ten rows of a valid version's sample, and look for a batch; writes nothing."""
    registry = kind(root=root)
    landed, lake, trial = landed_now(verdict), resources_from_environment()["lake"], Trial()
    for step in (_try_scoring, _try_batch):
        try:
            trial.found.append(step(landed, registry, lake, trial))
        except InputError as error:
            trial.failed.append(str(error))
        except Exception as error:  # of botocore, pyarrow or onnxruntime: all are about the version
            trial.failed.append(f"{type(error).__name__}: {error}")
    return trial


def _try_scoring(landed: Landed, registry: ModelRegistry, lake: Lake, trial: Trial) -> str:
    manifest = landed.manifest
    column, runs_here = manifest.reference.score, manifest.scoring.has_model
    runs_here &= not manifest.scoring.starts_pods
    with tempfile.TemporaryDirectory(prefix="monitoring-trial-") as folder:
        features = reference_features(registry, landed, Path(folder), TRIED_ROWS)
        written = Path(folder) / "scores.parquet"  # where the sample holds them
        given = _numbers(written) if column is not None else None
        if runs_here:
            whose, values = "the model", _run_model(features, landed, registry, lake)
        elif given is not None:
            whose, values = f"the sample's {column}", given
        else:
            return "the model was not run: it needs a pod of its own"
    trial.scores = _summary(values)
    lowest, highest = manifest.scoring.range
    if runs_here:
        trial.warnings += score_differences(column, given, values, highest - lowest)
    outside = ~((values >= lowest) & (values <= highest))
    if outside.any():
        shown = ", ".join("none" if np.isnan(value) else f"{value:.4g}" for value in values)
        raise InputError(
            f"scoring.range: {outside.sum()} of {len(values)} scores are outside "
            f"{lowest:g} to {highest:g}: {shown}"
        )
    return f"scores of {len(values)} rows of the sample, by {whose}: {trial.scores}"


def _run_model(
    features: FeatureFile, landed: Landed, registry: ModelRegistry, lake: Lake
) -> NDArray[np.float64]:
    folder = features.path.parent
    output = folder / "model.parquet"

    @dg.asset
    def trial(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        store = Store(root=str(folder))
        score_features(features, landed, None, registry, lake, store, output, context)
        return dg.MaterializeResult()  # of an asset that uses Pipes Dagster wants one

    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([trial], instance=instance, run_config=QUIET)
    return _numbers(output)


def _numbers(scores: Path) -> NDArray[np.float64]:
    """Scores, missing ones NaN."""
    import pyarrow.parquet as pq

    values = pq.read_table(scores)[SCORE].combine_chunks()
    numbers: NDArray[np.float64] = as_double(values).to_numpy(zero_copy_only=False)
    return numbers


def _summary(scores: NDArray[np.float64]) -> TriedScores:
    known = scores[~np.isnan(scores)]
    figures = (known.min(), known.mean(), known.max()) if len(known) else ()
    least, mean, greatest = map(float, figures) if figures else (None, None, None)
    return TriedScores(len(scores), len(scores) - len(known), least, mean, greatest)


def _try_batch(landed: Landed, registry: ModelRegistry, lake: Lake, _: Trial) -> str:
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
    wanted = [*manifest.features.names, *manifest.carried, *manifest.decision_columns]
    absent = [name for name in wanted if name not in columns]
    url = files.storage.url(files.paths[0])
    if absent:
        raise InputError(f"batch {url}: no {', '.join(absent)}")
    return f"batch of {last}: {url}, has {', '.join(columns)}"
