"""The Dagster side of the checks: who is asked, and what becomes of the findings.

One run of Great Expectations serves all checks of an asset and partition.
"""

from collections.abc import Collection, Iterator, Sequence
from importlib import import_module
from operator import attrgetter

import dagster as dg

from monitoring_assets.checks.finding import Finding, all_well
from monitoring_assets.checks.import_time import defer_import
from monitoring_assets.checks.target_materialisation import target_materialisation
from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.evaluated_day import days_to_evaluate, evaluation_of, failed_last
from monitoring_assets.runs.storage_retries import tried_again, tries_left
from resources.asset_keys import asset_key
from resources.dagster_internals import AssetCheckEvaluationTargetMaterializationData
from resources.errors import StorageError
from resources.faults import RecordedFault, record_faults
from resources.manifest import CHECKS, CheckDefinition, Manifest
from resources.store import ReplacedError, Store

SHOWN_FINDINGS = 200


def _checks_of(asset: str) -> dg.AssetChecksDefinition:
    """The checks of an asset, as one operation."""
    definitions = [check for check in CHECKS.values() if check.asset == asset]
    specs = [
        dg.AssetCheckSpec(
            check.name,
            asset=asset_key(asset),
            description=f"{check.description} Its ERROR keeps the partition from going further "
            "where the model's manifest lists it under checks.blocking.",
            # The graph waits for the check; each evaluation says whether it blocks.
            blocking=True,
        )
        for check in definitions
    ]

    @dg.multi_asset_check(name=f"{asset}_checks", specs=specs, can_subset=True)
    def checks(context: dg.AssetCheckExecutionContext, store: Store) -> Iterator[object]:
        with tried_again(context.op_execution_context):
            yield from _evaluate(context, store, asset, definitions)

    return checks


def _evaluate(
    context: dg.AssetCheckExecutionContext,
    store: Store,
    asset: str,
    definitions: Sequence[CheckDefinition],
) -> Iterator[object]:
    """Yield exactly one evaluation for each selected check and partition."""
    run = context.op_execution_context
    selected = sorted(context.selected_asset_check_keys)
    evaluations = []
    for day in days_to_evaluate(context):
        manifest, findings, problem = None, [], None
        try:
            manifest = store.landed(day.key).manifest
            findings = judge(store, day, manifest, definitions)
        except StorageError:
            raise  # nothing is known of the day
        except Exception as error:  # a check that could not be computed is a failed check
            if isinstance(error, ReplacedError) and tries_left(run):
                raise
            context.log.exception(f"{day.partition}: checks could not be computed")
            problem = f"{type(error).__name__}: {error}"
        blocking_checks = frozenset(CHECKS) if manifest is None else {*manifest.checks.blocking}
        record_faults(
            store.storage,
            day.key,
            day.day,
            asset,
            _faults(asset, findings, problem, blocking_checks),
        )
        judged = target_materialisation(run.instance, selected[0].asset_key, day)
        for key in selected:
            blocking = key.name in blocking_checks
            evaluations.append(_evaluation(key, day, findings, problem, blocking, judged))
    yield from failed_last(evaluations)
    for key in selected:
        yield dg.Output(None, f"{key.asset_key.to_python_identifier()}_{key.name}")


def judge(
    store: Store, day: ModelDay, manifest: Manifest, definitions: Sequence[CheckDefinition]
) -> list[Finding]:
    """Findings of checks of one asset; Great Expectations is loaded if there is anything to judge.

    Parameters
    ----------
    store
        Where what is judged lies.
    day
        The partition.
    manifest
        Says what is expected.
    definitions
        Checks, all of the same asset.

    Returns
    -------
    One for each expectation, and one for each check that the manifest gives nothing to judge.
    """
    needed = [
        check for check in definitions if check.needs is None or attrgetter(check.needs)(manifest)
    ]
    findings = [
        Finding(check.name, "", str(check.needs), True, 0.0, {"status": "not judged", "why": why})
        for check in definitions
        if check not in needed and (why := f"the manifest has no {check.needs}")
    ]
    if not needed:
        return findings
    # A third of the time to import Great Expectations is for this, and no check here needs it.
    defer_import("scipy", "stats")
    from monitoring_assets.checks import gx_run
    from monitoring_assets.checks.tables import TABLES

    table = TABLES[needed[0].asset](store, day, manifest)
    expected = [
        (check.name, expectation)
        for check in needed
        for expectation in import_module(f"{__package__}.{check.name}").expectations(
            table, manifest
        )
    ]
    return findings + gx_run.run_expectations(table, expected)


def _evaluation(
    key: dg.AssetCheckKey,
    day: ModelDay,
    findings: Sequence[Finding],
    problem: str | None,
    blocking: bool,
    judged: AssetCheckEvaluationTargetMaterializationData | None,
) -> dg.AssetCheckEvaluation:
    """The evaluation of one check and partition, with all that a person needs to see why."""
    mine = [finding for finding in findings if finding.check == key.name]
    if not mine and problem is None:
        problem = "no finding: nothing was checked"
    bad = [finding for finding in mine if not finding.success]
    # Each expectation of a column that is not there says so.
    said = list(dict.fromkeys(finding.text for finding in bad))
    only_warnings = all(finding.status == "warn" for finding in bad) and problem is None
    # What only the last days together show does not stop the day.
    only_the_week = (
        problem is None
        and any(finding.is_unsure for finding in bad)
        and all(finding.is_unsure or finding.status == "warn" for finding in bad)
    )
    metadata: dict[str, dg.MetadataValue] = {}
    if problem is not None:
        metadata["error"] = dg.MetadataValue.text(problem)
    index = CHECKS[key.name].index
    indices = [finding for finding in mine if index and finding.observed is not None]
    if index and indices:
        worst = max(indices, key=lambda finding: finding.observed or 0.0)
        metadata[index] = dg.MetadataValue.float(worst.observed or 0.0)
        metadata["critical_value"] = dg.MetadataValue.float(float(worst.details["critical_value"]))
        week = max(float(finding.details["week_value"]) for finding in indices)
        metadata[f"{index}_week"] = dg.MetadataValue.float(week)
    shown = sorted(mine, key=lambda f: (f.success, -(f.observed or 0.0)))[:SHOWN_FINDINGS]
    if shown:
        metadata["findings"] = _findings_shown(shown)
        metadata["checked"] = dg.MetadataValue.int(len(mine))
    return evaluation_of(
        day,
        problem or "; ".join(said[:5]) or all_well(mine),
        asset_key=key.asset_key,
        check_name=key.name,
        passed=not bad and problem is None,
        severity=dg.AssetCheckSeverity.WARN if only_warnings else dg.AssetCheckSeverity.ERROR,
        metadata=metadata,
        blocking=blocking and not only_the_week,
        target_materialization_data=judged,
    )


def _faults(
    asset: str, findings: Sequence[Finding], problem: str | None, blocking: Collection[str]
) -> list[RecordedFault]:
    """What the alerts are to know of a day beside its drift report, which has every index.

    An index that stops the day keeps the report from being made: it is then known from here.
    """
    if problem is not None:
        return [RecordedFault(family="pipeline", subject=f"checks of {asset}", text=problem)]
    faults = (
        RecordedFault(
            family=CHECKS[finding.check].family, subject=finding.characteristic, text=finding.text
        )
        for finding in findings
        if finding.status in ("fail", "error")
        and (CHECKS[finding.check].family == "data quality" or finding.check in blocking)
    )
    return list(dict.fromkeys(faults))


def _findings_shown(findings: Sequence[Finding]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "characteristic": finding.characteristic,
                    "expectation": finding.expectation,
                    "status": finding.status,
                    "observed": finding.observed,
                    "details": finding.shown_details,
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


asset_checks = [_checks_of(asset) for asset in dict.fromkeys(c.asset for c in CHECKS.values())]
