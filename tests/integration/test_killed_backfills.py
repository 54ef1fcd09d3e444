"""A backfill over a range that is killed, or runs beside another of the same days."""

from __future__ import annotations

import os
import re
import signal

import dagster as dg
import pytest

from tests.conftest import ROUTING_KEY, YESTERDAY, Lender, days_ago, rows
from tests.integration.small_deployment import KEY, Deployment, ended
from tests.integration.test_daemon import wait_for
from tests.receivers.pagerduty import PagerDutyReceiver

pytestmark = pytest.mark.killed

FIRST = days_ago(2)
BACKFILL = ("backfill", KEY, "--from", str(FIRST), "--to", str(YESTERDAY))
KILLED = [
    "before features/*#2",
    "after features/*#2",
    "after scores/*#2",
    "after drift_report/*#2",
    "before alerts/*#3",
    "after pages/latest/*",
]
# What a decision says that is made once more, when those of later days are there already.
LATE = re.compile(
    r"""(, '|; |<li> ?)a later day has been decided already; the next one counts this day in"""
    r"""('| ?</li> ?)?"""
)


@pytest.fixture
def deployment(tmp_path):
    with PagerDutyReceiver(keys={ROUTING_KEY}) as pagerduty:
        yield ready(tmp_path, pagerduty)


def ready(folder, pagerduty):
    """A version that has landed, good on one day and drifted on the two after it."""
    one = Deployment(folder / "deployment", Lender(str(folder / "lender"), folder), pagerduty)
    one.drift()
    one.lender.deliver(FIRST, rows(2, size=2_000))
    one.lender.deliver(days_ago(1), rows(3, size=2_000, income_shift=0.6))
    assert ended(one.start("onboard")) == 0
    return one


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    with PagerDutyReceiver(keys={ROUTING_KEY}) as pagerduty:
        one = ready(tmp_path_factory.mktemp("undisturbed"), pagerduty)
        assert ended(one.start(*BACKFILL)) == 0
        return one.state


def known(state):
    """A state, whatever order its days were decided in."""
    known = {}
    for name, content in state.items():
        text = " ".join(str(content).split()).replace(r"\n", " ")
        known[name] = LATE.sub("", text).replace('"is_late": true', '"is_late": false')
    return known


def stopped(process):
    """Wait until a process has stopped where it was told to."""
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), "the point was not reached"
    return process


@pytest.mark.parametrize("point", KILLED)
def test_a_killed_range_is_made_up_for(deployment, undisturbed, point):
    assert ended(deployment.start(*BACKFILL, point=point)) == -9, f"{point} was not reached"
    assert ended(deployment.start(*BACKFILL)) == 0
    assert known(deployment.state) == known(undisturbed)


def test_two_at_the_same_time(deployment, undisturbed):
    both = [deployment.start(*BACKFILL) for _ in range(2)]
    assert [ended(one) for one in both] == [0, 0]
    assert known(deployment.state) == known(undisturbed)


@pytest.mark.parametrize("point", ["before features/*#2", "before drift_report/*#2"])
def test_one_that_goes_on_after_another(deployment, undisturbed, point):
    one = stopped(deployment.start(*BACKFILL, point=f"stop {point}"))
    assert ended(deployment.start(*BACKFILL)) == 0
    os.kill(one.pid, signal.SIGCONT)
    assert ended(one) == 0
    assert known(deployment.state) == known(undisturbed)


def test_rows_that_another_replaces_are_waited_for(deployment, undisturbed):
    one = stopped(deployment.start(*BACKFILL, point="stop after features_profile/*#3"))
    other = stopped(deployment.start(*BACKFILL, point="stop before features/*#2"))
    os.kill(one.pid, signal.SIGCONT)
    with dg.DagsterInstance.from_config(str(deployment.home)) as instance:

        def it_tries_again():
            retries = [
                instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_UP_FOR_RETRY)
                for run in instance.get_runs()
            ]
            return any(retries) or one.poll() is not None

        wait_for(it_tries_again, 120)
    os.kill(other.pid, signal.SIGCONT)
    assert [ended(one), ended(other)] == [0, 0]
    assert known(deployment.state) == known(undisturbed)
