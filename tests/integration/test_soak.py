"""Weeks of many model versions, with every fault of a delivery: each true event is told once."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
    AssetCheckExecutionRecordStatus,
)

from monitoring_assets.cli.init import TEMPLATES
from monitoring_assets.cli.main import main as monitoring
from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.evaluated_day import evaluated_partition
from resources.asset_keys import asset_key
from resources.delivery.outbox import Evidence, Outbox
from tests.conftest import YESTERDAY
from tests.integration.rough import FAULTS, UNCERTAIN, RoughDatadog, RoughPagerDuty
from tests.integration.soak import (
    API_KEY,
    DRIFT,
    ROUTING_KEY,
    Soak,
    Story,
    Told,
    drift,
    growing,
    on,
)
from tests.integration.workers import DEATHS

ACTIONS = ("open", "resolve")
STORAGE = """
# All events in one database, as production has them, and no process to capture output: a third
# less to do for each of 1,200 runs.
event_log_storage:
  module: monitoring_assets.demo.event_log
  class: PooledSqliteEventLogStorage
  config: {{base_dir: {}}}
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""


@pytest.fixture
def soak(lender, tmp_path, monkeypatch):
    """A soak of the stories that it is called with, run to its end."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(
        (TEMPLATES / "dagster.yaml").read_text() + STORAGE.format(home)
    )
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("MONITORING_STORE", lender.store.root)
    with (
        RoughPagerDuty() as pagerduty,
        RoughDatadog() as datadog,
        dg.DagsterInstance.get() as instance,
    ):

        def run(stories, days, **outages):
            one = Soak(lender, instance, stories, days, pagerduty, datadog, outages)
            one.land()
            one.run()
            return one

        yield run


def first_pages(soak):
    """PagerDuty's incidents without those that an open one has become worse by."""
    return [one for one in soak.pagerduty.incidents if "/worse-" not in one.dedup_key]


def paged_for(soak, story):
    """What PagerDuty has of a version: family, day of the decision, and whether it is over."""
    found = []
    for incident in first_pages(soak):
        _, _, key, family, _ = incident.dedup_key.split("/")
        if key == story.key:
            decided = dt.datetime.fromisoformat(incident.triggers[0]["payload"]["timestamp"])
            day = (decided.date() - soak.date(0)).days - 1
            found.append((family.replace("-", " "), day, incident.resolved))
    return found


def resolved_on(soak, story):
    """The days of the resolves that PagerDuty took."""
    storage = soak.lender.store.storage
    taken = [
        Evidence.model_validate_json(storage.read(path)).message
        for path in storage.list(f"evidence/deliveries/pagerduty/{story.key}")
    ]
    ends = [one for one in taken if one.kind == "notice" and one.action == "resolve"]
    return sorted((one.day - soak.date(0)).days for one in ends)


def assert_people_heard_the_truth(soak):
    """Each event of a story is one incident, opened once and resolved once, on the right days."""
    for story in soak.stories:
        found = paged_for(soak, story)
        right = [
            family in told.families
            and told.opened[0] <= day <= told.opened[1]
            and is_over == bool(told.resolved)
            for (family, day, is_over), told in zip(found, story.told, strict=False)
        ]
        assert right == [True] * len(story.told), (story.key, found)
        assert len(found) == len(story.told), (story.key, found)
        again = [
            one.resolved
            for one in soak.pagerduty.incidents
            if f"/{story.key}/" in one.dedup_key and "/worse-" in one.dedup_key
        ]
        assert bool(again) == story.worsens, story.key
        assert set(again) <= {bool(told.resolved) for told in story.told}, story.key
        ends = [told.resolved for told in story.told if told.resolved]
        days = resolved_on(soak, story)
        right = [end[0] <= day <= end[1] for day, end in zip(days, ends, strict=True)]
        assert all(right), (story.key, days)
    keys = [incident.dedup_key for incident in soak.pagerduty.incidents]
    assert len(keys) == len(set(keys)), "an incident was opened again after its end"
    assert set(soak.pagerduty.dropped) <= set(keys)


def assert_events_are_there_once(soak):
    """Datadog has each event; twice only where its sender could not know that it was taken."""
    found = Counter(
        (event["aggregation_key"], action_of(event))
        for event in soak.datadog.events
        if "event:incident" in event["tags"] and action_of(event) in ACTIONS
    )
    keys = {incident.dedup_key.split("/", 2)[2]: incident for incident in first_pages(soak)}
    opened, resolved = ({key for key, one in found if one == action} for action in ACTIONS)
    assert opened == keys.keys()
    assert resolved == {key for key, incident in keys.items() if incident.resolved}
    uncertain = sum(
        fault in UNCERTAIN for name, fault in soak.datadog.met.items() if name[0] in keys
    ) + soak.died.count(("publish", "evidence/deliveries/datadog"))
    twice = found.total() - len(found)
    print(f"{len(found)} events, {twice} of them twice; {uncertain} were taken and not known to be")
    assert twice <= uncertain


def action_of(event):
    return next(tag[7:] for tag in event["tags"] if tag.startswith("action:"))


def assert_all_is_delivered(soak):
    """Nothing waits, and Dagster says so of the last day of each version."""
    assert Outbox(soak.lender.store.storage).waiting() == []
    key = dg.AssetCheckKey(asset_key("alerts"), "delivered")
    history = soak.instance.event_log_storage.get_asset_check_execution_history(
        key, limit=10_000, status=COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES
    )
    last = {
        evaluated_partition(record.evaluation): record.status
        for record in reversed(history)
        if record.evaluation is not None
    }
    passed = AssetCheckExecutionRecordStatus.SUCCEEDED
    for story in soak.stories:
        assert last[ModelDay(YESTERDAY, story.key).partition] == passed


def assert_no_secret_is_kept(soak):
    for path in soak.lender.scratch.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert ROUTING_KEY.encode() not in content, path
            assert API_KEY.encode() not in content, path


def assert_decisions_can_be_made_again(soak):
    """A sample: one day a week of each version, on another weekday for each."""
    for number, story in enumerate(soak.stories):
        for day in range(max(story.first, number % 7), soak.days, 7):
            command = ["alerts", story.key, "--date", str(soak.date(day)), "--replay"]
            shown = CliRunner().invoke(monitoring, command)
            assert shown.exit_code == 0, shown.output


def assert_all_went_well(soak):
    assert not soak.pagerduty.violations
    assert not soak.datadog.violations
    assert_people_heard_the_truth(soak)
    assert_events_are_there_once(soak)
    assert_all_is_delivered(soak)
    assert_no_secret_is_kept(soak)
    assert_decisions_can_be_made_again(soak)
    for receiver in (soak.pagerduty, soak.datadog):
        assert set(receiver.met.values()) == set(FAULTS)
    assert set(soak.died) == set(DEATHS)


@pytest.mark.slow
def test_every_fault_of_a_delivery_is_survived(soak):
    """Three days of three versions: a drift, its end, and another one."""
    told = [drift(0, 1), drift(2, None)]
    stories = [
        Story(f"pd_cards.{version}", told, income=lambda day: 0.0 if day == 1 else 1.5, resolve=1)
        for version in (1, 2, 3)
    ]
    done = soak(stories, 3)

    assert_all_went_well(done)


STORIES = [
    # Nothing happens.
    Story("pd_cards.1"),
    Story("pd_auto.1"),
    Story("pd_boats.1"),
    Story("pd_bikes.1"),
    # The population is another one from one day to the next.
    Story("pd_cards.2", [drift(10, 22)], income=on(10, 19)),
    Story("pd_auto.2", [drift(11, 17)], income=on(11, 14)),
    Story("pd_leasing.1", [drift(50, None)], income=on(50, 59)),
    Story("pd_sme.1", [Told(DRIFT, (20, 22), (32, 36))], income=on(20, 29, 0.35)),
    # Recovered, and again.
    Story(
        "pd_loans.1",
        [drift(8, 14), drift(35, 42)],
        income=lambda day: on(8, 11)(day) + on(35, 39)(day),
    ),
    # A little more every day.
    Story(
        "pd_mortgage.1",
        [Told(DRIFT, (20, 38), None)],
        income=growing(15, 0.025, 0.5, 60),
        worsens=True,
    ),
    Story(
        "pd_mortgage.2",
        [Told(DRIFT, (15, 33), (42, 46))],
        income=growing(10, 0.025, 0.7, 40),
        worsens=True,
    ),
    # A check stops the batch.
    Story("pd_store.1", [Told(["data quality"], (25, 25), (27, 27))], broken=[25]),
    Story("pd_store.2", [Told(["data quality"], (30, 30), (33, 33))], broken=[30, 31]),
    # There is no batch.
    Story("pd_sofa.1", [Told(["pipeline"], (28, 28), (29, 29))], absent=[28]),
    Story("pd_sofa.2", [Told(["pipeline"], (40, 40), (43, 43))], absent=[40, 41, 42]),
    # A planned migration: one that ends in time, and one that does not.
    Story("pd_phone.1", income=on(20, 26), muted=(18, 28)),
    Story("pd_phone.2", [drift(23, 32)], income=on(20, 29), muted=(18, 22)),
    # In a new version's first days; on one day alone, and not by much; in what moves no score.
    Story("pd_new.1", income=on(6, 9), first=5),
    Story("pd_pets.1", income=on(33, 33, 0.35)),
    Story("pd_travel.1", region=on(20, 59)),
]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_sixty_days_of_twenty_versions(soak):
    """With PagerDuty down for three days in which it should be told, and Datadog for two."""
    done = soak(STORIES, 60, pagerduty=range(10, 13), datadog=range(22, 24))

    print(f"processes killed themselves at {Counter(done.died)}")
    for receiver in (done.pagerduty, done.datadog):
        print(f"{type(receiver).__name__} met {receiver.faults_met()}")
    assert_all_went_well(done)
