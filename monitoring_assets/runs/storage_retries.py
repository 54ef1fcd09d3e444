"""What a storage is at fault for is tried again: in the run, then by a sensor.

The sensor is `sensors.storage_sensor`. What another run is replacing is tried again in the run.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from resources.errors import StorageError
from resources.storage_faults import storage_fault
from resources.store import ReplacedError

# Before each further try in the run. An outage that lasts longer is `storage_sensor`'s.
WAITS_SECONDS = (5.0, 20.0, 60.0)
# Tag of a run that has failed for its storage.
FAILED_BY_STORAGE = "monitoring/failed_by_storage"


def may_pass(error: BaseException) -> bool:
    """Whether trying again may help: a storage is at fault, or another run is at work there."""
    return isinstance(error, ReplacedError) or storage_fault(error) is not None


def tries_left(context: dg.OpExecutionContext | dg.AssetExecutionContext) -> bool:
    """Whether a step may be tried again."""
    return context.retry_number < len(WAITS_SECONDS)


@contextmanager
def tried_again(context: dg.OpExecutionContext | dg.AssetExecutionContext) -> Iterator[None]:
    """Have Dagster try a step again whose block fails for what may pass, and for nothing else.

    Raises
    ------
    dagster.RetryRequested
        If it may pass and tries are left.
    StorageError
        After the last one. The run is tagged, so that it is requested again.
    ReplacedError
        After the last one: the other run was killed, or takes long.
    """
    try:
        yield
    except Exception as error:
        if not may_pass(error):
            raise
        said, fault = error, storage_fault(error)
        if fault is not None and not isinstance(error, StorageError):
            said = StorageError(fault if str(error) in fault else f"{error} ({fault})")
        if tries_left(context):
            wait = WAITS_SECONDS[context.retry_number]
            context.log.warning(f"{said}; tried again in {wait:g} s")
            raise dg.RetryRequested(len(WAITS_SECONDS), wait) from said
        if fault is not None:
            context.instance.add_run_tags(context.run.run_id, {FAILED_BY_STORAGE: "true"})
        raise said from None
