"""Killed by SIGKILL at any write, a deployment ends as an undisturbed one, notices included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest

from monitoring_assets.partitions import ModelDay
from tests.conftest import ROUTING_KEY, YESTERDAY, Lender, days_ago, lender_on_s3
from tests.integration.small_deployment import KEY, Deployment, ended
from tests.receivers.pagerduty import PagerDutyReceiver

pytestmark = pytest.mark.killed

DAY = ModelDay(YESTERDAY, KEY).partition
Deploy = Callable[[str, Path], AbstractContextManager[Deployment]]

POINTS = {
    "registry tick": [
        "before manifests/verdicts.json",
        "before manifests/history/*",
        "before manifests/pd_cards.1.json",
        "before manifests/all.json",
        "after manifests/all.json",
    ],
    "reference": [
        "before reference_grid/*",
        "before reference_profile/*",
        "after reference_profile/*",
    ],
    "announcement": [
        "after outbox/pagerduty/*",
        "before evidence/deliveries/pagerduty/*",
        "before delete outbox/pagerduty/*",
    ],
    "features": ["before features/*", "after features/*", "after features_profile/*"],
    "scores": ["before scores/*", "after scores/*", "after scores_profile/*"],
    "report": ["before drift_report/*", "after drift_report/*", "after performance_report/*"],
    "alerts": [
        "before alerts/*",
        "after alerts/*",
        "after telling/*",
        "after incidents/*",
        "before delete telling/*",
    ],
    "delivery": [
        "after outbox/pagerduty/*#2",
        "before evidence/deliveries/pagerduty/*#2",
        "before delete outbox/pagerduty/*#2",
    ],
    "page": ["before pages/pd_cards.1/*", "after pages/latest/*"],
    "export": [
        "before .airflowignore",
        "after model_monitoring_runtime_*#3",
        "before model_monitoring_*.json",
        "before model_monitoring_dags.py",
    ],
}
# Where a write is a request to a server. The bundle lies in a folder, whatever it is made from.
ON_S3 = {
    "report": POINTS["report"][::2],
    "alerts": POINTS["alerts"][::2],
    "delivery": POINTS["delivery"],
    "export": POINTS["export"][-1:],
}
CASES = [
    (place, stage, point)
    for place, stages in {"folders": POINTS, "S3": ON_S3}.items()
    for stage, points in stages.items()
    for point in points
]


def work(deployment: Deployment, point: str = "") -> int:
    """Onboard, make yesterday, send and export, in one process; its exit code."""
    commands = ["onboard", "--", "day", DAY, "--", "alerts", "resend"]
    commands += ["--", "airflow", "export", "--out", str(deployment.folder / "dags")]
    return ended(deployment.start(*commands, point=point))


@pytest.fixture(scope="module")
def deploy(s3_endpoint: str) -> Deploy:
    """Deployments whose lender lies in folders, or on S3."""

    @contextmanager
    def one(place: str, folder: Path) -> Iterator[Deployment]:
        with ExitStack() as opened:
            pagerduty = opened.enter_context(PagerDutyReceiver(keys={ROUTING_KEY}))
            if place == "S3":
                lender = opened.enter_context(lender_on_s3(s3_endpoint, folder))
            else:
                lender = Lender(str(folder / "lender"), folder)
            deployment = Deployment(folder / "deployment", lender, pagerduty)
            deployment.drift()
            yield deployment

    return one


@pytest.fixture(scope="module")
def undisturbed(deploy: Deploy, tmp_path_factory):
    """What an undisturbed deployment leaves behind, by where its lender lies."""

    @cache
    def state(place: str) -> dict[str, object]:
        with deploy(place, tmp_path_factory.mktemp("undisturbed")) as one:
            assert work(one) == 0
            found = one.state
            assert len(one.pagerduty.changes) == 1
        assert len(found["PagerDuty: incidents"]) == 1
        assert found["PagerDuty: changes"] == [f"{KEY} is monitored, from {days_ago(30)} on"]
        assert found["open runs"] == []
        return found

    return state


@pytest.mark.parametrize(("place", "stage", "point"), CASES)
def test_what_was_killed_is_made_up_for(tmp_path, deploy, undisturbed, place, stage, point):
    with deploy(place, tmp_path) as one:
        assert work(one, point) == -9, f"{point} was not reached"
        assert work(one) == 0
        assert one.state == undisturbed(place)
        # PagerDuty folds incidents by their key, and has no key for changes: one that was taken,
        # and not recorded before the kill, is sent again.
        again = point == "before evidence/deliveries/pagerduty/*"
        assert len(one.pagerduty.changes) == 1 + again
