"""The real daemon as it is shipped, over a real S3 API: from yesterday's batch to the page."""

import dagster as dg
import pytest

from monitoring_assets.cli.init import TEMPLATES
from resources.delivery.outbox import Outbox
from tests.conftest import YESTERDAY
from tests.integration.test_daemon import process, wait_for
from tests.integration.watched import (
    TimedPagerDuty,
    batches_are_looked_for,
    broken,
    drifted,
    stages,
    watch,
)


@pytest.fixture
def pagerduty(monkeypatch):
    with TimedPagerDuty() as receiver:
        for name, value in receiver.environment.items():
            monkeypatch.setenv(name, value)
        yield receiver
        assert not receiver.violations


@pytest.mark.slow
def test_a_drift_and_a_broken_batch_page_and_a_good_one_resolves(
    s3_lender, tmp_path, monkeypatch, pagerduty
):
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text((TEMPLATES / "dagster.yaml").read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    wanted = {("pd_cards.1", "trigger"), ("pd_auto.1", "trigger"), ("pd_loans.1", "resolve")}
    daemon = ("dagster-daemon", "run", "-w", str(TEMPLATES / "workspace.yaml"))
    with dg.DagsterInstance.get() as instance:
        watch(s3_lender, instance, ["pd_cards", "pd_auto", "pd_boats"], ["pd_loans"])
        before = len(pagerduty.heard)
        with process(s3_lender, home, *daemon):

            def the_daemon_is_up():
                return batches_are_looked_for(instance)

            def everybody_was_told():
                return all(pagerduty.when(action, key) for key, action in wanted)

            def the_quiet_one_is_decided():
                return s3_lender.store.has("alerts", "pd_boats.1", YESTERDAY)

            def nothing_waits():
                return Outbox(s3_lender.store.storage).waiting() == []

            wait_for(the_daemon_is_up)
            for name, frame in {
                "pd_cards": drifted(YESTERDAY),
                "pd_auto": broken(YESTERDAY),
                "pd_boats": None,
                "pd_loans": None,
            }.items():
                s3_lender.deliver(YESTERDAY, frame, feed=name)
            wait_for(everybody_was_told, 400)
            wait_for(the_quiet_one_is_decided)
            # PagerDuty answers a moment before the delivery is noted: a daemon stopped between
            # the two would send again.
            wait_for(nothing_waits)
        told = {
            (event["dedup_key"].split("/")[2], event["event_action"])
            for _, event in pagerduty.heard[before:]
        }
        assert told == wanted
        by_key = {one.dedup_key.split("/")[2]: one for one in pagerduty.incidents}
        assert by_key.keys() == {"pd_cards.1", "pd_auto.1", "pd_loans.1"}
        assert {key: one.resolved for key, one in by_key.items()} == {
            "pd_cards.1": False,
            "pd_auto.1": False,
            "pd_loans.1": True,
        }
        drift, stopped = by_key["pd_cards.1"].triggers[0], by_key["pd_auto.1"].triggers[0]
        assert drift["payload"]["class"] == "population"
        assert "income" in " ".join(drift["payload"]["custom_details"]["what"])
        assert stopped["payload"]["class"] == "data quality"
        assert "399 repeated" in stopped["payload"]["summary"]
        # The benchmark's account of a page leaves no second out.
        heard = pagerduty.when("trigger", "pd_auto.1")
        spent = stages(instance, "pd_auto.1", heard - 1000, heard)
        assert sum(spent.values()) == pytest.approx(1000)
        assert "failure sensor asks for decide_alerts" in spent
