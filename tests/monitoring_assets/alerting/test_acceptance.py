"""Whether the rule has changed, from what is stored of a version's days."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pytest

from monitoring_assets.alerting.acceptance import FIRST_DAYS, band_names, stored_acceptance
from monitoring_assets.alerting.decision_inputs import Inputs, recorded_history
from monitoring_assets.partitions import ModelDay
from monitoring_assets.reference.decisions import notes_of
from monitoring_assets.statistics.decisions.counts import DecisionCounts
from resources.manifest import Decisions
from tests.monitoring_assets.conftest import DECISIONS, KEY

SECTION = Decisions(**DECISIONS)


def put(store, day, approved, like, error=None):
    """Counts of a day: 300 rows, of which a share is approved at each score."""
    shares = like.counts["scored"] / like.counts["scored"].sum()
    scored = np.round(3000 * shares).astype(np.int64)
    counts = DecisionCounts(
        like.bands,
        like.cells,
        {
            "scored": scored,
            "undecided": np.zeros_like(scored),
            "approved": np.round(scored * approved).astype(np.int64),
        },
        {},
    )
    table = DecisionCounts.SCHEMA.empty_table() if error else counts.to_table()
    store.write_table("decisions", KEY, day, table, notes_of(SECTION, counts) | {"error": error})


@pytest.fixture
def before(decided_once, tmp_path):
    """A version whose reference has no decisions, and a store of its own."""
    store = decided_once.store.model_copy(update={"root": str(tmp_path / "store")})
    for path in decided_once.store.storage.list():
        if not path.startswith(("decisions/", "reference_decisions/")):
            store.storage.write(path, decided_once.store.storage.read(path))
    table, notes = decided_once.store.read_table("reference_decisions", KEY)
    return SimpleNamespace(
        store=store,
        manifest=store.landed(KEY).manifest,
        like=DecisionCounts.from_table(table, notes["left_out"]),
        first=dt.date(2026, 3, 2),
    )


def days(before, number, approved):
    for at in range(number):
        share = approved if at >= FIRST_DAYS else 0.5
        put(before.store, before.first + dt.timedelta(days=at), share, before.like)
    return before.first + dt.timedelta(days=number - 1)


def test_the_reference_is_the_baseline_if_it_has_decisions(decided):
    manifest = decided.store.landed(KEY).manifest
    first, last = decided.days[0], decided.days[-1]
    calm = stored_acceptance(decided.store, manifest, first)
    assert (calm.baseline, calm.days, calm.change.rule_changed) == ("the reference", 1, False)
    changed = stored_acceptance(decided.store, manifest, last)
    assert changed.change.rule_changed
    band = band_names(decided.store, KEY)[changed.change.band]
    assert f"of applicants in band {band}, " in changed.text
    # The cut-off went from 0.55 to 0.45, and (0.472, 0.507] lies between.
    low, high = (float(end) for end in band.strip("(]").split(","))
    assert 0.44 < low < high < 0.56
    assert str(changed).endswith("(1 day to date against the reference).")


def test_without_one_it_is_the_first_days(before):
    last = days(before, FIRST_DAYS + 10, 0.4)
    found = stored_acceptance(before.store, before.manifest, last)
    assert found.change.rule_changed
    assert found.change.rates.by_rule == pytest.approx(-0.1, abs=0.01)
    end = before.first + dt.timedelta(days=FIRST_DAYS - 1)
    assert found.baseline == f"the first days with decisions, {before.first} to {end}"
    assert found.days == 7


def test_while_these_last_nothing_is_said(before):
    last = days(before, FIRST_DAYS + 6, 0.4)
    found = stored_acceptance(before.store, before.manifest, last)
    assert found.change.rule_changed is None
    end = before.first + dt.timedelta(days=FIRST_DAYS - 1)
    assert found.change.reason == f"the days to compare with end on {end}"


def test_a_day_that_could_not_be_counted_says_why(before):
    last = days(before, FIRST_DAYS + 10, 0.5)
    put(before.store, last, 0.5, before.like, "batch: column 'asked' (decisions.amount): ...")
    found = stored_acceptance(before.store, before.manifest, last)
    assert found.change.reason.startswith("batch: column 'asked'")


def test_another_decision_is_not_compared(before):
    last = days(before, FIRST_DAYS + 10, 0.5)
    other = {"decisions": SECTION.model_copy(update={"approved": ["A", "A2"]})}
    found = stored_acceptance(before.store, before.manifest.model_copy(update=other), last)
    assert "in other bands, or for another decision" in found.change.reason


def test_a_model_or_a_day_without_decisions_has_none(before):
    last = days(before, 3, 0.5)
    none = before.manifest.model_copy(update={"decisions": None})
    assert stored_acceptance(before.store, none, last) is None
    tomorrow = last + dt.timedelta(days=1)
    assert stored_acceptance(before.store, before.manifest, tomorrow) is None


def test_a_decision_is_recorded_with_the_rule_and_can_be_made_again(decided):
    _, notes = decided.store.read_table("alerts", KEY, decided.days[-1])
    inputs = Inputs.model_validate(notes["inputs"])
    found = stored_acceptance(decided.store, decided.store.landed(KEY).manifest, decided.days[-1])
    assert inputs.acceptance == str(found)
    history = recorded_history(decided.store, ModelDay(decided.days[-1], KEY), inputs)
    assert history.acceptance == inputs.acceptance
    _, calm = decided.store.read_table("alerts", KEY, decided.days[0])
    assert calm["inputs"]["acceptance"] == ""


def test_each_day_of_a_model_without_decisions_is_decided_without(scored):
    _, notes = scored.store.read_table("alerts", KEY, scored.days[-1])
    assert notes["inputs"]["acceptance"] == ""
    assert not scored.store.days("decisions", KEY)
