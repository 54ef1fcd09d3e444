"""The Dagster side: which checks there are, and what becomes of their findings.

Seven checks, each partitioned like its asset. One run of Great Expectations serves all checks of an
asset and partition.
"""

import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from monitoring_assets.assets.features import features
from monitoring_assets.assets.performance_report import performance_report
from monitoring_assets.assets.scores import scores
from monitoring_assets.assets.segment_report import segment_report
from monitoring_assets.checks.import_time import defer_import
from monitoring_assets.checks.target_materialisation import target_materialisation
from monitoring_assets.partitions import MODEL_DAYS, ModelDay
from monitoring_assets.reference.profile import read_reference
from resources.faults import RecordedFault, record_faults
from resources.manifest import Family, Manifest
from resources.store import Store

if TYPE_CHECKING:
    from monitoring_assets.checks.gx_run import Finding
    from monitoring_assets.checks.table_expectation import ProfileExpectation

SHOWN_FINDINGS = 200
NO_SEGMENTS = "the manifest has no segments"

CHECKS = {
    "batch_quality": (
        features,
        "The batch has enough rows, the types of the manifest, no more missing values than "
        "allowed, no infinite ones, and a key that is unique.",
    ),
    "csi": (
        features,
        "The characteristic stability index of every characteristic is under its thresholds, or "
        "no larger than chance alone makes it at this number of rows.",
    ),
    "score_range": (scores, "Every row has a score within the range that the manifest allows."),
    "psi": (
        scores,
        "The population stability index of the score is under its thresholds, or no larger than "
        "chance alone makes it at this number of rows.",
    ),
    "segments": (
        segment_report,
        "No segment has an index at fail, beyond chance among all segments: WARN, as a segment "
        "never pages alone. ERROR where a segment column cannot be had.",
    ),
    "estimated_performance": (
        performance_report,
        "The estimated AUC is not under the reference's by more than the threshold and chance.",
    ),
    "realised_performance": (
        performance_report,
        "Enough of the cohort's outcomes are known; its AUC is not under the reference's nor under "
        "what was estimated for it, and its bads are as many as expected, but for the thresholds "
        "and for chance.",
    ),
}

FAMILIES: dict[str, Family] = {
    "batch_quality": "data quality",
    "csi": "characteristics",
    "score_range": "data quality",
    "psi": "population",
    "segments": "data quality",
    "estimated_performance": "performance",
    "realised_performance": "performance",
}
"""What a failed check counts as."""

PHRASES = {
    "ExpectRowCountToBeAtLeast": "{observed:.0f} rows; at least {limit} are wanted",
    "ExpectKeyToBeUnique": "key: {repeated} repeated, {missing} missing",
    "ExpectArrowTypeToMatch": "{characteristic} holds {found}; {expected} is expected",
    "ExpectMissingShareToBeAtMost": "{characteristic}: {observed:.1%} missing; the limit is "
    "{limit:.1%}, the reference has {reference:.1%}",
    "ExpectNoInfiniteValues": "{characteristic}: {observed:.0f} infinite values",
    "ExpectCohortToBeMature": "{characteristic}: {text}",
    "ExpectAucToHold": "{characteristic}: {text}",
    "ExpectBadRateToHold": "{characteristic}: {text}",
    "ExpectSegmentToHold": "{characteristic}: {text}",
    "ExpectScoreToBeInRange": "{observed:.0f} rows without a score in {range}: {below} below, "
    "{above} above, {missing} missing",
}
"""What an expectation that is not met says, by its name."""


def _specs(asset: dg.AssetsDefinition) -> list[dg.AssetCheckSpec]:
    # Partitioned checks are in preview in Dagster 1.13; that was a decision, not a surprise.
    warnings.filterwarnings("ignore", "Specifying a partitions_def", dg.PreviewWarning)
    return [
        dg.AssetCheckSpec(
            name,
            asset=asset,
            description=f"{text} Its ERROR keeps the partition from going further where the "
            "model's manifest lists it under checks.blocking.",
            # The graph waits for the check; each evaluation says whether it blocks.
            blocking=True,
            partitions_def=MODEL_DAYS,
        )
        for name, (owner, text) in CHECKS.items()
        if owner is asset
    ]


@dg.multi_asset_check(name="features_checks", specs=_specs(features), can_subset=True)
def features_checks(context: dg.AssetCheckExecutionContext, store: Store) -> Iterator[object]:
    """Batch quality and CSI."""
    yield from _evaluate(context, store, _check_features)


@dg.multi_asset_check(name="scores_checks", specs=_specs(scores), can_subset=True)
def scores_checks(context: dg.AssetCheckExecutionContext, store: Store) -> Iterator[object]:
    """Range of the score and PSI."""
    yield from _evaluate(context, store, _check_scores)


@dg.multi_asset_check(name="segments_checks", specs=_specs(segment_report), can_subset=True)
def segments_checks(context: dg.AssetCheckExecutionContext, store: Store) -> Iterator[object]:
    """Segments."""
    yield from _evaluate(context, store, _check_segments)


@dg.multi_asset_check(name="performance_checks", specs=_specs(performance_report), can_subset=True)
def performance_checks(context: dg.AssetCheckExecutionContext, store: Store) -> Iterator[object]:
    """Estimated and realised performance."""
    yield from _evaluate(context, store, _check_performance)


def _check_features(store: Store, day: ModelDay, manifest: Manifest) -> "list[Finding]":
    from monitoring_assets.checks import batch_quality as quality
    from monitoring_assets.checks.gx_run import run_expectations
    from monitoring_assets.checks.profile_table import KEY, profile_table
    from monitoring_assets.checks.stability import ExpectCharacteristicStabilityIndex
    from monitoring_assets.statistics.profiles.profile import Profile

    reference = read_reference(store, day.key)
    table, notes = store.read_table("features_profile", day.key, day.day)
    policy, limits = manifest.thresholds, manifest.checks
    frame = profile_table(
        reference,
        Profile.from_table(table),
        expected_types={column.name: column.type for column in manifest.features.columns},
        found_types=notes["types"],
        tallies={KEY: notes["key"]},
    )
    expectations: list[tuple[str, ProfileExpectation]] = [
        (
            "batch_quality",
            quality.ExpectRowCountToBeAtLeast(characteristic=KEY, min_rows=limits.min_rows),
        ),
        ("batch_quality", quality.ExpectKeyToBeUnique(characteristic=KEY)),
    ]
    for name in manifest.features.names:
        expectations += [
            ("batch_quality", quality.ExpectArrowTypeToMatch(characteristic=name)),
            (
                "batch_quality",
                quality.ExpectMissingShareToBeAtMost(
                    characteristic=name,
                    limit=limits.max_missing.get(name),
                    increase=limits.max_missing_increase,
                ),
            ),
            ("batch_quality", quality.ExpectNoInfiniteValues(characteristic=name)),
            (
                "csi",
                ExpectCharacteristicStabilityIndex(
                    characteristic=name,
                    smoothing=policy.smoothing,
                    **policy.characteristics.get(name, policy.csi).model_dump(),
                ),
            ),
        ]
    return run_expectations(frame, expectations)


def _check_scores(store: Store, day: ModelDay, manifest: Manifest) -> "list[Finding]":
    from monitoring_assets.checks.gx_run import run_expectations
    from monitoring_assets.checks.profile_table import SCORE_RANGE, profile_table
    from monitoring_assets.checks.score_range import ExpectScoreToBeInRange
    from monitoring_assets.checks.stability import ExpectPopulationStabilityIndex
    from monitoring_assets.statistics.profiles.profile import Profile
    from resources.scorers.base import SCORE

    reference = read_reference(store, day.key)
    table, notes = store.read_table("scores_profile", day.key, day.day)
    current = Profile.from_table(table)
    policy = manifest.thresholds
    lowest, highest = manifest.scoring.range
    frame = profile_table(
        reference,
        Profile(current.rows, {SCORE: current.columns[SCORE]}),
        expected_types={},
        found_types={},
        tallies={SCORE_RANGE: notes["range"]},
    )
    return run_expectations(
        frame,
        [
            (
                "score_range",
                ExpectScoreToBeInRange(characteristic=SCORE_RANGE, lowest=lowest, highest=highest),
            ),
            (
                "psi",
                ExpectPopulationStabilityIndex(
                    characteristic=SCORE, smoothing=policy.smoothing, **policy.psi.model_dump()
                ),
            ),
        ],
    )


def _check_segments(store: Store, day: ModelDay, manifest: Manifest) -> "list[Finding]":
    from monitoring_assets.checks.gx_run import Finding, run_expectations
    from monitoring_assets.checks.segments import ExpectSegmentToHold, segment_table

    if not manifest.segments:
        said = {"status": NO_SEGMENTS}
        return [Finding("segments", "ExpectSegmentToHold", "segments", True, 0.0, said)]
    table = segment_table(store.read_table("segment_report", day.key, day.day)[0].to_pylist())
    subjects = [ExpectSegmentToHold(characteristic=subject) for subject in table["subject"]]
    return run_expectations(table, [("segments", one) for one in subjects])


def _check_performance(store: Store, day: ModelDay, manifest: Manifest) -> "list[Finding]":
    from monitoring_assets.checks.gx_run import run_expectations
    from monitoring_assets.checks.performance import expectations, performance_table

    report = store.read_table("performance_report", day.key, day.day)[0].to_pylist()
    limits = manifest.thresholds.performance
    return run_expectations(performance_table(report), expectations(report, limits))


def _evaluate(
    context: dg.AssetCheckExecutionContext,
    store: Store,
    check: "Callable[[Store, ModelDay, Manifest], list[Finding]]",
) -> Iterator[object]:
    """Yield exactly one evaluation for each selected check and partition."""
    # A third of the time to import Great Expectations is for this, and no check here needs it.
    defer_import("scipy", "stats")
    run = context.op_execution_context
    selected = sorted(context.selected_asset_check_keys)
    days = [ModelDay.parse(partition) for partition in run.partition_keys]
    for day in days:
        manifest, findings, problem = None, [], None
        try:
            manifest = store.landed(day.key).manifest
            findings = check(store, day, manifest)
        except Exception as error:  # a check that could not be computed is a failed check
            context.log.exception(f"{day.partition}: checks could not be computed")
            problem = f"{type(error).__name__}: {error}"
        blocking_checks = frozenset(CHECKS) if manifest is None else {*manifest.checks.blocking}
        asset = selected[0].asset_key.to_user_string()
        record_faults(
            store.storage,
            day.key,
            day.day,
            asset,
            _faults(asset, findings, problem, blocking_checks),
        )
        for key in selected:
            blocking = key.name in blocking_checks
            yield _evaluation(run.instance, key, day, findings, problem, blocking)
    for key in selected:
        yield dg.Output(None, f"{key.asset_key.to_python_identifier()}_{key.name}")


def _evaluation(
    instance: dg.DagsterInstance,
    key: dg.AssetCheckKey,
    day: ModelDay,
    findings: "Sequence[Finding]",
    problem: str | None,
    blocking: bool,
) -> dg.AssetCheckEvaluation:
    """The evaluation of one check and partition, with all that a person needs to see why."""
    mine = [finding for finding in findings if finding.check == key.name]
    if not mine and problem is None:
        problem = "no finding: nothing was checked"
    bad = [finding for finding in mine if not finding.success]
    only_warnings = all(finding.status == "warn" for finding in bad) and problem is None
    metadata: dict[str, dg.MetadataValue] = {}
    if problem is not None:
        metadata["error"] = dg.MetadataValue.text(problem)
    index = [f for f in mine if key.name in ("psi", "csi") and f.observed is not None]
    if index:
        worst = max(index, key=lambda finding: finding.observed or 0.0)
        name = "psi" if key.name == "psi" else "csi_max"
        metadata[name] = dg.MetadataValue.float(worst.observed or 0.0)
        metadata["critical_value"] = dg.MetadataValue.float(float(worst.details["critical_value"]))
    shown = sorted(mine, key=lambda f: (f.success, -(f.observed or 0.0)))[:SHOWN_FINDINGS]
    if shown:
        metadata["findings"] = _table(shown)
        metadata["checked"] = dg.MetadataValue.int(len(mine))
    return dg.AssetCheckEvaluation(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=not bad and problem is None,
        severity=dg.AssetCheckSeverity.WARN if only_warnings else dg.AssetCheckSeverity.ERROR,
        description=problem or "; ".join(map(_in_words, bad[:5])) or _all_well(mine),
        metadata=metadata,
        blocking=blocking,
        partition=day.partition,
        target_materialization_data=target_materialisation(instance, key, day),
    )


def _faults(
    asset: str, findings: "Sequence[Finding]", problem: str | None, blocking: Collection[str]
) -> list[RecordedFault]:
    """What the alerts are to know of a day beside its drift report, which has every index.

    An index that stops the day keeps the report from being made: it is then known from here.
    """
    if problem is not None:
        return [RecordedFault(family="pipeline", subject=f"checks of {asset}", text=problem)]
    return [
        RecordedFault(
            family=FAMILIES[finding.check], subject=finding.characteristic, text=_in_words(finding)
        )
        for finding in findings
        if finding.status in ("fail", "error")
        and (FAMILIES[finding.check] == "data quality" or finding.check in blocking)
    ]


def _table(findings: "Sequence[Finding]") -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "characteristic": finding.characteristic,
                    "expectation": finding.expectation,
                    "status": finding.status,
                    "observed": finding.observed,
                    "details": finding.error or _details(finding),
                }
            )
            for finding in findings
        ],
        dg.TableSchema(
            [
                dg.TableColumn("characteristic", "string"),
                dg.TableColumn("expectation", "string"),
                dg.TableColumn("status", "string"),
                dg.TableColumn("observed", "float"),
                dg.TableColumn("details", "string"),
            ]
        ),
    )


def _in_words(finding: "Finding") -> str:
    if finding.error is not None:
        return f"{finding.characteristic}: {finding.error}"
    phrase = PHRASES.get(finding.expectation, "{characteristic}: {observed:.4g} ({details})")
    known = {"characteristic": finding.characteristic, "observed": finding.observed}
    return phrase.format(**known, **finding.details, details=_details(finding))


def _details(finding: "Finding") -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in finding.details.items()
    )


def _all_well(findings: "Sequence[Finding]") -> str:
    if findings[0].status == NO_SEGMENTS:
        return NO_SEGMENTS
    unsure = [f.characteristic for f in findings if f.status == "insufficient evidence"]
    if unsure and findings[0].check == "segments":
        return f"{len(findings) - len(unsure)} segments hold; too few rows: {', '.join(unsure)}"
    if unsure:
        return f"over a threshold, but no more than chance explains: {', '.join(unsure)}"
    return f"{len(findings)} expectations met"
