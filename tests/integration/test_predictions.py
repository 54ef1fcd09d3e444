"""A model of losses given default, from the manifest to the tests of a validation unit."""

import json

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from riskvalidation.validation.lgd_ead import lgd_calibration_by_segment
from scipy.stats import somersd, ttest_rel
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from monitoring_assets.cli.main import main
from monitoring_assets.partitions import ModelDay
from resources.storage import open_storage
from tests.conftest import Lender, days_ago, instance_in, job, onboard, rows

KEY = "lgd_cards.1"
DAYS = [days_ago(back) for back in (42, 41)]
EDGES = [0.3, 0.4, 0.5, 0.6, 0.7]
GRADES = [{"name": f"pool {n}", "to": edge} for n, edge in enumerate(EDGES)] + [{"name": "last"}]


def with_losses(frame, seed, bias=0.0):
    """What was lost of each loan: some nothing, some more than all of it."""
    noise = np.random.default_rng([9, seed]).normal(bias, 0.2, len(frame))
    return frame.assign(lost=(frame["score"] + noise).clip(-0.05, 1.1))


@pytest.fixture(scope="module")
def lent(tmp_path_factory):
    """Two days with losses; of the second a tenth is not known yet."""
    folder = tmp_path_factory.mktemp("losses")
    lender = Lender(str(folder / "lender"), folder)
    registry, lake = open_storage(lender.registry.root), open_storage(lender.lake.root)
    lender.publish_manifest(
        "lgd_cards",
        "1",
        deployed_at=days_ago(60).isoformat(),
        reference={
            "path": "reference.parquet",
            "score": "score",
            "outcome": "lost",
            "grades": GRADES,
        },
        scoring={"flavour": "scored", "path": "made/{date}.parquet"},
        outcome={
            "path": "losses/{date}.parquet",
            "column": "lost",
            "maturity": 30,
            "kind": "continuous",
            "min_share": 0.8,
        },
        segments=["region"],
    )
    lender.put(registry, "lgd_cards/1/reference.parquet", with_losses(rows(0, 3000), 1))
    frames, checks = [], []
    with instance_in(folder / "dagster_home") as instance:
        onboard(lender, instance)
        for seed, day in enumerate(DAYS, 5):
            frame = with_losses(rows(seed, 1500), seed, bias=0.1 * (seed - 4))
            frame.loc[frame.index[: 150 * (seed - 5)], "lost"] = None
            lender.deliver(day, frame[["loan_id", "income", "region"]], "lgd_cards")
            lender.put(lake, f"made/{day}.parquet", frame[["loan_id", "score"]])
            lender.put(lake, f"losses/{day}.parquet", frame[["loan_id", "lost"]])
            frames.append(frame)
            for name in ("monitor_day", "measure_performance"):
                done = job(name, lender).execute_in_process(
                    instance=instance, partition_key=ModelDay(day, KEY).partition
                )
                assert done.success
                checks.append(
                    {
                        one.asset_check_evaluation_data.check_name: one.asset_check_evaluation_data
                        for one in done.all_events
                        if one.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
                    }
                )
    return lender, frames, checks


@pytest.fixture
def run(lent, monkeypatch):
    """A command over the store."""
    for name, value in lent[0].environment.items():
        monkeypatch.setenv(name, value)
    return lambda *words: CliRunner().invoke(main, list(map(str, words)))


def figures_of(frame):
    """By scikit-learn and scipy."""
    known = frame.dropna(subset="lost")
    predicted, realised = known["score"], known["lost"]
    bands = [np.searchsorted(EDGES, values) for values in (realised, predicted)]
    return {
        "mean_realised": realised.mean(),
        "mean_predicted": predicted.mean(),
        "mean_error": (realised - predicted).mean(),
        "mae": mean_absolute_error(realised, predicted),
        "rmse": root_mean_squared_error(realised, predicted),
        "r2": r2_score(realised, predicted),
        "generalised_auc": (somersd(*bands).statistic + 1) / 2,
    }


def test_a_day_has_the_figures_of_its_rows(lent):
    lender, frames, _ = lent
    table, _ = lender.store.read_table("performance_report", KEY, DAYS[1])
    estimated, realised = table.to_pylist()
    assert estimated["status"] == "not defined"
    assert "outcome.kind is continuous" in estimated["reason"]
    assert (realised["status"], realised["known"], realised["bads"]) == ("mature", 1350, None)
    found = {one["metric"]: one for one in realised["metrics"]}
    for name, value in figures_of(frames[1]).items():
        assert found[name]["value"] == pytest.approx(value, rel=1e-9), name
    sample = figures_of(with_losses(rows(0, 3000), 1))
    assert found["generalised_auc"]["reference"] == pytest.approx(sample["generalised_auc"])
    segments = [one for one in realised["segments"] if one["status"] == "mature"]
    assert len(segments) == 3
    for one in segments:
        of_segment = {metric["metric"]: metric["value"] for metric in one["metrics"]}
        expected = figures_of(frames[1][frames[1]["region"] == one["segment"]])
        assert of_segment["mae"] == pytest.approx(expected["mae"], rel=1e-9)


def test_checks_say_what_is_wrong_and_what_is_not_defined(lent):
    *_, (monitored, measured) = np.array(lent[2]).reshape(2, 2)
    assert monitored["estimated_performance"].passed
    assert "performance is not estimated" in monitored["estimated_performance"].description
    found = measured["realised_performance"]
    assert not found.passed
    assert "mean realised value, realised after 30 days, against the prediction" in (
        found.description
    )


def test_a_period_has_the_figures_of_all_its_rows(lent, run):
    _, frames, _ = lent
    frame = pd.concat(frames, ignore_index=True)
    found = json.loads(run("validate", KEY, "--format", "json").output)
    for name, value in figures_of(frame).items():
        assert found["metrics"][name]["value"] == pytest.approx(value, rel=1e-9), name
    known = frame.dropna(subset="lost")
    theirs = lgd_calibration_by_segment(known["lost"], known["score"])
    one_sided = ttest_rel(known["lost"], known["score"], alternative="greater")
    test = found["tests"][0]
    assert test["statistic"] == pytest.approx(theirs.statistic, rel=1e-9)
    assert test["p_value"] == pytest.approx(one_sided.pvalue, rel=1e-6)
    assert (test["light"], "2.6.2.1" in test["source"]) == ("red", True)
    error = found["metrics"]["mean_error"]
    assert error["low"] == pytest.approx(theirs.extras["ci_low"], rel=1e-9)
    for number, band in enumerate(found["bands"]):
        inside = known[np.searchsorted(EDGES, known["score"]) == number]
        theirs = ttest_rel(inside["lost"], inside["score"], alternative="greater")
        assert band["rows"] == len(inside)
        assert band["tests"][0]["p_value"] == pytest.approx(theirs.pvalue, rel=1e-6)
    (month,) = (
        one["performance"]
        for one in json.loads(run("history", KEY, "--by", "year", "--format", "json").output)
        if one["performance"]
    )
    assert month["metrics"]["rmse"] == pytest.approx(figures_of(frame)["rmse"], rel=1e-9)
    assert month["bads"] is None


def test_a_person_reads_it(run):
    for words, shown in (
        (("validate", KEY), "mean error: 0.1"),
        (("history", KEY), "gAUC"),
        (("report", KEY, "--date", DAYS[0]), "Generalised AUC realised after 30 days: 0."),
        (("migrations", KEY, "--from", DAYS[0], "--to", DAYS[1]), "no customer was scored once"),
    ):
        assert shown in run(*words).output, words


def test_the_evidence_has_its_tests_and_the_pages_are_drawn(lent, run, tmp_path):
    found = run("evidence", KEY, "--out", tmp_path / "pack")
    assert found.exit_code == 0, found.output
    tests = pd.read_parquet(tmp_path / "pack" / "tables" / "validation.parquet")
    assert (tests["test"] == "t-test of the mean error").sum() == 1 + len(GRADES)
    assert tests["bads"].isna().all()
    assert run("history", KEY, "--html", tmp_path / "year.html").exit_code == 0
    assert run("report", KEY, "--date", DAYS[1], "--html", tmp_path / "day.html").exit_code == 0
    assert "Mean error after 30 days" in (tmp_path / "day.html").read_text()


def test_what_is_of_goods_and_bads_is_refused_in_a_sentence(run):
    for words in (("vintages", KEY), ("compare", KEY, KEY[:-1] + "2", "--cut-off", 0.5)):
        found = run(*words)
        assert found.exit_code == 2, words
    assert "and no bad rate" in run("vintages", KEY).output
    assert "and fairness is of goods" in " ".join(run("fairness", KEY).output.split())
