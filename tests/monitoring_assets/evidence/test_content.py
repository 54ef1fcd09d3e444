"""What a pack holds is what the reports, `history` and `validate` say."""

import datetime as dt
import hashlib
import json

import pytest

from monitoring_assets.evidence.content import ABOUT, collect
from monitoring_assets.periods.calendar import Period
from monitoring_assets.periods.roll_up import roll_up
from monitoring_assets.periods.validation import validation
from resources.errors import InputError
from tests.monitoring_assets.evidence.conftest import (
    ABSENT,
    DRIFTED,
    FORMULA,
    KEY,
    OWNER,
    QUIET,
    STOPPED,
    ignore,
)


def test_each_day_has_a_report_or_the_reason_why_not(content):
    days = {one["date"]: one for one in content.rows("days")}
    assert {day: one["state"] for day, one in days.items()} == {
        QUIET: "reported",
        DRIFTED: "reported",
        ABSENT: "no batch",
        STOPPED: "stopped by a check",
    }
    assert "income" in days[STOPPED]["why"]
    assert "no batch arrived" in days[ABSENT]["why"]


def test_every_row_of_the_reports_is_there(content, watched_once):
    for table, dataset in (("drift", "drift_report"), ("decisions", "alerts")):
        stored = watched_once.store.read_table(dataset, KEY, DRIFTED)[0].to_pylist()
        kept = [one for one in content.rows(table) if one.pop("date") == DRIFTED]
        assert len(kept) == len(stored)
        for mine, theirs in zip(kept, stored, strict=True):
            texts = {"reasons": "; ".join(theirs["reasons"])} if "reasons" in theirs else {}
            assert mine == {name: value for name, value in (theirs | texts).items() if name in mine}
    bins = [one for one in content.rows("drift_bins") if one["date"] == DRIFTED]
    report = watched_once.store.read_table("drift_report", KEY, DRIFTED)[0].to_pylist()
    assert [
        (one["column"], bin["label"], bin["current"]) for one in report for bin in one["bins"]
    ] == [(one["column"], one["label"], one["current"]) for one in bins]


def test_history_and_validation_are_those_of_the_commands(content, watched_once):
    whole = Period("all", QUIET, STOPPED)
    figures = next(roll_up(watched_once.store, KEY, [whole], 1))
    months = content.rows("history")
    assert sum(one["rows"] for one in months) == figures.rows
    assert sum(one["incidents"] for one in months) == len(figures.incidents)
    assert sum(one["bads"] or 0 for one in months) == figures.performance.bads
    found = validation(watched_once.store, KEY, QUIET, STOPPED, 1)
    kept = [one for one in content.rows("validation") if one["scope"] == "portfolio"]
    assert [(one["test"], one["p_value"], one["light"]) for one in kept] == [
        (one.name, one.p_value, one.light) for one in found.portfolio
    ]
    of_bands = sum(len(band.tests) for band in found.bands)
    assert len(content.rows("validation")) == len(found.portfolio) + of_bands


def test_each_incident_has_what_became_of_it(content):
    incidents = content.rows("incidents")
    assert incidents
    first = incidents[0]
    assert (first["opened"], first["state"]) == (DRIFTED, "open")
    assert "income" in first["what_failed"] or "score" in first["what_failed"]
    assert first["what_was_done"].startswith(f"opened on {DRIFTED}")


def test_a_pack_knows_nothing_that_was_told_after_its_last_day(watched_once):
    early = collect(watched_once.store, KEY, QUIET, QUIET, ignore)
    assert early.rows("incidents") == []
    assert [one["revision"] for one in early.rows("manifests")] == [1]
    assert early.manifest.revision == 1


def test_each_revision_is_there_with_its_hash_and_its_days(content):
    first, second = content.rows("manifests")
    assert (first["revision"], first["first"], first["last"]) == (1, QUIET, QUIET)
    assert (second["revision"], second["first"]) == (2, DRIFTED)
    assert content.sha256 == second["sha256"]
    for sha256, revision in content.revisions.items():
        said = json.dumps(json.loads(revision)["manifest"], sort_keys=True)
        assert hashlib.sha256(said.encode()).hexdigest() == sha256
    changed = {one["field"]: (one["before"], one["after"]) for one in content.rows("changes")}
    assert changed["thresholds.psi.fail"] == ("0.25", "0.2")


def test_limits_are_those_of_their_days(content):
    psi = [one for one in content.rows("thresholds") if one["index"] == "PSI"]
    assert [(one["fail"], one["first"], one["last"]) for one in psi] == [
        (0.25, QUIET, QUIET),
        (0.2, DRIFTED, DRIFTED),
    ]
    bins = [one for one in content.rows("bins") if one["column"] == "income"]
    assert sum(one["reference"] for one in bins) == 2000
    assert {(one["first"], one["last"]) for one in bins} == {(QUIET, DRIFTED)}


def test_an_accepted_baseline_says_who_and_from_when(content, watched_once):
    assert content.rows("accepted") == [
        {
            "shift_first": QUIET,
            "shift_last": QUIET,
            "by": OWNER,
            "why": "a campaign",
            "where": "monitoring baseline",
            "accepted_at": watched_once.accepted.at.isoformat(),
            "first": STOPPED,
            "last": STOPPED,
        }
    ]


def test_what_was_said_of_past_days_in_the_period_is_there(content):
    (said,) = content.rows("reviews")
    assert (said["first"], said["last"], said["verdict"]) == (DRIFTED, DRIFTED, "a real change")
    assert (said["by"], said["why"]) == (OWNER, FORMULA)
    assert said["said_at"] == f"{STOPPED}T09:00:00+00:00"


def test_every_table_is_explained(content):
    assert content.tables.keys() <= ABOUT.keys()
    assert {"drift", "performance", "performance_metrics"} <= content.tables.keys()


def test_a_period_without_days_says_which_there_are(watched_once):
    before = QUIET - dt.timedelta(days=9)
    with pytest.raises(InputError, match=f"it has 3 days from {QUIET} to {STOPPED}"):
        collect(watched_once.store, KEY, before, before, ignore)
