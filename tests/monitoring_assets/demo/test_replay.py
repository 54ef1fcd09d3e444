"""The registry sensor's requests, done without a daemon, once."""

import dagster as dg
import pytest

from monitoring_assets.definitions import defs
from monitoring_assets.demo import replay as module
from monitoring_assets.demo.findings import read_findings
from monitoring_assets.demo.replay import replay
from tests.conftest import YESTERDAY, days_ago

pytestmark = pytest.mark.slow
DAYS = [days_ago(back) for back in (3, 2, 1, 0)]


@pytest.fixture
def bound(lender, monkeypatch):
    for name, value in lender.environment.items():  # of the processes that do the days
        monkeypatch.setenv(name, value)
    return dg.Definitions(
        assets=defs.assets,
        asset_checks=defs.asset_checks,
        jobs=defs.jobs,
        executor=defs.executor,
        resources=lender.resources,
    )


def runs(instance, job):
    return instance.get_runs_count(dg.RunsFilter(job_name=job))


def no_progress(doing, done, total):
    pass


def test_a_replay_that_was_stopped_does_the_rest_and_then_nothing(
    bound, lender, instance, monkeypatch
):
    days = [days_ago(back) for back in range(9, -1, -1)]
    key = lender.publish(deployed_at=days[0].isoformat())
    for day in days:
        lender.deliver(day)
    monkeypatch.setattr(module, "RUN_DAYS", 1)

    def stop(doing, done, total):
        if (doing, done) == (key, 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay(bound, instance, YESTERDAY, stop)
    # Days that had been handed out were finished; the others were not begun.
    assert 1 <= len(read_findings(instance)[key]) < len(days)

    replay(bound, instance, YESTERDAY, no_progress)
    assert sorted(read_findings(instance)[key]) == days
    # Each day has one, and the estimates of all days another.
    assert (runs(instance, "onboard_model"), runs(instance, "monitor_day")) == (1, len(days) + 1)

    replay(bound, instance, YESTERDAY, no_progress)
    assert runs(instance, "monitor_day") == len(days) + 1


def test_a_new_version_is_picked_up_by_the_next_replay(bound, lender, instance):
    lender.deliver(YESTERDAY)
    first = lender.publish(deployed_at=YESTERDAY.isoformat())
    replay(bound, instance, YESTERDAY, no_progress)
    second = lender.publish(version="2", deployed_at=YESTERDAY.isoformat())
    replay(bound, instance, YESTERDAY, no_progress)
    assert sorted(read_findings(instance)) == [first, second]
    assert runs(instance, "monitor_day") == 4


def test_days_after_the_last_batch_are_left_alone(bound, lender, instance):
    key = lender.publish(deployed_at=DAYS[2].isoformat())
    lender.deliver(DAYS[2])
    replay(bound, instance, DAYS[2], no_progress)
    assert list(read_findings(instance)[key]) == [DAYS[2]]


def test_a_day_that_is_lost_without_a_check_is_an_error(bound, lender, instance):
    lender.publish(deployed_at=YESTERDAY.isoformat())
    with pytest.raises(RuntimeError, match=f"{YESTERDAY}.*no file"):
        replay(bound, instance, YESTERDAY, no_progress)


def test_a_version_that_cannot_be_onboarded_is_an_error(bound, lender, instance):
    scoring = lender.manifest("pd_cards", "1")["scoring"] | {
        "flavour": "command",
        "command": ["false", "{artefact}", "{input}", "{output}"],
        "score": "pd",
    }
    key = lender.publish(scoring=scoring)
    with pytest.raises(RuntimeError, match=f"{key} could not be onboarded"):
        replay(bound, instance, YESTERDAY, no_progress)
