"""What a storage is at fault for is tried again: in the run, then by a sensor.

The sensor is `sensors.storage_sensor`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from resources.errors import StorageError
from resources.storage_faults import storage_fault

# Before each further try in the run. An outage that lasts longer is `storage_sensor`'s.
WAITS_SECONDS = (5.0, 20.0, 60.0)
# Tag of a run that has failed for its storage.
FAILED_BY_STORAGE = "monitoring/failed_by_storage"


@contextmanager
def tried_again(context: dg.OpExecutionContext | dg.AssetExecutionContext) -> Iterator[None]:
    """Have Dagster try a step again whose block fails for its storage, and for nothing else.

    Raises
    ------
    dagster.RetryRequested
        If the storage is at fault and tries are left.
    StorageError
        After the last one. The run is tagged, so that it is requested again.
    """
    try:
        yield
    except Exception as error:
        fault = storage_fault(error)
        if fault is None:
            raise
        text = fault if str(error) in fault else f"{error} ({fault})"
        said = error if isinstance(error, StorageError) else StorageError(text)
        if context.retry_number < len(WAITS_SECONDS):
            wait = WAITS_SECONDS[context.retry_number]
            context.log.warning(f"{said}; tried again in {wait:g} s")
            raise dg.RetryRequested(len(WAITS_SECONDS), wait) from said
        context.instance.add_run_tags(context.run.run_id, {FAILED_BY_STORAGE: "true"})
        raise said from None
