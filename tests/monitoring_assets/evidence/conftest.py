"""A version with a quiet day, a drift, a day without a batch and one that a check stopped."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pytest

from monitoring_assets.evidence.content import collect
from monitoring_assets.partitions import ModelDay
from monitoring_assets.statistics.alerts.policy import AcceptedShift
from monitoring_assets.statistics.alerts.reviews import ReviewedDays
from resources import layout
from resources.acceptances import record_acceptance
from resources.reviews import Review
from resources.storage import open_storage
from tests.conftest import (
    Lender,
    days_ago,
    instance_in,
    job,
    onboard,
    rows,
    sigmoid_of_log_income,
    tick,
)

KEY = "pd_cards.1"
FORMULA = '=HYPERLINK("http://evil.example","x")'
MARKUP = "<script>alert(1)</script>"
OWNER = "@risk <b>team</b>"
QUIET, DRIFTED, ABSENT, STOPPED = (days_ago(back) for back in (3, 2, 1, 0))
OUTCOME = {"path": "outcomes/{date}.parquet", "column": "bad", "maturity": 1}
STRICTER = {"psi": {"warn": 0.08, "fail": 0.2}}


def hostile(frame, seed=1):
    """Rows whose categories are a formula and markup, and what became of them."""
    names = {"south": FORMULA, "west": MARKUP}
    bad = np.random.default_rng(seed).random(len(frame)) < frame["score"]
    return frame.assign(region=frame["region"].replace(names), bad=bad.astype(int))


def run(name, day, lender, instance):
    return job(name, lender).execute_in_process(
        instance=instance, partition_key=ModelDay(day, KEY).partition, raise_on_error=False
    )


def ignore(doing, done, total):
    """No progress."""


@pytest.fixture(scope="session")
def watched_once(tmp_path_factory):
    """Made once: the tests only read it."""
    folder = tmp_path_factory.mktemp("evidence")
    lender = Lender(str(folder / "lender"), folder)
    about = {
        "owner": OWNER,
        "alerts": {"first_days": 0},
        "deployed_at": QUIET.isoformat(),
        "outcome": OUTCOME,
        "reference": {"path": "reference.parquet", "outcome": "bad"},
    }
    lender.publish_manifest("pd_cards", "1", **about)
    registry, lake = open_storage(lender.registry.root), open_storage(lender.lake.root)
    lender.put(registry, "pd_cards/1/reference.parquet", hostile(rows(0, 2000)))
    registry.write("pd_cards/1/model.onnx", sigmoid_of_log_income())
    broken = hostile(rows(2))
    broken.loc[broken.index % 3 == 0, "income"] = None
    frames = {
        QUIET: hostile(rows(3, 800)),
        DRIFTED: hostile(rows(1, 800, income_shift=0.8)),
        STOPPED: broken,
    }
    with instance_in(folder / "dagster_home") as instance:
        onboard(lender, instance)
        for day, frame in frames.items():
            lender.deliver(day, frame)
            if day == DRIFTED:
                lender.publish_manifest("pd_cards", "1", **about, revision=2, thresholds=STRICTER)
                tick(lender, instance)
            assert run("monitor_day", day, lender, instance).success == (day != STOPPED)
            if day != STOPPED:
                lender.put(lake, f"outcomes/{day}.parquet", frame[["loan_id", "bad"]])
                assert run("measure_performance", day, lender, instance).success
        shift = AcceptedShift(QUIET, QUIET, by=OWNER, why="a campaign")
        accepted = record_acceptance(lender.store.storage, KEY, shift)
        assert run("decide_alerts", STOPPED, lender, instance).success
    for said_on in (STOPPED, STOPPED + dt.timedelta(days=1)):
        at = dt.datetime.combine(said_on, dt.time(9), dt.UTC)
        days = ReviewedDays(DRIFTED, DRIFTED, said_on == STOPPED, by=OWNER, why=FORMULA)
        said = Review(days=days, at=at).model_dump_json().encode()
        lender.store.storage.write(layout.review(KEY, at), said)
    return SimpleNamespace(lender=lender, store=lender.store, accepted=accepted)


@pytest.fixture
def watched(watched_once, monkeypatch):
    """The version, and the environment that points commands at it."""
    for name, value in watched_once.lender.environment.items():
        monkeypatch.setenv(name, value)
    return watched_once


@pytest.fixture(scope="session")
def content(watched_once):
    """What is stored of its four days."""
    return collect(watched_once.store, KEY, QUIET, STOPPED, ignore)
