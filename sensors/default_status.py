"""Whether sensors and schedules run on an instance where no person has switched them on or off."""

import os

import dagster as dg

SENSORS = "MONITORING_SENSORS"
"""Variable: ``running`` (the default) or ``stopped``."""


def default_sensor_status(*, wanted: bool = True) -> dg.DefaultSensorStatus:
    """Running if ``wanted`` and the deployment has not said otherwise.

    Raises
    ------
    ValueError
        If ``MONITORING_SENSORS`` is neither.
    """
    value = os.environ.get(SENSORS, "running")
    if value not in ("running", "stopped"):
        raise ValueError(f"{SENSORS}: found {value!r}; allowed: running, stopped")
    if wanted and value == "running":
        return dg.DefaultSensorStatus.RUNNING
    return dg.DefaultSensorStatus.STOPPED


def default_schedule_status(*, wanted: bool = True) -> dg.DefaultScheduleStatus:
    """The same of a schedule."""
    return dg.DefaultScheduleStatus(default_sensor_status(wanted=wanted).value)
