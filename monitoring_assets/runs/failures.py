"""Why a run failed, in words, from what it recorded."""

import re
from collections.abc import Iterable

import dagster as dg

from monitoring_assets.runs.evaluated_day import evaluated_partition, evaluated_words

# The line of a run's failure in which the run launcher says why its pod ended.
POD_ENDED = re.compile(r"\n[A-Z][A-Za-z]+: .+")


def stopped_partitions(events: Iterable[dg.DagsterEvent]) -> dict[str, str]:
    """Partitions that a blocking check kept from going further, with what the checks said."""
    stopped: dict[str, str] = {}
    for event in events:
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            said = event.asset_check_evaluation_data
            if (
                not said.passed
                and said.blocking
                and said.severity == dg.AssetCheckSeverity.ERROR
                and (partition := evaluated_partition(said))
            ):
                stopped[partition] = f"{said.check_name}: {evaluated_words(said)}"
    return stopped


def failed_partitions(events: Iterable[dg.DagsterEvent]) -> dict[str, str]:
    """Partitions that a step could not make, with the reason."""
    failed: dict[str, str] = {}
    for event in events:
        if event.is_step_failure:
            user_failure = event.step_failure_data.user_failure_data
            if user_failure and FAILED_PARTITIONS in user_failure.metadata:
                why = user_failure.metadata[FAILED_PARTITIONS].value
                assert isinstance(why, dict)  # as `materialise_each` wrote it
                failed |= why
    return failed


def failure_in_words(events: Iterable[dg.DagsterEvent]) -> str:
    """The first failed step and what caused its error, or what ended the run."""
    said = "the run failed"
    for event in events:
        if event.is_step_failure and event.step_failure_data.error:
            error = event.step_failure_data.error
            while error.cause is not None:  # around it are Dagster's own words
                error = error.cause
            return f"{event.step_key}: {error.message.strip()}"
        if event.event_type == dg.DagsterEventType.RUN_FAILURE and event.message:
            why = POD_ENDED.search(event.message)
            said = why[0].strip() if why else event.message
    return said


# Metadata of a failed step: why, by partition.
FAILED_PARTITIONS = "failed_partitions"


# Whether nothing was wrong but files that have not arrived: a scheduler may try again.
MAY_STILL_ARRIVE = "may_still_arrive"
