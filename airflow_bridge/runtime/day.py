"""Which day a DAG run is about, the partition's date, and when Dagster has that partition."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

PARAM = "date"


def day_of(context: Mapping[str, Any], timezone: str) -> dt.date:
    """Day of a DAG run: the one it names, else the day before its data interval ends.

    A model's schedule is the deadline on the day after the batch's day. The interval's end is
    therefore read in the model's time zone, in which it is always the same time of day, whatever
    the clocks do.

    Parameters
    ----------
    context
        A task's context: ``dag``, ``params``, ``dag_run`` and, unless the run is one that
        Airflow 3 was asked for without a logical date, ``data_interval_end``. Such a run is about
        the last whole interval before the moment from which it may run.
    timezone
        The model's, by its IANA name.

    Raises
    ------
    ValueError
        If the parameter ``date`` is no day.
    """
    chosen = context["params"].get(PARAM)
    if chosen:
        try:
            return dt.date.fromisoformat(chosen)
        except ValueError:
            raise ValueError(
                f"parameter `{PARAM}`: {chosen!r} is not a day; write YYYY-MM-DD"
            ) from None
    end = context.get("data_interval_end")
    if end is None:
        run_after = context["dag_run"].run_after
        end = context["dag"].timetable.infer_manual_data_interval(run_after=run_after).end
    due: dt.datetime = end.astimezone(ZoneInfo(timezone))
    return due.date() - dt.timedelta(days=1)


def is_over(day: dt.date) -> bool:
    """Whether a day is over in UTC: before that, Dagster has no partition of it."""
    return day < dt.datetime.now(dt.timezone.utc).date()  # noqa: UP017 - Python 3.9


def may_be_due_before_it_is_over(cron: str, timezone: str) -> bool:
    """Whether a day's deadline, on the day after, may come before the day's end in UTC.

    Parameters
    ----------
    cron
        The deadlines, once a day: minute and hour are numbers.
    timezone
        In which they are, by its IANA name.
    """
    minute, hour = map(int, cron.split()[:2])
    zone = ZoneInfo(timezone)
    utc = dt.timezone.utc  # noqa: UP017 - Python 3.9
    return any(
        dt.datetime(2026, month, 2, hour, minute, tzinfo=zone)
        < dt.datetime(2026, month, 2, tzinfo=utc)
        for month in (1, 7)  # in one of them it is summer
    )
