"""One schedule only: whether Dagster's own sensors request the days that Airflow runs.

A code location with the bridge on has `airflow_sensor`, which ticks every ten seconds, and its
other sensors request no days. One without it has not: so where `airflow_sensor` has ticked later
than the sensor in question, the bridge is on for both, as they are of one code location.
"""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

from airflow_bridge.export.settings import BRIDGE_IS_ON, VARIABLE
from resources.dagster_internals import InstigatorState, InstigatorStatus, InstigatorTick
from resources.errors import InputError

AIRFLOW_SENSOR = "airflow_sensor"
REQUESTERS = ("batch_sensor", "missing_batches")


class OverlapError(InputError):
    """Dagster and Airflow would both run the days of the same versions."""


def refuse_overlap(instance: dg.DagsterInstance) -> None:
    """Refuse to export while Dagster schedules the days itself.

    Raises
    ------
    OverlapError
        If a sensor or schedule that requests days runs on the instance, in a code location that
        does not have the bridge on.
    """
    states = list(instance.all_instigator_state())
    running = [
        state
        for state in states
        if state.instigator_name in REQUESTERS
        and state.status != InstigatorStatus.STOPPED
        and _requests_days(instance, state, states)
    ]
    if running:
        named = sorted(f"{state.instigator_name} of {_location(state)}" for state in running)
        raise OverlapError(
            f"Dagster schedules the days itself; each would be run twice: {', '.join(named)} is "
            f"running; stop it in Dagster, under Automation, or set {VARIABLE} for its code "
            "location and load that again"
        )


def _requests_days(
    instance: dg.DagsterInstance, state: InstigatorState, states: Iterable[InstigatorState]
) -> bool:
    tick = _last_tick(instance, state)
    if tick is not None and tick.skip_reason == BRIDGE_IS_ON:
        return False
    bridge = (
        _last_tick(instance, one)
        for one in states
        if one.instigator_name == AIRFLOW_SENSOR and _location(one) == _location(state)
    )
    last = tick.timestamp if tick else 0.0
    return not any(one is not None and one.timestamp >= last for one in bridge)


def _location(state: InstigatorState) -> str:
    return state.origin.repository_origin.get_label()


def _last_tick(instance: dg.DagsterInstance, state: InstigatorState) -> InstigatorTick | None:
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
    return ticks[0] if ticks else None
