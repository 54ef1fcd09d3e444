"""Check ``delivered``: every message about a day has reached its channels."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from monitoring_assets.assets.alerts import alerts
from monitoring_assets.checks.target_materialisation import target_materialisation
from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.evaluated_day import (
    days_to_evaluate,
    evaluated_partition,
    evaluation_of,
    failed_last,
)
from resources.dagster_internals import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
    RUNLESS_JOB_NAME,
)
from resources.store import Store

if TYPE_CHECKING:
    from resources.delivery.outbox import Waiting

HISTORY = 1000

DELIVERED = dg.AssetCheckSpec(
    "delivered",
    asset=alerts,
    description="Nothing about the model version waits for a channel. "
    "What waits is sent again by the delivery sensor.",
)


@dg.multi_asset_check(name="alerts_checks", specs=[DELIVERED])
def alerts_checks(context: dg.AssetCheckExecutionContext, store: Store) -> Iterator[object]:
    """Look into the outbox."""
    from resources.delivery.outbox import Outbox

    run = context.op_execution_context
    waiting = Outbox(store.storage).waiting()
    evaluations = [
        delivered_evaluation(run.instance, day, [one for one in waiting if one.subject == day.key])
        for day in days_to_evaluate(context)
    ]
    yield from failed_last(evaluations)
    yield dg.Output(None, f"{alerts.key.to_python_identifier()}_{DELIVERED.name}")


def report_delivered(
    instance: dg.DagsterInstance, day: ModelDay, waiting: "Sequence[Waiting]"
) -> None:
    """Replace the evaluation by the run that decided a day, without a run of its own.

    Dagster (1.13) keeps one evaluation of a check for each run.
    """
    evaluation = delivered_evaluation(instance, day, waiting)
    judged = evaluation.target_materialization_data
    if judged is None:  # killed before the decision was recorded: its next run evaluates
        return
    event = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.ASSET_CHECK_EVALUATION.value,
        job_name=RUNLESS_JOB_NAME,
        event_specific_data=evaluation,
    )
    instance.report_dagster_event(event, run_id=judged.run_id)


def undelivered_days(instance: dg.DagsterInstance) -> set[ModelDay]:
    """Days whose check failed when it was last evaluated, of the last evaluations."""
    history = instance.event_log_storage.get_asset_check_execution_history(
        DELIVERED.key,
        limit=HISTORY,
        # The record of a run under way, or killed, has no verdict.
        status=COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
    )
    passed: dict[str, bool] = {}
    for record in history:  # the latest comes first
        if record.evaluation is not None and (of := evaluated_partition(record.evaluation)):
            passed.setdefault(of, record.evaluation.passed)
    return {ModelDay.parse(partition) for partition, yes in passed.items() if not yes}


def delivered_evaluation(
    instance: dg.DagsterInstance, day: ModelDay, waiting: "Sequence[Waiting]"
) -> dg.AssetCheckEvaluation:
    """The evaluation of a day, with what waits for its model version and why."""
    lines = [
        f"{one.channel}: {one.path} waits after {one.attempts} tries: {one.reason or 'not tried'}"
        for one in waiting
    ]
    return evaluation_of(
        day,
        "\n".join(lines) or "nothing waits",
        asset_key=alerts.key,
        check_name=DELIVERED.name,
        passed=not lines,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"waiting": dg.MetadataValue.int(len(lines))},
        blocking=False,
        target_materialization_data=target_materialisation(instance, DELIVERED.key.asset_key, day),
    )
