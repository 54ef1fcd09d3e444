"""Two daemons on one instance, and readers beside a daemon: all ends as with one daemon alone."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from contextlib import ExitStack, contextmanager

import dagster as dg
import pytest
import yaml

from monitoring_assets.cli.init import TEMPLATES
from monitoring_assets.partitions import ModelDay
from resources.asset_keys import asset_key
from resources.dagster_internals import TickStatus
from resources.delivery.outbox import Outbox
from tests.conftest import YESTERDAY, Lender, days_ago
from tests.integration.airflow.postgres import postgres_server
from tests.integration.airflow.processes import free_port
from tests.integration.small_deployment import Deployment, ended
from tests.integration.test_daemon import graphql, process, wait_for
from tests.integration.watched import (
    TimedPagerDuty,
    batches_are_looked_for,
    broken,
    drifted,
    watch,
)

# The first one waits for the undisturbed deployment too.
pytestmark = [pytest.mark.killed, pytest.mark.timeout(1_200)]

WORKSPACE = ("-w", str(TEMPLATES / "workspace.yaml"))
# Of each model what becomes of yesterday: a page, a page of the check that stops it, the end of an
# incident, and nothing for one that lands meanwhile.
BATCHES = {
    "pd_cards": drifted(YESTERDAY),
    "pd_auto": broken(YESTERDAY),
    "pd_loans": None,
    "pd_new": None,
}
DAYS = {name: ModelDay(YESTERDAY, f"{name}.1").partition for name in BATCHES}
QUIET_SECONDS = 65  # two ticks of every sensor that sends or requests a day


@pytest.fixture(scope="module")
def postgres():
    with postgres_server() as server:
        yield server


@contextmanager
def watched(folder, postgres, database):
    """A deployment on PostgreSQL, brought to where only yesterday's batches are missing."""
    postgres.create(database)
    settings = yaml.safe_load((TEMPLATES / "dagster.yaml").read_text())
    settings["storage"] = postgres.dagster_storage(database)
    with TimedPagerDuty() as pagerduty, pytest.MonkeyPatch.context() as patched:
        lender = Lender(str(folder / "lender"), folder)
        one = Deployment(folder / "deployment", lender, pagerduty)
        (one.home / "dagster.yaml").write_text(yaml.safe_dump(settings))
        for name, value in one.environment.items():
            patched.setenv(name, value)
        with dg.DagsterInstance.get() as instance:
            watch(lender, instance, ["pd_cards", "pd_auto"], ["pd_loans"])
            yield one, instance
        assert not pagerduty.violations


def morning(one, instance, daemons):
    """Let batches and a version arrive beside daemons, until all is done and stays so."""
    with ExitStack() as running:
        for number in range(daemons):
            log = one.folder / f"daemon-{number}"
            log.mkdir()
            running.enter_context(process(one.lender, log, "dagster-daemon", "run", *WORKSPACE))

        def the_daemon_is_up():
            return batches_are_looked_for(instance)

        wait_for(the_daemon_is_up)
        one.lender.publish("pd_new", deployed_at=str(YESTERDAY), schedule={"cron": "59 23 * * *"})
        for name, frame in BATCHES.items():
            one.lender.deliver(YESTERDAY, frame, feed=name)

        def all_is_done():
            made = instance.get_materialized_partitions(asset_key("report_page"))
            return (
                made >= {*DAYS.values()}
                and not Outbox(one.lender.store.storage).waiting()
                and all(run.is_finished for run in instance.get_runs())
            )

        wait_for(all_is_done, 400)
        time.sleep(QUIET_SECONDS)
        wait_for(all_is_done)


def runs_of_yesterday(instance):
    """How many runs of each job there were of each day that arrived, and of what landed."""
    wanted = {*DAYS.values(), "pd_new.1"}
    runs = [(run.job_name, run.tags.get("dagster/partition")) for run in instance.get_runs()]
    return Counter(one for one in runs if one[1] in wanted)


def told(pagerduty):
    """How often PagerDuty took each event."""
    events = [(event["dedup_key"], event["event_action"]) for _, event in pagerduty.heard]
    return Counter(events + [one["summary"] for one in pagerduty.changes])


@pytest.fixture(scope="module")
def undisturbed(postgres, tmp_path_factory):
    with watched(tmp_path_factory.mktemp("undisturbed"), postgres, "one") as (one, instance):
        morning(one, instance, daemons=1)
        runs, said, state = runs_of_yesterday(instance), told(one.pagerduty), one.state
    assert runs == {
        **{("monitor_day", partition): 1 for partition in DAYS.values()},
        ("decide_alerts", DAYS["pd_auto"]): 1,
        ("onboard_model", "pd_new.1"): 1,
    }
    assert {*said.values()} == {1}
    assert len(state["PagerDuty: incidents"]) == 3
    assert state["open runs"] == []
    return runs, said, state


def assert_no_tick_failed(instance):
    for sensor in instance.all_instigator_state():
        ticks = instance.get_ticks(sensor.instigator_origin_id, sensor.selector_id)
        failed = [str(tick.error) for tick in ticks if tick.status == TickStatus.FAILURE]
        assert failed == [], sensor.instigator_name


def test_two_daemons_are_as_one(postgres, tmp_path, undisturbed):
    with watched(tmp_path, postgres, "two") as (one, instance):
        morning(one, instance, daemons=2)
        logs = [(one.folder / f"daemon-{n}/dagster-daemon.log").read_text() for n in range(2)]
        assert all("Checking for new runs for sensor" in text for text in logs)
        runs, said, state = undisturbed
        assert told(one.pagerduty) == said
        assert one.state == state
        assert_no_tick_failed(instance)
        # Dagster looks for a request's key and then makes the run: in the same instant both daemons
        # may find none for what a tick requests. Such a run makes its day once more.
        found = runs_of_yesterday(instance)
        print(f"made twice: {found - runs}")
        assert found.keys() == runs.keys()
        assert max((found - runs).values(), default=0) <= 1


RUNS = """
{
  runsOrError(limit: 25) {
    __typename
    ... on Runs { results { runId status stats { __typename } } }
  }
}
"""
PAGES_MADE = """
query($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode {
      assetMaterializations(limit: 100) { partition timestamp }
      assetPartitionStatuses { __typename }
      partitionStats { numMaterialized numFailed }
    }
  }
}
"""


class Readers:
    """People at the UI and at the pages, who read without a pause.

    Attributes
    ----------
    pages
        What was read of each page; what was the same is here once.
    wrong
        What no reader should see.
    reads
        How often they have looked.
    """

    def __init__(self, web: int, pages: int) -> None:
        self.pages: defaultdict[str, set[bytes]] = defaultdict(set)
        self.wrong: list[str] = []
        self.reads = 0
        self._web, self._pages = web, pages
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._loop) for _ in range(2)]

    def __enter__(self):
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for one in self._threads:
            one.join()

    def page(self, path: str) -> int:
        """Read a page; its status."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._pages}/{path}") as answer:
                body, status = answer.read(), answer.status
        except urllib.error.HTTPError as error:
            return error.code
        if not body.rstrip().endswith(b"</html>"):
            self.wrong.append(f"{path} ends early")
        self.pages[path].add(body)
        return status

    def _loop(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
            except Exception as error:
                self.wrong.append(repr(error))
            self.reads += 1

    def _look(self) -> None:
        runs = graphql(self._web, RUNS)
        if runs["__typename"] != "Runs":
            self.wrong.append(str(runs))
        made = graphql(self._web, PAGES_MADE, key={"path": asset_key("report_page").path})
        partitions = {one["partition"] for one in made["assetMaterializations"]}
        for name, partition in DAYS.items():
            status = self.page(f"{name}.1/{YESTERDAY}.html")
            # What Dagster says is made can be read.
            if status != 200 and (status != 404 or partition in partitions):
                self.wrong.append(f"{name}: {status}")
        self.page("index.html")


def test_readers_beside_a_daemon(postgres, tmp_path, undisturbed):
    web, pages = free_port(), free_port()
    with watched(tmp_path, postgres, "readers") as (one, instance), ExitStack() as running:
        for command in (
            ("dagster-webserver", "-h", "127.0.0.1", "-p", str(web), *WORKSPACE),
            ("monitoring", "serve", "--port", str(pages)),
        ):
            running.enter_context(process(one.lender, one.home, *command))

        def both_answer():
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{web}/server_info").close()
                urllib.request.urlopen(
                    f"http://127.0.0.1:{pages}/pd_cards.1/{days_ago(1)}.html"
                ).close()
            except urllib.error.URLError:
                return False
            return True

        wait_for(both_answer)
        with Readers(web, pages) as readers:
            morning(one, instance, daemons=1)
            assert (runs_of_yesterday(instance), told(one.pagerduty), one.state) == undisturbed
            assert_no_tick_failed(instance)
            # A day that is made again is one page or the other.
            one.lender.deliver(YESTERDAY, drifted(YESTERDAY).head(300), feed="pd_cards")
            again = one.start("backfill", "pd_cards.1", "--from", str(YESTERDAY))
            assert ended(again) == 0
            readers.page(f"pd_cards.1/{YESTERDAY}.html")
        assert readers.wrong == []
        assert readers.reads > 20
        days = {name: len(readers.pages[f"{name}.1/{YESTERDAY}.html"]) for name in DAYS}
        assert days == {"pd_cards": 2, "pd_auto": 1, "pd_loans": 1, "pd_new": 1}
