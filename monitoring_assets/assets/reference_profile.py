"""Asset ``reference_profile``: the bins of a model version and its reference sample in them."""

import datetime as dt
from typing import TYPE_CHECKING

import dagster as dg

from monitoring_assets.assets.spec import owners
from monitoring_assets.code_version import code_version
from monitoring_assets.partitions import MODEL_VERSIONS
from monitoring_assets.runs.storage_retries import tried_again
from resources.arrow_types import column_families
from resources.asset_keys import asset_key
from resources.faults import ONBOARDING, forget_faults
from resources.lake import Lake
from resources.manifest import Manifest
from resources.registry import ModelRegistry
from resources.store import Landed, Store

if TYPE_CHECKING:
    from pathlib import Path

    from monitoring_assets.statistics.drift.surrogate import Surrogate
    from monitoring_assets.statistics.profiles.profile import Profile
    from resources.delivery.messages import Change
    from resources.scorers.base import FeatureFile

# A channel that does not answer must not hold up the run: the delivery sensor goes on.
DELIVERY_SECONDS = 10.0
OUTCOMES = "outcomes.parquet"
BATCH_ROWS = 65_536


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            asset_key("reference_profile"),
            partitions_def=MODEL_VERSIONS,
            group_name="onboarding",
            owners=owners(),
            kinds={"parquet"},
            code_version=code_version(__name__),
            description="Bins of every characteristic and of the score, fixed by the reference "
            "sample, with its counts and its mean score in each: what every day is "
            "compared with.",
        )
    ],
)
def reference_profile(
    context: dg.AssetExecutionContext, registry: ModelRegistry, lake: Lake, store: Store
) -> dg.MaterializeResult:
    """Score the reference sample if it has no score, fix the bins, count."""
    with tried_again(context):
        return _profile(context, registry, lake, store)


def _profile(
    context: dg.AssetExecutionContext, registry: ModelRegistry, lake: Lake, store: Store
) -> dg.MaterializeResult:
    import tempfile
    from pathlib import Path

    import pyarrow.parquet as pq

    from monitoring_assets.reference.decisions import reference_decisions
    from monitoring_assets.reference.score_grid import make_grid
    from monitoring_assets.reference.segments import reference_segments
    from monitoring_assets.statistics.profiles.binning import fit_bins
    from monitoring_assets.statistics.profiles.bins import NumericBins
    from monitoring_assets.statistics.profiles.profile import count, fit_profile
    from monitoring_assets.statistics.profiles.source import ParquetSource
    from resources.delivery.channels import channels_from_environment
    from resources.delivery.outbox import Outbox
    from resources.scorers.base import SCORE
    from resources.scoring import score_features
    from resources.text_tables import sample_version

    key = context.partition_key
    landed = store.landed(key)
    manifest = landed.manifest
    grades = [(one.name, one.to) for one in manifest.reference.grades]
    with tempfile.TemporaryDirectory(prefix="monitoring-reference-") as folder:
        scores = Path(folder) / "scores.parquet"
        features = reference_features(registry, landed, Path(folder))
        if manifest.reference.score is None:
            score_features(features, landed, None, registry, lake, store, scores, context)
        parts = []
        for file, columns in ((features.path, manifest.features.names), (scores, [SCORE])):
            source = ParquetSource([file])
            bins = fit_bins(source, columns, bins=manifest.reference.bins)
            score = bins.get(SCORE)
            if grades and isinstance(score, NumericBins):
                bins[SCORE] = score.graded(grades)
            scored = ParquetSource([scores])
            parts.append(count(source, bins, scores=scored, score_column=SCORE, is_reference=True))
        reasons = manifest.scoring.reason_columns
        why = fit_profile(ParquetSource([scores]), reasons, bins=manifest.reference.bins)
        profile = parts[0] | parts[1] | why
        effects, attribution = _effects(features.path, scores, profile, manifest)
        outcomes = Path(folder) / OUTCOMES
        grid = make_grid(manifest, profile, features.path, scores, outcomes)
        segments = reference_segments(manifest, profile, grid, features.path, scores, outcomes)
        decisions = reference_decisions(manifest, profile, grid, features.path, scores)
        types = column_families(pq.read_schema(features.path), key=manifest.batch.key)
    place, path = registry.locate(landed.folder, manifest.reference.path)
    version = sample_version(place, path)
    notes = {"manifest_sha256": manifest.sha256, "run_id": context.run_id}
    notes |= {"versions": {"reference": version}} if version else {}
    if grid is not None:  # before the profile, which is what days wait for
        table, performance = grid
        store.write_table("reference_grid", key, None, table, notes | performance)
    if segments is not None:
        counted, values = segments
        store.write_table("reference_segments", key, None, counted, notes | values)
    if decisions is not None:
        decided, kept = decisions
        store.write_table("reference_decisions", key, None, decided, notes | kept)
    if effects is not None:
        table, fit = effects.to_table(), {"r2": effects.r2}
        store.write_table("reference_effects", key, None, table, notes | fit)
    forget_faults(store.storage, key, ONBOARDING)
    outbox, channels = Outbox(store.storage), channels_from_environment(store)
    outbox.put(_announcement(manifest), channels)
    # Last: a version that has a profile is onboarded, and nothing of the above is made up for.
    store.write_table("reference_profile", key, None, profile.to_table(), notes | {"types": types})
    outbox.deliver(channels, key=key, seconds=DELIVERY_SECONDS, now=dt.datetime.now(dt.UTC))
    errors = {name: column.error for name, column in profile.columns.items() if column.error}
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": profile.rows,
            "characteristics": len(manifest.features.names),
            "not_profiled": dg.MetadataValue.json(errors),
            "attribution": attribution,
            "manifest": dg.MetadataValue.json(manifest.model_dump(mode="json")),
            # Days before this are not missing: the version was not in production yet.
            "monitored_from": manifest.deployed_at.isoformat(),
            **({"reference_version": dg.MetadataValue.json(version)} if version else {}),
            "path": store.url("reference_profile", key),
        }
    )


def _effects(
    features: "Path", scores: "Path", profile: "Profile", manifest: Manifest
) -> "tuple[Surrogate | None, str]":
    """What each bin adds to the score, and in words how well that explains it."""
    from monitoring_assets.statistics.drift.surrogate import fit_surrogate
    from monitoring_assets.statistics.profiles.source import ParquetSource
    from resources.scorers.base import SCORE

    columns = {name: profile.columns[name].bins for name in manifest.features.names}
    bins = {name: one for name, one in columns.items() if one is not None}
    try:
        effects = fit_surrogate(ParquetSource([features]), bins, ParquetSource([scores]), SCORE)
    except ValueError as error:
        return None, f"marginal mix: no additive surrogate of the score, {error}"
    return effects, str(effects)


def _announcement(manifest: Manifest) -> "Change":
    """What tells that a version is monitored; sent once, however often its profile is made."""
    from resources.delivery.links import links
    from resources.delivery.messages import Change, Subject

    return Change(
        subject=Subject.of(manifest),
        summary=f"{manifest.key} is monitored, from {manifest.deployed_at} on",
        at=dt.datetime.now(dt.UTC),
        links=links(manifest.key, manifest.deployed_at, "pipeline"),
    )


def reference_features(
    registry: ModelRegistry, landed: Landed, folder: "Path", rows: int | None = None
) -> "FeatureFile":
    """Write the sample as a day's features are written; beside them its score and its outcomes.

    ``rows`` is how many of its first rows to write at most; all, if None.

    Raises
    ------
    InputError
        If the sample is not what landed, or not what the version's SQL makes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from monitoring_assets.reference.feature_sql import require_finished
    from monitoring_assets.statistics.profiles.kernel import as_double
    from monitoring_assets.statistics.profiles.source import INT96_UNIT, parquet_dataset
    from resources.keys import plain_keys
    from resources.outcomes import outcomes_of
    from resources.scorers.base import SCORE, FeatureFile
    from resources.text_tables import sample_as_parquet, sample_sha256

    manifest = landed.manifest
    place, path = registry.locate(landed.folder, manifest.reference.path)
    url = place.url(path)
    with sample_as_parquet(place, path, manifest.declared_types) as local:
        # After the copy was made: a table that is still at the version that landed was then too.
        landed.verify("reference.path", sample_sha256(place, path, local), url)
        sample = pq.ParquetFile(local, coerce_int96_timestamp_unit=INT96_UNIT)
        if manifest.features.sql is not None:
            require_finished(parquet_dataset(local), url, landed, registry)
        key = manifest.batch.key
        features = FeatureFile(folder / "features.parquet", key, tuple(manifest.features.names))
        others = (*manifest.carried, *manifest.decision_columns)
        carried = [name for name in others if name in sample.schema_arrow.names]
        names = [*features.characteristics, *carried]
        has_key = key in sample.schema_arrow.names
        score, outcomes = manifest.reference.score, manifest.reference_outcomes.values()
        scores = [score, *manifest.scoring.reason_columns] if score else []
        wanted = [*names, *([key] if has_key else []), *scores, *outcomes]
        writers: dict[str, pq.ParquetWriter] = {}
        row = 0
        try:
            columns = list(dict.fromkeys(wanted))
            for batch in sample.iter_batches(rows or BATCH_ROWS, columns=columns):
                # A sample needs no key; its row number is one.
                keys = (
                    plain_keys(batch[key], f"{url}, column {key!r} (batch.key)")
                    if has_key
                    else pa.array(range(row, row + batch.num_rows))
                )
                row += batch.num_rows
                tables = {features.path: {key: keys} | {name: batch[name] for name in names}}
                if score:
                    numbers = as_double(batch[score])
                    why = {name: batch[name] for name in manifest.scoring.reason_columns}
                    tables[folder / "scores.parquet"] = {key: keys, SCORE: numbers} | why
                if outcomes:
                    tables[folder / OUTCOMES] = {
                        name: outcomes_of(
                            batch[name], manifest.outcome_kind, f"{url}, column {name!r}"
                        )
                        for name in outcomes
                    }
                for target, content in tables.items():
                    table = pa.table(content)
                    if str(target) not in writers:
                        writers[str(target)] = pq.ParquetWriter(target, table.schema)
                    writers[str(target)].write_table(table)
                if row == rows:
                    break
        finally:
            for writer in writers.values():
                writer.close()
        if not row:
            raise dg.Failure(f"the reference sample {url} has no rows")
        return features
