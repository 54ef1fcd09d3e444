"""Which day an evaluation of a check is about.

A check has no partitions in Dagster: it would build the state of every check from all partitions
ever checked, for each request of the UI, with the square of their number. So an evaluation says in
its metadata and its description what it is about.
"""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.shown import shown
from monitoring_assets.runs.tags import days_of

PARTITION = "partition"


def days_to_evaluate(context: dg.AssetCheckExecutionContext) -> list[ModelDay]:
    """The days of a run.

    Raises
    ------
    dagster.Failure
        If it has none, as a check that is executed by itself in the UI.
    """
    run = context.op_execution_context.run
    if days := days_of(context.op_execution_context.instance, run):
        return days
    raise dg.Failure(
        "a check judges a day of a model version, and this run is for none: materialize the asset "
        "of that day, which evaluates its checks as well",
        allow_retries=False,
    )


def evaluation_of(day: ModelDay, description: str, **fields: Any) -> dg.AssetCheckEvaluation:
    """An evaluation that says which day it is about; ``fields`` are its others."""
    metadata = {PARTITION: dg.MetadataValue.text(day.partition)} | shown(fields.pop("metadata"))
    return dg.AssetCheckEvaluation(
        description=f"{day.partition}: {description}", metadata=metadata, **fields
    )


def failed_last(evaluations: Iterable[dg.AssetCheckEvaluation]) -> list[dg.AssetCheckEvaluation]:
    """The order in which a run yields them: of a check Dagster shows the last evaluation of a run.

    Of a run over a range that is one that failed, if any.
    """
    return sorted(evaluations, key=lambda one: not one.passed)


def evaluated_partition(evaluation: dg.AssetCheckEvaluation) -> str | None:
    """The partition that an evaluation is about; those of release 0.1 have it as a field."""
    said = evaluation.metadata.get(PARTITION)
    return evaluation.partition or (str(said.value) if said else None)


def evaluated_words(evaluation: dg.AssetCheckEvaluation) -> str:
    """What an evaluation says, without the partition."""
    return (evaluation.description or "").removeprefix(f"{evaluated_partition(evaluation)}: ")
