"""The asset ``alerts``: decided from what is stored, recorded, told once."""

import datetime as dt

import dagster as dg
import numpy as np
import pytest
from click.testing import CliRunner

from monitoring_assets.alerting import ledger as ledger_module
from monitoring_assets.alerting.incidents import NoticeContext
from monitoring_assets.alerting.ledger import tell
from monitoring_assets.cli.main import main
from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.tags import BACKFILL
from monitoring_assets.statistics.alerts.decision import FAMILIES, Decision
from resources.asset_keys import asset_key
from resources.delivery.messages import Subject
from resources.delivery.outbox import Outbox
from resources.faults import RUN, RecordedFault, read_faults, record_faults
from resources.storage import open_storage
from tests.conftest import (
    OTHER_ROUTING_KEY,
    ROUTING_KEY,
    YESTERDAY,
    days_ago,
    job,
    onboard,
    rows,
    seed_of,
    tick,
)

KEY = "pd_cards.1"


@pytest.fixture
def instance():
    """An instance in memory: a decision does not depend on where it is kept."""
    with dg.DagsterInstance.ephemeral() as one:
        yield one


def publish(lender, instance, **changes):
    """A version that is old enough to page."""
    lender.publish(deployed_at=days_ago(30).isoformat(), **changes)
    onboard(lender, instance)


def shifted(day):
    return rows(seed_of(day), income_shift=1.0)


def run(lender, instance, day, name="monitor_day", tags=None, config=None):
    ops = {"ops": {"alerts": {"config": config}}} if config else {}
    return job(name, lender).execute_in_process(
        instance=instance,
        partition_key=ModelDay(day, KEY).partition,
        tags=tags,
        run_config=ops,
        raise_on_error=False,
    )


def decided(lender, day):
    """Actions by family, of those that have one, and the inputs."""
    table, notes = lender.store.read_table("alerts", KEY, day)
    return {
        row["family"]: row["action"] for row in table.to_pylist() if row["action"] != "none"
    }, notes["inputs"]


def delivered(result):
    (found,) = (
        event.asset_check_evaluation_data
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
        and event.asset_check_evaluation_data.check_name == "delivered"
    )
    return found


def test_a_sudden_shift_is_one_page_and_its_end_resolves_it(lender, instance, pagerduty):
    publish(lender, instance, alerts={"resolve": 1, "max_age_days": 10, "pool_days": 1})
    days = [days_ago(n) for n in (4, 3, 2, 1, 0)]
    for number, day in enumerate(days):
        lender.deliver(day, shifted(day) if number in (1, 2, 3) else None)
        result = run(lender, instance, day)
        assert delivered(result).passed, delivered(result).description
    (incident,) = pagerduty.incidents
    assert incident.resolved
    assert len(incident.triggers) == 1
    payload = incident.triggers[0]["payload"]
    assert payload["source"] == KEY
    assert payload["severity"] == "critical"
    assert str(days[1]) in payload["summary"]
    assert incident.dedup_key.endswith(f"{KEY}/population/1")
    assert [decided(lender, day)[0].get("population") for day in days] == [
        None,
        "open",
        "keep",
        "keep",
        "resolve",
    ]
    assert [change["summary"] for change in pagerduty.changes] == [
        f"{KEY} is monitored, from {days_ago(30)} on"
    ]


def test_a_decision_that_is_made_again_tells_nobody_again(lender, instance, pagerduty):
    publish(lender, instance)
    lender.deliver(YESTERDAY, shifted(YESTERDAY))
    run(lender, instance, YESTERDAY)
    before = decided(lender, YESTERDAY)
    run(lender, instance, YESTERDAY, "decide_alerts")
    assert decided(lender, YESTERDAY) == before
    assert len(pagerduty.incidents) == 1
    assert len(pagerduty.incidents[0].triggers) == 1


def test_a_backfill_and_an_old_day_page_nobody_and_the_day_after_does(lender, instance, pagerduty):
    publish(lender, instance)
    for n in (20, 1, 0):
        lender.deliver(days_ago(n), shifted(days_ago(n)))
    run(lender, instance, days_ago(20))
    run(lender, instance, days_ago(1), tags={BACKFILL: "true"})
    assert decided(lender, days_ago(20))[0]["population"] == "suppress"
    assert decided(lender, days_ago(1))[0]["population"] == "suppress"
    assert not pagerduty.incidents
    run(lender, instance, YESTERDAY)
    assert decided(lender, YESTERDAY)[0]["population"] == "open"
    assert len(pagerduty.incidents) == 1


def test_a_shadow_version_never_pages_and_does_once_it_is_promoted(
    lender, instance, pagerduty, monkeypatch
):
    publish(lender, instance, shadow=True)
    for n in (1, 0):
        lender.deliver(days_ago(n), shifted(days_ago(n)))
    run(lender, instance, days_ago(1))
    found, inputs = decided(lender, days_ago(1))
    assert (found["population"], inputs["is_shadow"]) == ("suppress", True)
    assert not pagerduty.incidents
    for name, value in lender.environment.items():
        monkeypatch.setenv(name, value)
    shown = CliRunner().invoke(main, ["status", "--fail-on", "open"])
    assert shown.exit_code == 0
    assert f"{KEY}: Found, not paged: a shadow version never pages" in shown.output
    shown = CliRunner().invoke(main, ["report", KEY]).output
    assert "Found, not paged: a shadow version never pages" in " ".join(shown.split())

    promoted = {"deployed_at": days_ago(30).isoformat(), "revision": 2}
    lender.publish_manifest("pd_cards", "1", **promoted)
    tick(lender, instance)
    run(lender, instance, YESTERDAY)
    assert decided(lender, YESTERDAY)[0]["population"] == "open"
    assert len(pagerduty.incidents) == 1


def test_what_is_open_of_a_version_that_becomes_a_shadow_resolves_and_pages_no_more(
    lender, instance, pagerduty
):
    publish(lender, instance, alerts={"resolve": 1, "pool_days": 1, "max_age_days": 10})
    for n, frame in ((2, shifted), (1, lambda day: rows(seed_of(day), income_shift=3.0))):
        lender.deliver(days_ago(n), frame(days_ago(n)))
    lender.deliver(YESTERDAY)
    run(lender, instance, days_ago(2))
    (incident,) = pagerduty.incidents
    again = {"resolve": 1, "pool_days": 1, "max_age_days": 10}
    lender.publish_manifest(
        "pd_cards",
        "1",
        deployed_at=days_ago(30).isoformat(),
        alerts=again,
        shadow=True,
        revision=2,
    )
    tick(lender, instance)
    run(lender, instance, days_ago(1))
    assert len(incident.triggers) == 1
    run(lender, instance, YESTERDAY)
    assert incident.resolved
    assert len(incident.triggers) == 1


def test_a_rehearsal_decides_as_on_the_day(lender, instance, pagerduty):
    publish(lender, instance)
    lender.deliver(days_ago(15), shifted(days_ago(15)))
    run(lender, instance, days_ago(15), config={"as_if_on_the_day": True})
    assert len(pagerduty.incidents) == 1
    _, inputs = decided(lender, days_ago(15))
    assert inputs["decided_on"] == days_ago(14).isoformat()


def test_a_late_day_tells_nobody_and_counts_for_the_next(lender, instance, pagerduty):
    publish(lender, instance)
    quiet = rows(1)
    lender.deliver(days_ago(1), quiet)
    run(lender, instance, days_ago(1))
    lender.deliver(days_ago(2), shifted(days_ago(2)))
    run(lender, instance, days_ago(2))
    actions, inputs = decided(lender, days_ago(2))
    assert (actions["population"], inputs["is_late"]) == ("suppress", True)
    assert not pagerduty.incidents
    lender.deliver(YESTERDAY, quiet)
    run(lender, instance, YESTERDAY)
    _, inputs = decided(lender, YESTERDAY)
    assert days_ago(2).isoformat() in inputs["reports"]


def test_what_could_not_be_sent_waits_and_the_check_says_so(lender, instance, pagerduty):
    publish(lender, instance)
    pagerduty.refuse_connections()
    lender.deliver(YESTERDAY, shifted(YESTERDAY))
    result = run(lender, instance, YESTERDAY)
    assert result.success
    check = delivered(result)
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.ERROR
    assert "pagerduty" in check.description
    assert ROUTING_KEY not in check.description
    (waiting,) = Outbox(lender.store.storage).waiting(KEY)
    assert waiting.channel == "pagerduty"
    pagerduty.accept_connections()


def test_the_data_of_a_day_without_a_report_is_decided_from_its_faults(lender, instance, pagerduty):
    publish(lender, instance)
    lender.deliver(YESTERDAY, rows(1).assign(income=np.nan))
    assert not run(lender, instance, YESTERDAY).success
    assert not lender.store.has("alerts", KEY, YESTERDAY)
    faults = read_faults(lender.store.storage, KEY, YESTERDAY, YESTERDAY)[YESTERDAY]
    assert [(fault.family, fault.subject) for fault in faults] == [("data quality", "income")]
    run(lender, instance, YESTERDAY, "decide_alerts")
    assert decided(lender, YESTERDAY)[0] == {"data quality": "open"}

    lender.deliver(YESTERDAY)
    assert run(lender, instance, YESTERDAY).success
    assert not read_faults(lender.store.storage, KEY, YESTERDAY, YESTERDAY)


def test_a_failed_run_is_forgotten_when_the_day_has_its_report(lender, instance, pagerduty):
    publish(lender, instance)
    fault = RecordedFault(family="pipeline", subject="monitor_day", text="no batch")
    record_faults(lender.store.storage, KEY, YESTERDAY, RUN, [fault])
    run(lender, instance, YESTERDAY, "decide_alerts")
    (incident,) = pagerduty.incidents
    assert incident.dedup_key.endswith(f"{KEY}/pipeline/1")
    lender.deliver(YESTERDAY)
    run(lender, instance, YESTERDAY)
    assert incident.resolved


def test_a_mute_window_pages_nobody_and_what_is_wrong_after_it_does(lender, instance, pagerduty):
    window = {"first": str(days_ago(2)), "last": str(days_ago(1)), "why": "a new form"}
    publish(lender, instance, alerts={"mute": [window]})
    for n in (2, 1, 0):
        lender.deliver(days_ago(n), shifted(days_ago(n)))
        run(lender, instance, days_ago(n))
        assert len(pagerduty.incidents) == (n == 0)
    reasons = {
        row["family"]: row["reasons"]
        for row in lender.store.read_table("alerts", KEY, days_ago(1))[0].to_pylist()
    }
    assert any("a new form" in reason for reason in reasons["population"])


def test_a_decision_is_shown_and_replayed_from_the_evidence(lender, instance, monkeypatch):
    publish(lender, instance)
    lender.deliver(YESTERDAY, shifted(YESTERDAY))
    run(lender, instance, YESTERDAY)
    monkeypatch.setenv("MONITORING_STORE", lender.store.root)
    # What is stored now is not what was decided from.
    lender.deliver(YESTERDAY)
    job("monitor_day", lender).execute_in_process(
        instance=instance,
        partition_key=ModelDay(YESTERDAY, KEY).partition,
        asset_selection=[asset_key(name) for name in ("features", "scores", "drift_report")],
    )
    shown = CliRunner().invoke(main, ["alerts", KEY, "--date", str(YESTERDAY), "--replay"])
    assert shown.exit_code == 0, shown.output
    assert "the same answer" in shown.output
    assert "open" in shown.output

    unknown = CliRunner().invoke(main, ["alerts", "pd_other.1"])
    assert unknown.exit_code == 2
    assert "has no model version 'pd_other.1'" in unknown.output


def test_a_report_of_the_first_release_is_shown_and_decided_from(
    lender, instance, monkeypatch, tmp_path
):
    publish(lender, instance)
    before = days_ago(2)
    lender.deliver(before)
    run(lender, instance, before)
    table, notes = lender.store.read_table("drift_report", KEY, before)
    younger = {"attribution", "is_additive", "versions", "code_version"}
    old = {name: value for name, value in notes.items() if name not in younger}
    table = table.drop_columns(["marginal_mix", "additional"])
    lender.store.write_table("drift_report", KEY, before, table, old, evidence="first")

    lender.deliver(YESTERDAY, shifted(YESTERDAY))
    assert run(lender, instance, YESTERDAY).success
    assert decided(lender, YESTERDAY)[0]["population"] == "open"
    monkeypatch.setenv("MONITORING_STORE", lender.store.root)
    page = tmp_path / "page.html"
    shown = CliRunner().invoke(main, ["report", KEY, "--date", str(before), "--html", str(page)])
    assert shown.exit_code == 0, shown.output
    assert "Moved score by: marginal mix." in shown.output
    assert KEY in page.read_text()


def test_an_older_day_that_is_decided_at_the_same_time_ends_nothing(lender, instance, pagerduty):
    """Its run has read what was stored before the newer day was decided."""
    publish(lender, instance, alerts={"resolve": 1})
    lender.deliver(YESTERDAY, shifted(YESTERDAY))
    run(lender, instance, YESTERDAY)
    notice_context = NoticeContext(
        subject=Subject.of(lender.store.landed(KEY).manifest),
        day=days_ago(1),
        decided_at=dt.datetime.now(dt.UTC),
    )
    good = [Decision(family, "none", ("good",)) for family in FAMILIES]
    said = tell(lender.store, notice_context, good, None, seconds=5)
    assert said == ["no notification is sent: a later day has been decided"]
    assert not pagerduty.incidents[0].resolved


def test_what_a_killed_run_has_written_down_is_put_into_the_outbox(
    lender, instance, pagerduty, monkeypatch
):
    publish(lender, instance)
    lender.deliver(YESTERDAY, shifted(YESTERDAY))

    def kill(storage, ledger, channels):
        if ledger.notices:
            raise OSError

    with monkeypatch.context() as killed:
        killed.setattr(ledger_module, "_put", kill)
        assert not run(lender, instance, YESTERDAY).success
    assert not pagerduty.incidents
    ledger_module.finish_notices(lender.store)
    assert len(Outbox(lender.store.storage).waiting(KEY)) == 2
    assert not lender.store.storage.list("telling")
    # The day is good when it is made again: what was opened is known, and is resolved.
    lender.deliver(YESTERDAY)
    run(lender, instance, YESTERDAY)
    (incident,) = pagerduty.incidents
    assert incident.resolved


def test_an_incident_ends_at_the_service_that_it_was_opened_at(
    lender, instance, pagerduty, monkeypatch
):
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY_CARDS", ROUTING_KEY)
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY_LOANS", OTHER_ROUTING_KEY)
    publish(lender, instance, alerts={"service": "cards"})
    fault = RecordedFault(family="pipeline", subject="monitor_day", text="no batch")
    record_faults(lender.store.storage, KEY, YESTERDAY, RUN, [fault])
    run(lender, instance, YESTERDAY, "decide_alerts")
    changed = {"alerts": {"service": "loans"}, "revision": 2}
    lender.publish_manifest("pd_cards", "1", deployed_at=days_ago(30).isoformat(), **changed)
    tick(lender, instance)
    lender.deliver(YESTERDAY)
    run(lender, instance, YESTERDAY)
    (incident,) = pagerduty.incidents
    assert (incident.routing_key, incident.resolved) == (ROUTING_KEY, True)


def test_a_channel_that_is_new_hears_of_what_is_open(lender, instance, pagerduty, monkeypatch):
    monkeypatch.delenv("PAGERDUTY_ROUTING_KEY")
    publish(lender, instance)
    for n in (1, 0):
        lender.deliver(days_ago(n), shifted(days_ago(n)))
    run(lender, instance, days_ago(1))
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", ROUTING_KEY)
    run(lender, instance, days_ago(0))
    assert len(pagerduty.incidents) == 1


def with_employers(frame, new=0.0):
    """The same rows, with a long tail of regions, and a share of a new one."""
    random = np.random.default_rng(len(frame))
    weights = 1 / np.arange(1, 2_001)
    tail = random.choice(2_000, len(frame), p=weights / weights.sum())
    return frame.assign(region=np.where(random.random(len(frame)) < new, "XYZ", tail.astype(str)))


def test_a_new_category_in_a_long_tail_is_decided_and_shown_by_name(
    lender, instance, pagerduty, monkeypatch
):
    lender.publish(deployed_at=days_ago(30).isoformat())
    reference = with_employers(rows(0, 3000))
    lender.put(open_storage(lender.registry.root), "pd_cards/1/reference.parquet", reference)
    onboard(lender, instance)
    lender.deliver(days_ago(2), with_employers(rows(1, 1000)))
    lender.deliver(YESTERDAY, with_employers(rows(2, 1000), new=0.2))
    run(lender, instance, days_ago(2))
    assert run(lender, instance, YESTERDAY).success
    table, _ = lender.store.read_table("alerts", KEY, YESTERDAY)
    (decision,) = (one for one in table.to_pylist() if one["family"] == "characteristics")
    (breach,) = decision["breaches"]
    assert breach["text"].endswith("new category 'XYZ' from 0.0% to 19.7% of rows")
    monkeypatch.setenv("MONITORING_STORE", lender.store.root)
    page = lender.scratch / "day.html"
    command = ["report", KEY, "--date", str(YESTERDAY), "--html", str(page)]
    shown = CliRunner().invoke(main, command)
    assert "region: new category 'XYZ' 19.7% of rows, not in the reference" in shown.output
    assert "new category &#39;XYZ&#39;" in page.read_text()
