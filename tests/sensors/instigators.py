"""States and ticks of sensors, as the daemon keeps them."""

import datetime as dt

from dagster._core.scheduler.instigation import TickData
from dagster._utils.error import SerializableErrorInfo

from resources.dagster_internals import (
    InstigatorState,
    InstigatorType,
    LoadableTargetOrigin,
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
    SensorInstigatorData,
)


def state(name, status, location="model_monitoring"):
    """The state of a sensor of a code location."""
    module = LoadableTargetOrigin(module_name="monitoring_assets.definitions")
    code = ManagedGrpcPythonEnvCodeLocationOrigin(module, location)
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(code, "__repository__"), name)
    return InstigatorState(
        origin, InstigatorType.SENSOR, status, SensorInstigatorData(min_interval=30)
    )


def ticked(instance, one, status, seconds_ago, *, error=None, skip_reason=None):
    """Record a tick of a sensor."""
    at = dt.datetime.now(dt.UTC).timestamp() - seconds_ago
    instance.create_tick(
        TickData(
            one.instigator_origin_id,
            one.instigator_name,
            one.instigator_type,
            status,
            at,
            selector_id=one.selector_id,
            error=SerializableErrorInfo(error, [], None) if error else None,
            skip_reason=skip_reason,
        )
    )
