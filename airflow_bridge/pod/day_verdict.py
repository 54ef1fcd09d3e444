"""Whether a day passes: all that its runs made, and what their checks said of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import dagster as dg

from airflow_bridge.export.graph import AssetNode
from airflow_bridge.pod.asset_run import is_made, why_failed
from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.evaluated_day import evaluated_partition, evaluated_words
from resources.dagster_internals import PARTITION_NAME_TAG


@dataclass(frozen=True)
class DayVerdict:
    """Why a day does not pass, and what it is only warned of, in words."""

    errors: list[str]
    warnings: list[str]


def judge_day(
    instance: dg.DagsterInstance,
    assets: Iterable[AssetNode],
    day: ModelDay,
    tags: Mapping[str, str],
) -> DayVerdict:
    """Judge a day by the newest run of each asset.

    A day does not pass if an asset was not made, or if a check of one that was made failed with
    severity ERROR or was not evaluated.

    Parameters
    ----------
    instance
        Has the runs.
    assets
        Those that the day must have, and their checks.
    day
        The partition.
    tags
        Tags of the runs to judge by: those of an Airflow DAG run.
    """
    found = instance.get_runs(
        dg.RunsFilter(tags=dict(tags) | {PARTITION_NAME_TAG: day.partition})
    )  # the newest first
    verdict = DayVerdict([], [])
    for asset in assets:
        run = next((r for r in found if asset.asset_key in (r.asset_selection or ())), None)
        if run is None:
            verdict.errors.append(f"{asset.name} was not made: no run came so far")
        elif not is_made(instance, run.run_id, asset, day):
            why = why_failed(instance, run.run_id, day) if run.is_finished else run.status.value
            verdict.errors.append(f"{asset.name} was not made: run {run.run_id}: {why}")
        else:
            _judge_checks(instance, run, asset, day, verdict)
    return verdict


def _judge_checks(
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    asset: AssetNode,
    day: ModelDay,
    verdict: DayVerdict,
) -> None:
    evaluated = {}
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        assert entry.dagster_event is not None  # as asked for
        said = entry.dagster_event.asset_check_evaluation_data
        if said.asset_key == asset.asset_key and evaluated_partition(said) == day.partition:
            evaluated[said.check_name] = said
    for name in asset.checks:
        if name not in evaluated:
            verdict.errors.append(f"check {name} of {asset.name} was not evaluated")
        elif not evaluated[name].passed:
            said = evaluated[name]
            is_error = said.severity == dg.AssetCheckSeverity.ERROR
            (verdict.errors if is_error else verdict.warnings).append(
                f"check {name} of {asset.name}: {said.severity.value}: {evaluated_words(said)}"
            )
