"""Performance of a cohort: estimated on the day, realised when its outcomes have come."""

import datetime as dt

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy.special import expit, logit

from monitoring_assets.cli.main import main
from monitoring_assets.partitions import ModelDay
from monitoring_assets.performance.history import performance_points
from monitoring_assets.reference.score_grid import read_grid
from monitoring_assets.reference.strata import splits_of
from monitoring_assets.runs.shown import four_digits
from monitoring_assets.statistics.performance.estimation import estimate
from monitoring_assets.statistics.profiles.profile import Profile
from resources import layout
from resources.asset_keys import asset_key
from resources.storage import open_storage
from tests.conftest import days_ago, job, onboard, rows, sigmoid_of_log_income, tick

KEY = "pd_cards.1"
DAY = days_ago(40)
OUTCOME = {"path": "outcomes/{date}.parquet", "column": "bad", "maturity": 30, "cut_offs": [0.6]}


def with_outcomes(frame, seed, shift=0.0, slope=1.0):
    """Rows with what becomes of them: bad with the chance that the score says, or another."""
    chance = expit(shift + slope * logit(frame["score"]))
    return frame.assign(bad=(np.random.default_rng(seed).random(len(frame)) < chance).astype(int))


@pytest.fixture
def lend(lender, instance):
    """A version of which a day has been scored; returns what became of that day's rows."""

    def run(size=4000, seed=7, shift=0.0, slope=1.0, reference="bad", **changes):
        changes = {"outcome": OUTCOME, "deployed_at": days_ago(60).isoformat()} | changes
        sample = {"path": "reference.parquet"} | ({"outcome": reference} if reference else {})
        lender.publish_manifest("pd_cards", "1", reference=sample, **changes)
        storage = open_storage(lender.registry.root)
        lender.put(storage, "pd_cards/1/reference.parquet", with_outcomes(rows(0, 5000), 1))
        storage.write("pd_cards/1/model.onnx", sigmoid_of_log_income())
        onboard(lender, instance)
        frame = rows(seed, size)
        lender.deliver(DAY, frame)
        make(lender, instance, "monitor_day")
        return with_outcomes(frame, seed, shift, slope)

    return run


def make(lender, instance, name, day=DAY):
    result = job(name, lender).execute_in_process(
        instance=instance, partition_key=ModelDay(day, KEY).partition
    )
    assert result.success
    return {
        e.asset_check_evaluation_data.check_name: e.asset_check_evaluation_data
        for e in result.all_events
        if e.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
    }


def tell(lender, frame, column="bad", day=DAY):
    told = frame[["loan_id", column]]
    lender.put(open_storage(lender.lake.root), f"outcomes/{day}.parquet", told)


def report(lender, day=DAY):
    table, _ = lender.store.read_table("performance_report", KEY, day)
    return {(row["kind"], row["horizon"]): row for row in table.to_pylist()}


def metrics(row):
    return {one["metric"]: one for one in row["metrics"]}


def test_a_cohort_is_estimated_on_the_day_and_realised_later(lend, lender, instance):
    frame = lend()
    row = report(lender)["realised", 30]
    assert (row["status"], row["metrics"]) == ("no outcomes yet", [])
    assert f"outcomes/{DAY}.parquet" in row["reason"]
    tell(lender, frame)
    found = make(lender, instance, "measure_performance")

    estimated = metrics(report(lender)["estimated", 30])
    row = report(lender)["realised", 30]
    realised = metrics(row)
    bad, score = frame["bad"].to_numpy(), frame["score"].to_numpy()
    wins = (score[bad == 1][:, None] > score[bad == 0]).mean()
    # The model computes in single precision.
    assert realised["auc"]["value"] == pytest.approx(wins, abs=1e-5)
    assert realised["bad_rate"]["value"] == pytest.approx(bad.mean())
    assert realised["brier"]["value"] == pytest.approx(np.mean((score - bad) ** 2), abs=1e-6)
    flagged = score >= 0.6
    assert realised["recall at 0.6"]["value"] == pytest.approx(flagged[bad == 1].mean())
    assert estimated["auc"]["value"] == pytest.approx(wins, abs=0.03)
    assert estimated["auc"]["low"] < wins < estimated["auc"]["high"]
    assert (row["status"], row["shift"]) == ("mature", "no shift")
    assert (row["scored"], row["accepted"], row["known"], row["bads"]) == (
        4000,
        4000,
        4000,
        bad.sum(),
    )
    assert sum(band["bads"] for band in row["bands"]) == bad.sum()
    assert found["estimated_performance"].passed, found["estimated_performance"].description
    assert found["realised_performance"].passed, found["realised_performance"].description
    made = instance.get_latest_materialization_event(asset_key("performance_report"))
    shown = made.asset_materialization.metadata
    assert shown["auc"].value == four_digits(realised["auc"]["value"])
    assert shown["auc_estimated"].value == four_digits(estimated["auc"]["value"])


def test_measuring_again_gives_the_same_table_and_keeps_the_evidence(lend, lender, instance):
    frame = lend(400)
    tell(lender, frame)
    make(lender, instance, "measure_performance")
    first, _ = lender.store.read_table("performance_report", KEY, DAY)
    make(lender, instance, "measure_performance")
    second, notes = lender.store.read_table("performance_report", KEY, DAY)
    assert first.equals(second)
    kept = lender.store.storage.list(f"evidence/performance_report/model={KEY}")
    assert len(kept) == 3
    assert any(notes["run_id"] in path for path in kept)


def test_outcomes_that_flip_while_scores_stay_are_concept_shift(lend, lender, instance):
    tell(lender, lend(slope=-1.0))
    found = make(lender, instance, "measure_performance")["realised_performance"]
    row = report(lender)["realised", 30]
    assert row["shift"] == "concept shift"
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.ERROR
    assert "AUC, realised after 30 days, against the estimate of the same rows" in found.description
    assert "AUC, realised after 30 days, against the reference" in found.description
    psi = lender.store.read_table("drift_report", KEY, DAY)[0].to_pylist()[-1]
    assert psi["status"] == "ok"


def test_more_bads_than_the_same_scores_had_is_concept_shift_though_they_rank(
    lend, lender, instance
):
    tell(lender, lend(shift=1.5))
    found = make(lender, instance, "measure_performance")["realised_performance"]
    row = report(lender)["realised", 30]
    assert row["shift"] == "concept shift"
    assert not found.passed
    assert "bad rate, realised after 30 days" in found.description
    assert "AUC" not in found.description


def test_the_accepted_are_judged_by_their_own_estimate(lend, lender, instance):
    frame = lend(8000)
    accepted = frame[frame["score"] < frame["score"].median()]
    tell(lender, accepted)
    found = make(lender, instance, "measure_performance")["realised_performance"]
    row = report(lender)["realised", 30]
    auc = metrics(row)["auc"]
    # Half of the scores is cut off: AUC falls, as estimated for these, and nothing has shifted.
    assert auc["value"] < auc["reference"] - 0.05
    assert auc["estimated"] == pytest.approx(auc["value"], abs=0.03)
    assert row["shift"] == "covariate shift"
    assert row["accepted"] == len(accepted)
    assert row["mean_score_accepted"] < row["mean_score"]
    assert row["psi_accepted"] > 0.25
    assert "against the estimate" not in found.description


def test_an_immature_cohort_neither_passes_nor_fails(lend, lender, instance):
    frame = lend(400)
    frame["bad"] = frame["bad"].where(frame.index < 120).astype("Int64")
    tell(lender, frame)
    found = make(lender, instance, "measure_performance")["realised_performance"]
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.WARN
    assert "immature: 120 of 400 accepted have an outcome" in found.description
    row = report(lender)["realised", 30]
    assert (row["status"], row["known"], row["metrics"]) == ("immature", 120, [])


def test_a_cohort_is_not_measured_before_its_horizon(lend, lender, instance):
    outcome = OUTCOME | {"column": "bad_{horizon}", "maturity": [30, 41, 90]}
    frame = lend(400, outcome=outcome)
    tell(lender, frame.rename(columns={"bad": "bad_30"}).assign(bad_41=1, bad_90=1), "bad_30")
    make(lender, instance, "measure_performance")
    found = report(lender)
    assert found["realised", 30]["status"] == "mature"
    # 41 days after the day is today: due; its column is not there, and that is said.
    assert found["realised", 41]["status"] == "not computed"
    assert "bad_41" in found["realised", 41]["reason"]
    assert found["realised", 90]["status"] == "immature"
    assert found["realised", 90]["reason"] == f"due on {DAY + dt.timedelta(days=90)}"


def test_outcomes_that_cannot_be_read_fail_the_check_and_not_the_day(lend, lender, instance):
    frame = lend(400)
    tell(lender, frame.assign(bad=2))
    found = make(lender, instance, "measure_performance")["realised_performance"]
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.ERROR
    assert f"outcomes/{DAY}.parquet, column 'bad': found 400 other values" in found.description
    assert make(lender, instance, "monitor_day")["estimated_performance"].passed


def test_outcomes_of_other_keys_are_no_cohort(lend, lender, instance):
    frame = lend(400)
    tell(lender, frame.assign(loan_id="x" + frame["loan_id"]))
    found = make(lender, instance, "measure_performance")["realised_performance"]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "none of the 400 keys in the outcome files was scored" in found.description


def test_outcomes_that_half_match_are_a_fault_of_their_feed(lend, lender, instance, monkeypatch):
    monkeypatch.setenv("MONITORING_STORE", lender.store.root)
    frame = lend(400)
    lost = frame["loan_id"].where(frame.index < 200, "0" + frame["loan_id"])
    tell(lender, frame.assign(loan_id=lost))
    found = make(lender, instance, "measure_performance")["unmatched_outcomes"]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    said = "200 of 400 outcome keys match no score of the day; unmatched keys look like '9"
    assert said in found.description
    assert found.description.endswith("9 for digits); allowed: 5%")
    shown = CliRunner().invoke(main, ["report", KEY, "--date", str(DAY)])
    assert f"Outcomes realised after 30 days: {said}" in shown.output, shown.output

    # The cohort's own day lies too far back: a later day's decision has the incident.
    make(lender, instance, "decide_alerts", DAY + dt.timedelta(days=29))
    later = DAY + dt.timedelta(days=31)
    make(lender, instance, "decide_alerts", later)
    before, after = (
        {
            row["family"]: [one["text"] for one in row["breaches"]]
            for row in lender.store.read_table("alerts", KEY, day)[0].to_pylist()
        }["data quality"]
        for day in (DAY + dt.timedelta(days=29), later)
    )
    assert before == []
    assert len(after) == 1
    assert f"outcomes of {DAY}, realised after 30 days: 200 of 400 outcome keys" in after[0]

    tell(lender, frame)
    assert make(lender, instance, "measure_performance")["unmatched_outcomes"].passed
    make(lender, instance, "decide_alerts", later)
    mended = lender.store.read_table("alerts", KEY, later)[0].to_pylist()
    assert all(not row["breaches"] for row in mended if row["family"] == "data quality")


def test_a_lender_may_allow_outcomes_of_other_days(lend, lender, instance):
    frame = lend(400, outcome=OUTCOME | {"max_unmatched": 0.5})
    others = frame.assign(loan_id="x" + frame["loan_id"])
    tell(lender, pd.concat([frame, others]))
    assert make(lender, instance, "measure_performance")["unmatched_outcomes"].passed
    tell(lender, pd.concat([frame[1:], others]))
    assert not make(lender, instance, "measure_performance")["unmatched_outcomes"].passed


def test_without_outcomes_anywhere_the_score_is_taken_for_the_probability(lend, lender, instance):
    lend(400, reference=None, outcome=None)
    row = report(lender)["estimated", None]
    assert row["status"] == "estimated"
    assert "taken for a probability" in row["calibration"]
    assert make(lender, instance, "monitor_day")["estimated_performance"].passed
    found = make(lender, instance, "measure_performance")["realised_performance"]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "no `outcome`" in found.description


def test_a_score_in_points_without_reference_outcomes_is_a_warning(lend, lender, instance):
    scoring = lender.manifest("pd_cards", "1")["scoring"] | {"range": [0, 1000]}
    lend(400, reference=None, outcome=None, scoring=scoring)
    found = make(lender, instance, "monitor_day")["estimated_performance"]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "in points" in found.description


def test_without_a_score_grid_only_what_is_realised_is_known(lend, lender, instance):
    frame = lend(400)
    for path in (layout.partition("reference_grid", KEY), layout.partition("score_grid", KEY, DAY)):
        lender.store.storage.delete(path)
    tell(lender, frame)
    found = make(lender, instance, "monitor_day")["estimated_performance"]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "the reference sample has no score" in found.description
    found = make(lender, instance, "measure_performance")["realised_performance"]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "cannot be compared: no score grid" in found.description
    assert metrics(report(lender)["realised", 30])["auc"]["value"] > 0.5


def test_a_cut_off_has_a_bin_and_other_ones_make_another_grid(lend, lender, instance):
    """Scores at a cut-off are flagged, those right below are not: no bin may hold both."""
    frame = lend(4000)
    edges = read_grid(lender.store, KEY).bins.edges
    assert {0.6, np.nextafter(0.6, 0)} <= set(edges)
    estimated = metrics(report(lender)["estimated", 30])
    flagged = frame["score"] >= 0.6
    expected = frame["score"][flagged].sum() / frame["score"].sum()
    assert estimated["recall at 0.6"]["value"] == pytest.approx(expected, abs=0.02)

    sample = {"path": "reference.parquet", "outcome": "bad"}
    changes = {"outcome": OUTCOME | {"cut_offs": [0.7]}, "deployed_at": days_ago(60).isoformat()}
    lender.publish_manifest("pd_cards", "1", reference=sample, revision=2, **changes)
    tick(lender, instance)
    onboarding = job("onboard_model", lender)
    assert onboarding.execute_in_process(instance=instance, partition_key=KEY).success
    tell(lender, frame)
    make(lender, instance, "measure_performance")
    found = report(lender)
    assert found["estimated", 30]["status"] == "not computed"
    assert "materialise scores again" in found["estimated", 30]["reason"]
    assert metrics(found["realised", 30])["recall at 0.7"]["estimated"] is not None
    make(lender, instance, "monitor_day")
    assert report(lender)["estimated", 30]["status"] == "estimated"


def test_the_points_of_the_control_chart(lend, lender, instance):
    frame = lend(1000)
    assert [p.kind for p in performance_points(lender.store, KEY, DAY)] == ["estimated"] * 2
    tell(lender, frame)
    make(lender, instance, "measure_performance")
    points = {(p.kind, p.metric): p for p in performance_points(lender.store, KEY, DAY)}
    assert points.keys() == {
        (kind, metric)
        for kind in ("estimated", "realised", "gap")
        for metric in ("auc", "bad_rate")
    }
    realised = points["realised", "auc"]
    assert (realised.day, realised.horizon, realised.rows) == (DAY, 30, 1000)
    assert realised.bads == frame["bad"].sum()
    assert 0.5 < realised.reference.value < 1
    gap = points["gap", "auc"]
    assert gap.reference.value == 0
    assert abs(gap.value) < 4 * gap.standard_error
    assert performance_points(lender.store, KEY, DAY - dt.timedelta(days=1)) == []


def test_a_share_of_rows_out_of_the_reference_is_shown(lend, lender):
    lend(400)
    row = report(lender)["estimated", 30]
    assert 0 <= row["outside_reference"] < 0.05
    assert pd.notna(row["mean_score"])


def test_without_a_bad_the_ranking_is_not_judged_and_does_not_pass(lend, lender, instance):
    frame = lend(60, reference=None)
    tell(lender, frame.assign(bad=0))
    found = make(lender, instance, "measure_performance")["realised_performance"]
    assert not found.passed
    assert "cannot be compared: needs goods and bads, has 60 and 0" in found.description
    # Sixty rows of which half were to be bad: that is no chance.
    assert found.severity == dg.AssetCheckSeverity.ERROR
    assert "bad rate, realised after 30 days, against the estimate" in found.description


def test_a_model_of_points_is_ranked_the_way_its_reference_says(lend, lender, instance):
    scoring = lender.manifest("pd_cards", "1")["scoring"] | {"range": [0, 2]}
    tell(lender, lend(2000, scoring=scoring))
    make(lender, instance, "measure_performance")
    found = metrics(report(lender)["realised", 30])
    assert found["auc"]["value"] > 0.6
    assert found["brier"]["value"] is None
    assert "in points" in found["brier"]["reason"]
    assert found["bad_rate"]["estimated"] == pytest.approx(found["bad_rate"]["value"], abs=0.05)


def test_the_report_of_a_day_shows_performance(lend, lender, instance, monkeypatch):
    tell(lender, lend(400))
    make(lender, instance, "measure_performance")
    for name, value in lender.environment.items():
        monkeypatch.setenv(name, value)
    shown = CliRunner().invoke(main, ["report", KEY, "--date", str(DAY)]).output
    auc = metrics(report(lender)["realised", 30])["auc"]
    assert f"AUC realised after 30 days: {auc['value']:.4f} ({auc['low']:.4f} to" in shown
    assert "AUC estimated after 30 days: 0." in shown
    json_shown = CliRunner().invoke(main, ["report", KEY, "--date", str(DAY), "--format", "json"])
    assert f'"value": {auc["value"]}' in json_shown.output


def with_risky_west(frame, seed, slope=1.0):
    """Rows of which those of the west go bad more often, and the safe ones rather than others."""
    odds = slope * logit(frame["score"])
    odds = np.where(frame["region"] == "west", 1 - odds, odds)
    bad = np.random.default_rng(seed).random(len(frame)) < expit(odds)
    return frame.assign(bad=bad.astype(int))


@pytest.fixture
def lend_west(lender, instance):
    """A version whose score is off in the west; a day of which half are from there."""

    def run(slope=1.0, west=0.5, **changes):
        sample = {"path": "reference.parquet", "outcome": "bad"}
        changes = {"outcome": OUTCOME, "deployed_at": days_ago(60).isoformat()} | changes
        lender.publish_manifest("pd_cards", "1", reference=sample, **changes)
        storage = open_storage(lender.registry.root)
        reference = with_risky_west(settle(rows(0, 20_000), 0.1), 1)
        lender.put(storage, "pd_cards/1/reference.parquet", reference)
        storage.write("pd_cards/1/model.onnx", sigmoid_of_log_income())
        onboard(lender, instance)
        frame = settle(rows(7, 6_000), west)
        lender.deliver(DAY, frame)
        make(lender, instance, "monitor_day")
        tell(lender, with_risky_west(frame, 7, slope))
        return make(lender, instance, "measure_performance")

    return run


def settle(frame, west):
    """Rows of which a share is from the west."""
    is_west = np.random.default_rng(len(frame)).random(len(frame)) < west
    return frame.assign(region=np.where(is_west, "west", "north"))


def test_more_applicants_of_a_group_in_which_the_score_is_off_are_no_concept_shift(
    lend_west, lender
):
    found = lend_west()
    row = report(lender)["realised", 30]
    realised = metrics(row)
    assert row["shift"] in ("no shift", "covariate shift"), row["shift_reason"]
    assert abs(realised["auc"]["gap"]) < 0.02
    assert abs(realised["bad_rate"]["gap"]) < 0.02
    assert abs(realised["auc"]["difference"]) > 0.05  # of the reference
    assert "region west: " in row["calibration"]
    on_the_day = metrics(report(lender)["estimated", 30])
    assert on_the_day["auc"]["value"] == pytest.approx(realised["auc"]["estimated"], abs=1e-12)
    assert "against the estimate" not in (found["realised_performance"].description or "")
    # A map for all would have said otherwise.
    grid = read_grid(lender.store, KEY)
    table, notes = lender.store.read_table("score_grid", KEY, DAY)
    assert splits_of(notes) == grid.strata.splits
    day = Profile.from_table(table).columns
    together = estimate(grid.calibration(30), day["score"])
    assert abs(realised["auc"]["value"] - together.auc.value) > 0.05
    strata = day["stratum 0"] + day["stratum 1"]
    assert (strata.counts == day["score"].counts).all()


def test_a_concept_that_shifts_is_found_within_strata(lend_west, lender):
    lend_west(slope=0.3, west=0.1)
    assert report(lender)["realised", 30]["shift"] == "concept shift"


def test_a_day_counted_by_other_strata_says_so(lend_west, lender, instance):
    lend_west()
    table, notes = lender.store.read_table("score_grid", KEY, DAY)
    lender.store.write_table("score_grid", KEY, DAY, table, notes | {"splits": []})
    make(lender, instance, "measure_performance")
    row = report(lender)["estimated", 30]
    assert row["status"] == "not computed"
    assert "other strata: materialise scores again" in row["reason"]
    assert metrics(report(lender)["realised", 30])["auc"]["estimated"] is not None


def test_a_segment_column_that_is_no_characteristic_may_split(lender, instance):
    """It is not among the bins of the reference profile; the grid keeps its own."""
    sample = {"path": "reference.parquet", "outcome": "bad"}
    branch = {"outcome": OUTCOME, "deployed_at": days_ago(60).isoformat(), "segments": ["branch"]}
    lender.publish_manifest("pd_cards", "1", reference=sample, **branch)
    storage = open_storage(lender.registry.root)

    def by_branch(frame, seed):
        told = with_risky_west(frame, seed)
        return told.assign(branch=told["region"], region="north")

    reference = by_branch(settle(rows(0, 20_000), 0.1), 1)
    lender.put(storage, "pd_cards/1/reference.parquet", reference)
    storage.write("pd_cards/1/model.onnx", sigmoid_of_log_income())
    onboard(lender, instance)
    frame = by_branch(settle(rows(7, 6_000), 0.5), 7)
    lender.deliver(DAY, frame.drop(columns="bad"))
    make(lender, instance, "monitor_day")
    tell(lender, frame)
    make(lender, instance, "measure_performance")
    row = report(lender)["realised", 30]
    assert "branch west: " in row["calibration"]
    assert abs(metrics(row)["auc"]["gap"]) < 0.02
    assert [one["segment_column"] for one in row["segments"]] == ["branch"] * len(row["segments"])


def test_a_reference_that_means_the_same_for_everyone_has_no_strata(lend, lender):
    lend()
    assert read_grid(lender.store, KEY).strata.splits == ()
    table, _ = lender.store.read_table("score_grid", KEY, DAY)
    assert set(table["column"].to_pylist()) == {"score"}
