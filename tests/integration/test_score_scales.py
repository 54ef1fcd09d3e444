"""Two ways to write one model: a probability, and points that are declared to stand for it."""

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss, roc_auc_score

from monitoring_assets.cli.main import main
from monitoring_assets.partitions import ModelDay
from monitoring_assets.reference.score_grid import direction_of
from resources.storage import open_storage
from tests.conftest import Lender, days_ago, instance_in, job, onboard, rows

DAY = days_ago(40)
SAFE, RISKY, UNSAID = "pd_points.1", "pd_cards.1", "pd_unsaid.1"
SCALE = {"points": 600, "at_odds": 1, "pdo": 50}
CUT_OFF = 0.6


def points_of(chance):
    return 600 - 50 / math.log(2) * logit(chance)


@pytest.fixture(scope="module")
def lent(tmp_path_factory):
    """Both versions over one day with outcomes; the reference of neither has any.

    Of a third one, in points without a scale, nothing says which way it runs.
    """
    folder = tmp_path_factory.mktemp("scales")
    lender = Lender(str(folder / "lender"), folder)
    registry, lake = open_storage(lender.registry.root), open_storage(lender.lake.root)

    def scored(frame, seed):
        bad = np.random.default_rng(seed).random(len(frame)) < expit(0.4 + logit(frame["score"]))
        return frame.assign(bad=bad.astype(int), points=points_of(frame["score"]))

    sample, frame = scored(rows(0, 3000), 1), scored(rows(7, 2000), 2)
    frame["sex"] = np.where(np.arange(len(frame)) % 3, "a", "b")
    for key, column, extra in (
        (RISKY, "score", {}),
        (SAFE, "points", {"range": [300, 900], "scale": SCALE}),
        (UNSAID, "points", {"range": [300, 900]}),
    ):
        name, version = key.split(".")
        cut_off = CUT_OFF if column == "score" else float(points_of(CUT_OFF))
        lender.publish_manifest(
            name,
            version,
            deployed_at=days_ago(60).isoformat(),
            reference={"path": "reference.parquet", "score": column},
            scoring={"flavour": "scored", "path": "made/{date}.parquet", "score": column} | extra,
            outcome={
                "path": "outcomes/{date}.parquet",
                "column": "bad",
                "maturity": 30,
                "cut_offs": [cut_off],
            },
            segments=["region"],
            fairness={"columns": ["sex"]},
        )
        lender.put(registry, f"{name}/{version}/reference.parquet", sample.drop(columns="bad"))
    batch = frame[["loan_id", "income", "region", "sex"]]
    for feed in ("pd_cards", "pd_points", "pd_unsaid"):
        lender.deliver(DAY, batch, feed)
    lender.put(lake, f"made/{DAY}.parquet", frame[["loan_id", "score", "points"]])
    lender.put(lake, f"outcomes/{DAY}.parquet", frame[["loan_id", "bad"]])
    with instance_in(folder / "dagster_home") as instance:
        onboard(lender, instance)
        for key in (RISKY, SAFE, UNSAID):
            for name in ("monitor_day", "measure_performance"):
                done = job(name, lender).execute_in_process(
                    instance=instance, partition_key=ModelDay(DAY, key).partition
                )
                assert done.success
    return lender, frame


@pytest.fixture
def asked(lent, monkeypatch):
    """What a command prints as JSON."""
    for name, value in lent[0].environment.items():
        monkeypatch.setenv(name, value)

    def run(*words):
        found = CliRunner().invoke(main, [*words, "--format", "json"])
        assert found.exit_code == 0, found.output
        return json.loads(found.output)

    return run


def reports(lender, key):
    table, _ = lender.store.read_table("performance_report", key, DAY)
    return {row["kind"]: row for row in table.to_pylist()}


def assert_alike(one, other, of, apart=1e-9):
    """Equal, or neither is known."""
    wanted = None if other is None else pytest.approx(other, rel=1e-6, abs=apart)
    assert one == wanted, of


def test_every_metric_is_that_of_the_probability(lent):
    """Estimated and realised, of all rows and by segment; and it is that of scikit-learn."""
    lender, frame = lent
    points, chances = reports(lender, SAFE), reports(lender, RISKY)
    for kind in ("estimated", "realised"):
        found = {one["metric"].partition(" at ")[0]: one for one in points[kind]["metrics"]}
        for one in chances[kind]["metrics"]:
            same = found[one["metric"].partition(" at ")[0]]
            for name in ("value", "standard_error", "estimated", "gap", "reference"):
                # Estimates are from a grid, whose bins hold their upper ends.
                apart = 1e-9 if kind == "realised" and name in ("value", "standard_error") else 2e-3
                assert_alike(same[name], one[name], (kind, one["metric"], name), apart)
            assert same["reason"] == one["reason"]
    found = {one["metric"]: one["value"] for one in points["realised"]["metrics"]}
    assert found["auc"] == pytest.approx(roc_auc_score(frame["bad"], frame["score"]), abs=1e-9)
    assert found["brier"] == pytest.approx(brier_score_loss(frame["bad"], frame["score"]))
    ratio = frame["bad"].sum() / frame["score"].sum()
    assert found["observed_to_expected"] == pytest.approx(ratio, rel=1e-9)
    assert points["realised"]["mean_score"] == pytest.approx(frame["points"].mean())
    assert points["estimated"]["mean_score"] == pytest.approx(frame["points"].mean())
    assert points["realised"]["shift"] == chances["realised"]["shift"]
    assert points["realised"]["segments"], "no segment"


def test_what_is_estimated_of_a_segment_is_that_of_the_probability(lent):
    lender, _ = lent

    def estimated(key):
        table, _ = lender.store.read_table("segment_report", key, DAY)
        return {
            (row["segment"], row["metric"]): (row["reference"], row["value"])
            for row in table.to_pylist()
            if row["metric"].startswith("estimated")
        }

    points, chances = estimated(SAFE), estimated(RISKY)
    assert len(points) == len(chances) == 2 * 3
    for of, figures in chances.items():
        assert points[of] == pytest.approx(figures, abs=2e-3), of


def test_the_riskiest_band_is_that_of_the_lowest_points(lent):
    """Deciles of both hold the same rows, in the other order but for ties at an edge."""
    lender, _ = lent
    points, chances = (reports(lender, key)["realised"]["bands"] for key in (SAFE, RISKY))
    assert [one["rows"] for one in points] == [one["rows"] for one in chances[::-1]]
    assert [one["expected"] for one in points] == pytest.approx(
        [one["expected"] for one in chances[::-1]]
    )
    assert points[0]["bad_rate"] > points[-1]["bad_rate"]


def test_a_validation_unit_reads_the_same(lent, asked):
    points, chances = (asked("validate", key) for key in (SAFE, RISKY))
    for one, other in zip(points["tests"], chances["tests"], strict=True):
        assert (one["name"], one["reason"]) == (other["name"], other["reason"])
        assert_alike(one["p_value"], other["p_value"], one["name"])
    assert points["expected"] == pytest.approx(chances["expected"])
    assert points["bands"][0]["expected"] > points["bands"][-1]["expected"]
    (vintage,) = (one for one in asked("vintages", SAFE) if one["days"])
    assert vintage["horizons"][0]["expected"] == pytest.approx(chances["expected"])


def test_the_two_compared_have_the_same_losses_and_decide_alike(asked):
    found = asked("compare", RISKY, SAFE, "--cut-off", str(CUT_OFF))
    assert found["brier"]["difference"]["value"] == pytest.approx(0, abs=1e-12)
    assert found["log_loss"]["difference"]["value"] == pytest.approx(0, abs=1e-12)
    assert found["auc"]["difference"]["value"] == pytest.approx(0, abs=1e-12)
    assert found["challenger"]["cut_off"] == pytest.approx(points_of(CUT_OFF), abs=1)
    assert found["challenger"]["expected"] == pytest.approx(found["champion"]["expected"])


def test_groups_are_calibrated_and_approved_alike(asked):
    figures = [
        {(one["measure"], one["group"]): one for one in column["figures"]}
        for key in (SAFE, RISKY)
        for column in asked("fairness", key)["columns"]
    ]
    points, chances = figures
    for measure in ("observed to expected", "approval rate", "AUC"):
        for group in ("a", "b"):
            one, other = (of[measure, group]["found"]["value"] for of in (points, chances))
            assert one == pytest.approx(other, rel=1e-3), (measure, group)
    assert points["observed to expected", "a"]["found"]["value"] > 1


def test_a_comparison_says_that_it_does_not_know_which_way_points_run(asked):
    found = asked("compare", RISKY, UNSAID, "--cut-off", str(CUT_OFF))
    assert found["champion"]["is_direction_known"]
    assert not found["challenger"]["is_direction_known"]
    words = CliRunner().invoke(main, ["compare", RISKY, UNSAID, "--cut-off", str(CUT_OFF)]).output
    assert f"{UNSAID}: the score is in points, and neither scoring.scale nor" in words
    assert f"{RISKY}: the score" not in words


def test_the_direction_of_migrations_is_the_declared_one_or_none(lent):
    store = lent[0].store
    found = {key: direction_of(store, store.landed(key).manifest) for key in (RISKY, SAFE, UNSAID)}
    assert found == {RISKY: 1, SAFE: -1, UNSAID: None}
