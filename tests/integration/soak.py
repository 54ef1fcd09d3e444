"""The days of a lender whose truth is known, driven as the daemon would, with faults on the way.

What happens to each version is decided beforehand (`Story`), and so is what people must hear of it
(`Told`). Every decision is the real asset in the real job; a day's report is made by the asset's
own code from its rows, counted, without Great Expectations. Days without a batch, or with one that
a check stops, are run whole, and the failure sensor asks for their decision.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, zip_longest

import dagster as dg
import numpy as np

from resources.delivery.outbox import Outbox
from tests.conftest import YESTERDAY, Lender, onboard, rows
from tests.integration.rough import Rough, RoughDatadog, RoughPagerDuty
from tests.integration.workers import DEATHS, Command, Death, Process

ROUTING_KEY = "r" * 32
API_KEY = "d" * 32
LANES = 2
DRIFT = ("population", "characteristics")


def on(first: int, last: int, shift: float = 1.0) -> Callable[[int], float]:
    """Incomes that are elsewhere from one day to another."""
    return lambda day: shift if first <= day <= last else 0.0


def growing(first: int, a_day: float, most: float, end: int) -> Callable[[int], float]:
    """Incomes that move a little more every day, until a day when all is as before."""
    return lambda day: float(np.clip((day - first) * a_day, 0, most)) if day < end else 0.0


@dataclass(frozen=True)
class Told:
    """An incident that people must hear of.

    Parameters
    ----------
    families
        Any of them may lead it.
    opened, resolved
        First and last day that is right for it; None: still open at the end.
    """

    families: Collection[str]
    opened: tuple[int, int]
    resolved: tuple[int, int] | None


def drift(opened: int, resolved: int | None) -> Told:
    """A sudden drift: on which day it is told is no matter of chance."""
    return Told(DRIFT, (opened, opened), resolved and (resolved, resolved))


@dataclass(frozen=True)
class Story:
    """What happens to a version, by number of the day.

    Parameters
    ----------
    key
        ``<model>.<version>``.
    told
        What people must hear of, in this order.
    income
        Shift of the logarithm of incomes, and so of the score.
    region
        Whether regions are others: no score depends on them.
    broken, absent
        Days whose batch a check refuses, and without any.
    muted
        First and last day without a page.
    first
        Day of the deployment: ten days before the first one unless it is told.
    resolve
        Good days that end an incident, if not the default.
    worsens
        Whether what is told becomes materially worse, and so pages again.
    """

    key: str
    told: Sequence[Told] = ()
    income: Callable[[int], float] = lambda day: 0.0
    region: Callable[[int], float] = lambda day: 0.0
    broken: Collection[int] = ()
    absent: Collection[int] = ()
    muted: tuple[int, int] | None = None
    first: int = -10
    resolve: int | None = None
    worsens: bool = False

    @property
    def turns(self) -> set[int]:
        """Days on which people are told something, where that is known."""
        told = [day for one in self.told for day in (one.opened, one.resolved) if day]
        return {first for first, last in told if first == last}


@dataclass
class Soak:
    """A lender's days, driven as the daemon would.

    Parameters
    ----------
    lender, instance
        Where everything lies.
    stories
        What happens.
    days
        How many; the last is yesterday.
    pagerduty, datadog
        The receivers.
    outages
        Days on which a receiver takes no connections, by name.
    """

    lender: Lender
    instance: dg.DagsterInstance
    stories: Sequence[Story]
    days: int
    pagerduty: RoughPagerDuty
    datadog: RoughDatadog
    outages: dict[str, Collection[int]] = field(default_factory=dict)
    _refusing: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        environment = {
            "DAGSTER_HOME": self.instance.root_directory,
            "PAGERDUTY_ROUTING_KEY": ROUTING_KEY,
            "PAGERDUTY_EVENTS_URL": f"{self.pagerduty.url}/{{pid}}",
            "DD_API_KEY": API_KEY,
            "DATADOG_HOST": f"{self.datadog.url}/{{pid}}",
        }
        self._lanes = [Process(self.lender, environment) for _ in range(LANES)]
        self._sensors = Process(self.lender, environment)

    @property
    def died(self) -> list[Death]:
        """Where processes have killed themselves."""
        return [death for one in (*self._lanes, self._sensors) for death in one.died]

    def date(self, number: int) -> dt.date:
        return YESTERDAY - dt.timedelta(days=self.days - 1 - number)

    def land(self) -> None:
        """Land every version and make its reference profile."""
        for story in self.stories:
            name, version = story.key.split(".")
            alerts = {} if story.resolve is None else {"resolve": story.resolve}
            if story.muted:
                first, last = (str(self.date(day)) for day in story.muted)
                alerts["mute"] = [{"first": first, "last": last, "why": "a migration"}]
            self.lender.publish(
                name,
                version,
                deployed_at=str(self.date(story.first)),
                batch={"path": f"{name}-{version}/{{date}}.parquet", "key": "loan_id"},
                alerts=alerts,
            )
        onboard(self.lender, self.instance)

    def run(self) -> None:
        """Run all days, then deliver until nothing waits."""
        deaths = cycle(DEATHS)
        try:
            for number in range(self.days):
                self._weather(number)
                self._day(number, deaths)
            self._weather(self.days)
            later = self._morning(self.days)
            while Outbox(self.lender.store.storage).waiting() and later < self._morning(
                self.days + 1
            ):
                later += dt.timedelta(hours=1)
                self._tick("deliver", later)
        finally:
            for process in (*self._lanes, self._sensors):
                process.stop()

    def _morning(self, number: int) -> dt.datetime:
        after = self.date(number) + dt.timedelta(days=1)
        return dt.datetime.combine(after, dt.time(6), dt.UTC)

    def _weather(self, number: int) -> None:
        for name, days in self.outages.items():
            receiver: Rough = getattr(self, name)
            if number in days and name not in self._refusing:
                receiver.refuse_connections()
                self._refusing.add(name)
            elif number not in days and name in self._refusing:
                receiver.accept_connections()
                self._refusing.remove(name)

    def _day(self, number: int, deaths: Iterator[Death]) -> None:
        """Every version's run, in lanes side by side; then the sensors' ticks of the day."""
        morning = self._morning(number)
        waiting = [
            [self._command(story, number, morning, deaths) for story in self.stories[lane::LANES]]
            for lane in range(LANES)
        ]
        tick = Command("deliver", morning)
        self._sensors.start(tick)
        for commands in zip_longest(*waiting):
            at_work = [pair for pair in zip(self._lanes, commands, strict=True) if pair[1]]
            for lane, command in at_work:
                lane.start(command)
            for lane, command in at_work:
                lane.finish(command)
        self._sensors.finish(tick)
        if any(number in (*story.broken, *story.absent) for story in self.stories):
            self._tick("look_for_failures", morning + dt.timedelta(minutes=1))
        for minutes in (2, 15, 240):
            self._tick("deliver", morning + dt.timedelta(minutes=minutes))

    def _tick(self, what: str, now: dt.datetime) -> None:
        """Tick a sensor; it dies where no process has died yet."""
        self.pagerduty.settle()
        self.datadog.settle()
        command = Command(
            what, now, (), next((one for one in DEATHS if one not in self.died), None)
        )
        self._sensors.start(command)
        self._sensors.finish(command)

    def _command(
        self, story: Story, number: int, now: dt.datetime, deaths: Iterator[Death]
    ) -> Command | None:
        """The run of a day of a version; on a day that people are told of, it dies on the way."""
        if number < story.first:
            return None
        day = self.date(number)
        name, version = story.key.split(".")
        seed = zlib.crc32(f"{story.key} {number}".encode())
        if number in story.absent:
            return Command("monitor", now, (story.key, day))
        frame = rows(seed, income_shift=story.income(number))
        if number in story.broken:
            self.lender.deliver(day, frame.assign(loan_id="the same"), f"{name}-{version}")
            return Command("monitor", now, (story.key, day))
        if story.region(number):
            frame["region"] = np.where(frame.index % 8 == 0, "south", "west")
        dies = next(deaths) if number in story.turns else None
        return Command("decide", now, (story.key, day, frame), dies)
