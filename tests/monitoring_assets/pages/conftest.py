"""A version with four days: two quiet ones, a drift, and one that a check stopped."""

from types import SimpleNamespace

import pytest

from monitoring_assets.partitions import ModelDay
from tests.conftest import Lender, days_ago, instance_in, job, onboard, rows

KEY = "pd_cards.1"


@pytest.fixture(scope="session")
def monitored_once(tmp_path_factory):
    """Made once: the tests only read it."""
    folder = tmp_path_factory.mktemp("pages")
    lender = Lender(str(folder / "lender"), folder)
    lender.publish(alerts={"first_days": 0}, deployed_at=days_ago(3).isoformat())
    first, quiet, drifted, stopped = days = [days_ago(back) for back in (3, 2, 1, 0)]
    broken = rows(2)
    broken.loc[broken.index % 3 == 0, "income"] = None
    lender.deliver(first)
    lender.deliver(quiet)
    lender.deliver(drifted, rows(1, income_shift=0.8))
    lender.deliver(stopped, broken)
    with instance_in(folder / "dagster_home") as instance:
        onboard(lender, instance)
        for day in days:
            done = job("monitor_day", lender).execute_in_process(
                instance=instance,
                partition_key=ModelDay(day, KEY).partition,
                raise_on_error=False,
            )
            assert done.success == (day != stopped)
        decided = job("decide_alerts", lender).execute_in_process(
            instance=instance, partition_key=ModelDay(stopped, KEY).partition
        )
        assert decided.success
    return SimpleNamespace(
        lender=lender,
        store=lender.store,
        first=first,
        quiet=quiet,
        drifted=drifted,
        stopped=stopped,
    )


@pytest.fixture
def monitored(monitored_once, monkeypatch):
    """The version, and the environment that points commands at it."""
    for name, value in monitored_once.lender.environment.items():
        monkeypatch.setenv(name, value)
    return monitored_once
