"""Decisions over periods against pandas over all rows."""

import numpy as np
import pandas as pd
import pytest

from monitoring_assets.periods.calendar import periods
from monitoring_assets.periods.decisions import read_decisions
from monitoring_assets.statistics.drift.stability import stability_index
from resources.errors import InputError
from tests.monitoring_assets.conftest import KEY


def of(decided, by, horizon=30):
    manifest = decided.store.landed(KEY).manifest
    span = list(periods(decided.days[0], decided.days[-1], by))
    return list(read_decisions(decided.store, manifest, span, horizon))


@pytest.fixture
def frame(decided):
    return pd.concat(decided.frames.values())


def test_rates_are_those_of_all_rows(decided, frame):
    (found,) = of(decided, "all")
    decision, override = frame["outcome_of_application"], frame["overridden"]
    approved, declined = decision == "A", decision == "D"
    by_score = (approved & ~override) | (declined & override)
    rates = found.total.rates
    assert found.days == 4
    assert rates["approved"] == pytest.approx(approved.sum() / decision.notna().sum())
    assert rates["booked"] == pytest.approx((approved & frame["drawn"]).sum() / approved.sum())
    against = decision.notna() & ~by_score
    assert rates["low_side"] == pytest.approx((approved & override).sum() / against.sum())
    assert rates["high_side"] == pytest.approx((declined & override).sum() / by_score.sum())
    assert found.total.amount == pytest.approx(frame["asked"].sum())
    by_amount = frame.loc[approved, "asked"].sum() / frame["asked"].sum()
    assert found.total.approved_by_amount == pytest.approx(by_amount)


def test_bands_add_up_to_the_period(decided):
    (found,) = of(decided, "all")
    for name, rows in found.total.counts.items():
        assert sum(band.counts[name] for band in found.bands.values()) == rows
    assert sum(band.amount for band in found.bands.values()) == pytest.approx(found.total.amount)


def test_accepted_against_scored_is_a_psi_of_the_bands(decided):
    (found,) = of(decided, "all")
    scored, approved = (
        np.array([band.counts[name] for band in found.bands.values()])
        for name in ("scored", "approved")
    )
    assert found.accepted_psi == pytest.approx(stability_index(scored, approved))


def test_bad_rates_are_by_what_was_decided(decided):
    (found,) = of(decided, "all")
    known = pd.concat([decided.frames[day] for day in decided.days[:3]])
    groups = {
        "approved": (known["outcome_of_application"] == "A") & ~known["overridden"],
        "declined": (known["outcome_of_application"] == "D") & ~known["overridden"],
        "low-side override": (known["outcome_of_application"] == "A") & known["overridden"],
        "high-side override": (known["outcome_of_application"] == "D") & known["overridden"],
        "undecided": known["outcome_of_application"].isna(),
    }
    assert {one.side: (one.rows, one.bads, one.days) for one in found.outcomes} == {
        side: (mask.sum(), known.loc[mask, "bad"].sum(), 3) for side, mask in groups.items()
    }


def test_each_day_says_whether_the_rule_changed(decided):
    found = [one for one in of(decided, "day") if one.days]
    assert [one.change.rule_changed for one in found] == [False, False, True, True]
    assert found[0].text.startswith("Neither the acceptance rule nor the applicants")


def test_without_decisions_in_the_reference_the_first_period_is_the_baseline(decided, tmp_path):
    store = decided.store.model_copy(update={"root": str(tmp_path / "store")})
    for path in decided.store.storage.list():
        if not path.startswith("reference_decisions/"):
            store.storage.write(path, decided.store.storage.read(path))
    manifest = store.landed(KEY).manifest
    span = list(periods(decided.days[0], decided.days[2], "day"))
    first, second, third = read_decisions(store, manifest, span, 30)
    assert first.change is None
    assert (second.change.rule_changed, third.change.rule_changed) == (False, True)


def test_a_period_without_days_has_nothing(decided):
    between = [one for one in of(decided, "day") if not one.days]
    assert between
    assert {(one.total, one.accepted_psi, one.change) for one in between} == {(None, None, None)}


def test_a_manifest_without_the_section_is_refused(scored):
    manifest = scored.store.landed(KEY).manifest
    span = list(periods(scored.days[0], scored.days[-1], "all"))
    with pytest.raises(InputError, match="found no section decisions"):
        list(read_decisions(scored.store, manifest, span, 30))
