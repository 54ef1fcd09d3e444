"""Fairness over a period: its figures are those of the rows, and its counts outlive them."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from monitoring_assets.periods.fairness import fairness
from resources.errors import InputError
from resources.storage import open_storage
from resources.store import Landed
from tests.monitoring_assets.conftest import KEY


def measure(one, first=None, last=None, horizon=30):
    first, last = first or one.days[0], last or one.days[-1]
    return fairness(one.store, one.lender.lake, KEY, first, last, horizon)


def figures(report):
    return {
        (column.column, one.measure, one.group, one.cut_off): one.found
        for column in report.columns
        for one in column.figures
    }


def revised(one, **changes):
    """Land a changed section of the manifest."""
    landed = one.store.landed(KEY)
    document = landed.manifest.model_dump(mode="json")
    document["fairness"] |= changes.pop("fairness", {})
    again = Landed.model_validate(
        landed.model_dump(mode="json") | {"manifest": document | changes | {"revision": 2}}
    )
    one.store.land({KEY: again}, {KEY})


def batch_files(one):
    return [Path(one.lender.lake.root) / "pd_cards" / f"{day}.parquet" for day in one.days]


def test_figures_are_those_of_the_rows(protected):
    report = measure(protected)
    assert (report.days, report.mature_days, report.left_out) == (4, 3, 0)
    found = figures(report)
    everyone = pd.concat(protected.frames.values())
    known = pd.concat([protected.frames[day] for day in protected.days[:3]])
    women, men = (everyone[everyone["prot_sex"] == sex] for sex in ("prot_woman", "prot_man"))
    assert found["prot_sex", "rows", "prot_woman", None].value == len(women)
    for at in (0.45, 0.6):
        rates = [(group["score"] < at).mean() for group in (women, men)]
        assert found["prot_sex", "approval rate", "prot_woman", at].value == rates[0]
        ratio = found["prot_sex", "adverse-impact ratio", "prot_woman", at].value
        assert ratio == pytest.approx(rates[0] / rates[1])
    young = known[known["prot_age"] < 25]
    assert found["prot_age", "bad rate", "under 25", None].value == young["bad"].mean()
    to_expected = found["prot_age", "observed to expected", "under 25", None].value
    assert to_expected == pytest.approx(young["bad"].sum() / young["score"].sum(), rel=1e-4)
    auc = found["prot_age", "AUC", "under 25", None].value
    assert auc == pytest.approx(roc_auc_score(young["bad"], young["score"]), abs=2e-3)
    goods = known[(known["bad"] == 0) & (known["prot_sex"] == "prot_woman")]
    of_goods = found["prot_sex", "approval rate of goods", "prot_woman", 0.45].value
    assert of_goods == (goods["score"] < 0.45).mean()
    oldest = (everyone["prot_age"] >= 89).sum()
    assert 0 < oldest < 100
    groups = list(dict.fromkeys(one.group for one in report.columns[1].figures))
    assert groups == ["under 25", "25 to under 89", "89 and over"]


def test_a_small_group_has_no_number_at_all(protected):
    revised(protected, fairness={"min_rows": 200})
    small = [
        one
        for (_, _, group, _), one in figures(measure(protected)).items()
        if group == "89 and over"
    ]
    assert len(small) > 5
    assert {(one.value, one.low, one.reason) for one in small} == {
        (None, None, "fewer than 200 rows")
    }


def test_counts_are_kept_below_their_own_path_and_no_row_is(protected):
    before = set(open_storage(protected.store.root).list())
    measure(protected)
    made = set(open_storage(protected.store.root).list()) - before
    assert made == {f"fairness/model={KEY}/date={day}/fairness.parquet" for day in protected.days}
    table, _ = protected.store.read_table("fairness", KEY, protected.days[0])
    assert "loan_id" not in table.column_names
    groups = 3 + 4  # of each column those there are, and the rows of no group
    assert len(table) == 3 * groups


def test_no_protected_value_is_anywhere_else(protected):
    """Neither what four days have stored and logged, nor what measures them, has a group's name."""
    measure(protected)
    places = [Path(protected.lender.store.root), protected.dagster_home]
    files = [file for place in places for file in place.rglob("*") if file.is_file()]
    assert len(files) > 50
    found = {file for file in files if b"prot_woman" in file.read_bytes()}
    assert found
    assert all(file.is_relative_to(places[0] / "fairness") for file in found)


def test_a_later_period_needs_no_batch(protected):
    found = figures(measure(protected))
    for file in batch_files(protected):
        file.unlink()
    again = measure(protected)
    assert figures(again) == found
    assert not again.not_counted


def test_days_are_counted_again_if_what_they_are_made_of_changed(protected):
    measure(protected)
    revised(protected, fairness={"bands": {"prot_age": [40]}})
    groups = {one.group for one in measure(protected).columns[1].figures}
    assert groups == {"under 40", "40 and over"}


def test_a_day_that_cannot_be_counted_again_is_left_out_with_the_reason(protected):
    measure(protected)
    revised(protected, fairness={"bands": {"prot_age": [40]}})
    batch_files(protected)[1].unlink()
    report = measure(protected)
    assert report.days == 3
    assert list(report.not_counted) == [protected.days[1]]
    assert "no file at" in report.not_counted[protected.days[1]]


def test_counts_of_before_stay_where_outcomes_come_too_late(protected):
    """Without the batch no group of an outcome is known; the approval rates still are."""
    outcomes = Path(protected.lender.lake.root) / "outcomes" / f"{protected.days[0]}.parquet"
    late = outcomes.read_bytes()
    outcomes.unlink()
    assert measure(protected).mature_days == 2
    outcomes.write_bytes(late)
    batch_files(protected)[0].unlink()
    report = measure(protected)
    assert (report.days, report.mature_days) == (4, 2)
    assert report.not_counted[protected.days[0]].startswith("as counted before: no file at")


def test_outcomes_that_mature_are_counted_at_the_next_call(protected):
    outcomes = Path(protected.lender.lake.root) / "outcomes" / f"{protected.days[0]}.parquet"
    late = outcomes.read_bytes()
    outcomes.unlink()
    assert measure(protected).mature_days == 2
    outcomes.write_bytes(late)
    assert measure(protected).mature_days == 3


def test_what_is_known_of_a_shorter_horizon_outlives_its_outcomes(protected):
    outcome = protected.store.landed(KEY).manifest.outcome.model_dump(mode="json")
    revised(protected, outcome=outcome | {"maturity": [30, 41], "column": "bad_{horizon}"})
    outcomes = Path(protected.lender.lake.root) / "outcomes" / f"{protected.days[0]}.parquet"
    frame = pd.read_parquet(outcomes)
    frame.assign(bad_30=frame["bad"], bad_41=pd.NA).astype({"bad_41": "Int8"}).to_parquet(outcomes)
    first = protected.days[0]
    assert measure(protected, first, first).mature_days == 1
    assert measure(protected, first, first, horizon=41).mature_days == 0
    outcomes.unlink()
    assert measure(protected, first, first).mature_days == 1
    table, notes = protected.store.read_table("fairness", KEY, first)
    assert set(table["horizon"].to_pylist()) == {None, 30}
    assert list(notes["waiting"]) == ["41"]


def test_a_new_place_of_the_columns_loses_no_day_that_is_counted(protected):
    found = figures(measure(protected))
    revised(protected, fairness={"path": "apart/{date}.parquet"})
    report = measure(protected)
    assert figures(report) == found
    assert report.not_counted[protected.days[0]].startswith("as counted before: no file at")


def test_scores_that_are_gone_do_not_matter(protected):
    found = figures(measure(protected))
    for day in protected.days:
        protected.store.remove("scores", KEY, day)
    report = measure(protected)
    assert figures(report) == found
    assert not report.not_counted


def test_scores_of_another_run_are_counted_again(protected):
    first = protected.days[0]
    measure(protected, first, first)
    with protected.store.writing("scores", KEY, first) as local:
        protected.frames[first][["loan_id"]].assign(score=0.5).to_parquet(local, index=False)
    rate = figures(measure(protected, first, first))["prot_sex", "approval rate", "prot_man", 0.45]
    assert rate.value == 0


def test_a_file_of_its_own_is_read_in_place_of_the_batch(protected):
    lake = open_storage(protected.lender.lake.root)
    for day, frame in protected.frames.items():
        protected.lender.put(
            lake, f"apart/{day}.parquet", frame[["loan_id", "prot_sex", "prot_age"]]
        )
    for file in batch_files(protected):
        file.unlink()
    revised(protected, fairness={"path": "apart/{date}.parquet"})
    assert measure(protected).days == 4


def test_no_day_is_an_error(protected):
    with pytest.raises(InputError, match=r"no day from .* can be counted: no day is scored"):
        measure(protected, dt.date(2020, 1, 1), dt.date(2020, 1, 2))


def test_a_score_in_points_without_outcomes_of_the_reference_is_refused(protected):
    """Which side of a cut-off is approved would be a guess."""
    table, notes = protected.store.read_table("reference_grid", KEY)
    notes |= {"probability": False, "realised": []}
    protected.store.write_table("reference_grid", KEY, None, table, notes)
    with pytest.raises(InputError, match=r"the score is in points.*name reference\.outcome"):
        measure(protected)
