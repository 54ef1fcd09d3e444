"""Materialise each partition of a run."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg

from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.failures import FAILED_PARTITIONS, MAY_STILL_ARRIVE
from monitoring_assets.runs.lineage import Lineage
from monitoring_assets.runs.shown import shown
from monitoring_assets.runs.storage_retries import may_pass, tried_again, tries_left
from resources.asset_keys import asset_name
from resources.errors import InputError, NotArrivedError
from resources.faults import record_faults, run_of
from resources.masking import mask_error
from resources.storage_faults import storage_fault
from resources.store import Store

PROGRESS_SECONDS = 10.0


def materialise_each(
    context: dg.AssetExecutionContext,
    store: Store,
    compute: Callable[[ModelDay], Mapping[str, Any]],
) -> dg.MaterializeResult:
    """Compute every partition of the run: one, or each of a range.

    What may pass is tried again, as `tried_again` says. A day that fails otherwise
    does not keep the other days of a range from being computed; the step then fails at its end and
    says which days are missing and why.

    Parameters
    ----------
    context
        The asset's context.
    store
        Where what an earlier run of this asset alone left as a day's fault is taken back.
    compute
        Writes one partition to the store and returns its metadata.

    Raises
    ------
    dagster.Failure
        If any day failed for an `InputError`, or several days were asked for and one failed.
    """
    with tried_again(context):
        return _materialise(context, store, compute)


def _materialise(
    context: dg.AssetExecutionContext,
    store: Store,
    compute: Callable[[ModelDay], Mapping[str, Any]],
) -> dg.MaterializeResult:
    days = [ModelDay.parse(partition) for partition in context.partition_keys]
    asset = asset_name(context.asset_key)
    lineage = Lineage(context)
    done: dict[ModelDay, Mapping[str, Any]] = {}
    failed: dict[ModelDay, Exception] = {}
    next_word = time.monotonic() + PROGRESS_SECONDS
    for number, day in enumerate(days, 1):
        try:
            with lineage.of(day):
                done[day] = shown(compute(day))
            record_faults(store.storage, day.key, day.day, run_of(asset), [])
        except Exception as error:
            mask_error(error)
            is_input = isinstance(error, InputError) and storage_fault(error) is None
            if len(days) == 1 and not is_input:
                raise  # with its own stack trace, and the run's retries
            failed[day] = error
            if is_input:
                context.log.error(f"{day.partition}: {error}")
            else:
                context.log.exception(f"{day.partition} failed")
        if time.monotonic() > next_word:
            context.log.info(f"{number} of {len(days)} days, the last one {day.partition}")
            next_word = time.monotonic() + PROGRESS_SECONDS
    if not failed:
        for day, metadata in done.items():
            context.add_asset_metadata(metadata, partition_key=day.partition)
        return dg.MaterializeResult()
    for day, metadata in done.items():
        context.log_event(
            dg.AssetMaterialization(context.asset_key, partition=day.partition, metadata=metadata)
        )
    for one in failed.values():
        if may_pass(one) and tries_left(context):
            raise one  # all days again: those that were made are made alike
    reasons = {day.partition: _error_text(error) for day, error in failed.items()}
    raise dg.Failure(
        description="\n".join(f"{partition}: {why}" for partition, why in reasons.items()),
        metadata={
            FAILED_PARTITIONS: reasons,
            MAY_STILL_ARRIVE: all(isinstance(e, NotArrivedError) for e in failed.values()),
        },
        # A missing or wrong file does not mend itself within a run's retries.
        allow_retries=not all(isinstance(error, InputError) for error in failed.values()),
    )


def _error_text(error: Exception) -> str:
    return str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
