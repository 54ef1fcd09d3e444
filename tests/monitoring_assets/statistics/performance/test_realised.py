"""One pass in the order of scores gives what is got from all rows at once."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit

from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.realised import (
    RealisedPerformance,
    learnt_direction,
    realised,
)
from monitoring_assets.statistics.profiles.score_scale import ScoreScale
from tests.monitoring_assets.statistics.performance.samples import EDGES, cohorts, draw


def leaves(value, path="", owner=None):
    """Every number of a result, with its path and the dataclass that holds it."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from leaves(getattr(value, field.name), f"{path}.{field.name}", value)
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from leaves(item, f"{path}[{i}]", value)
    else:
        yield path, value, owner


def in_chunks(scores, outcomes, borders):
    order = np.argsort(scores, kind="stable")
    bads = int(outcomes.sum())
    performance = RealisedPerformance(len(scores) - bads, bads, EDGES, [0.25, 0.5])
    for part in np.split(order, sorted(borders)):
        performance.add(scores[part], outcomes[part].astype(np.int8))
    return performance.result()


@settings(deadline=None)
@given(cohorts(), st.lists(st.integers(0, 60), max_size=5))
def test_chunk_borders_change_nothing(cohort, borders):
    """Not even where they cut through ties, or chunks are empty."""
    scores, outcomes = cohort
    whole, parts = (
        {path: value for path, value, _ in leaves(in_chunks(scores, outcomes, at))}
        for at in ([], borders)
    )
    assert parts == {
        path: pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
        for path, value in whole.items()
    }


def test_more_rows_than_are_worked_on_at_a_time():
    scores, outcomes = draw(np.random.default_rng(1), 200_000)
    scores = scores.round(3)  # ties over every inner border
    one = in_chunks(scores, outcomes, [])
    many = in_chunks(scores, outcomes, range(0, 200_000, 777))
    for name in ("value", "standard_error"):
        for statistic in ("auc", "ks"):
            expected = getattr(getattr(one.discrimination, statistic), name)
            found = getattr(getattr(many.discrimination, statistic), name)
            assert found == pytest.approx(expected, rel=1e-12)
    assert one.cut_offs == many.cut_offs
    assert (one.rows, one.bads) == (200_000, outcomes.sum())


@settings(deadline=None)
@given(cohorts())
def test_numbers_are_finite_and_what_is_missing_has_a_reason(cohort):
    result = in_chunks(*cohort, [])
    for path, value, owner in leaves(result):
        if isinstance(value, float) and not path.endswith((".low", ".high")):
            assert np.isfinite(value), path
        if value is None and isinstance(owner, Estimate) and not path.endswith(".reason"):
            assert owner.reason, path
        if isinstance(owner, Estimate) and owner.low is not None:
            assert owner.low <= owner.value + 1e-12, path
            assert owner.value <= owner.high + 1e-12, path


@pytest.mark.parametrize("outcomes", [[], [0, 0, 0], [1, 1]], ids=["empty", "goods", "bads"])
def test_a_class_without_rows_gives_reasons(outcomes):
    result = realised(np.full(len(outcomes), 0.2), outcomes, EDGES, [0.5])
    auc = result.discrimination.auc
    assert auc.value is None
    assert auc.reason == f"needs goods and bads, has {outcomes.count(0)} and {outcomes.count(1)}"
    assert result.calibration.recalibration.slope.value is None
    assert (result.bad_rate.value is None) == (not outcomes)


def test_a_score_in_points_has_discrimination_only():
    """High points are safe; the direction is learnt from the reference's AUC."""
    probability, outcomes = draw(np.random.default_rng(2), 5_000)
    points = 600 - 50 * np.log(probability / (1 - probability))
    edges = [650, 700, 750]
    raw = realised(points, outcomes, edges, probability=False)
    direction = learnt_direction(raw.discrimination.auc.value)
    assert direction == -1
    turned = realised(points, outcomes, edges, [700], probability=False, direction=-1)
    straight = realised(probability, outcomes, EDGES)
    for name in ("value", "standard_error", "low", "high"):
        assert getattr(turned.discrimination.auc, name) == pytest.approx(
            getattr(straight.discrimination.auc, name), rel=1e-12
        )
    assert turned.discrimination.ks.value == pytest.approx(
        straight.discrimination.ks.value, rel=1e-12
    )
    assert turned.rank_order_breaks == ()
    assert turned.cut_offs[0].true_positives == np.sum(outcomes & (points <= 700))
    for estimate in (
        turned.proper_scores.brier,
        turned.proper_scores.log_loss,
        turned.calibration.observed_to_expected,
        turned.calibration.recalibration.slope,
    ):
        assert estimate.value is None
        assert "points" in estimate.reason
    assert all(band.expected is None for band in turned.bands)


def test_without_an_auc_a_high_score_is_risky():
    assert learnt_direction(None) == learnt_direction(0.5) == learnt_direction(0.7) == 1


@pytest.mark.parametrize(
    ("scores", "outcomes", "words"),
    [
        ([0.2, 0.1], [0, 1], "ascending"),
        ([0.1, np.nan], [0, 1], "finite"),
        ([0.1, np.nan, 0.2], [0, 1, 0], "finite"),
        ([0.1, np.inf], [0, 1], "finite"),
        ([0.1, 0.2], [0, 2], "0 .good. or 1 .bad."),
        ([0.1, 0.2], [0, -1], "0 .good. or 1 .bad."),
        ([0.1, 0.2], [0.0, np.nan], "0 .good. or 1 .bad."),
        ([0.1, 0.2], [0.0, 0.5], "0 .good. or 1 .bad."),
        ([0.1], [0, 1], "one shape"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
def test_rows_that_cannot_be_used_are_refused(scores, outcomes, words):
    performance = RealisedPerformance(1, 1, EDGES)
    with pytest.raises(ValueError, match=words):
        performance.add(np.array(scores), np.array(outcomes))


def test_a_chunk_below_the_last_is_refused():
    performance = RealisedPerformance(1, 1, EDGES)
    performance.add(np.array([0.1, 0.5]), np.array([0, 1]))
    with pytest.raises(ValueError, match=r"0\.4 comes after 0\.5"):
        performance.add(np.array([0.4]), np.array([0]))


def test_points_are_no_probability():
    with pytest.raises(ValueError, match="probability=False"):
        realised([610.0, 700.0], [1, 0], EDGES)


@pytest.mark.parametrize("totals", [(2, 1), (1, 2), (0, 3)])
def test_totals_that_do_not_come_true_are_refused(totals):
    performance = RealisedPerformance(*totals, EDGES)
    performance.add(np.array([0.1, 0.5]), np.array([0, 1]))
    with pytest.raises(ValueError, match="not 1 and 1"):
        performance.result()


@pytest.mark.parametrize("edges", [[0.5, 0.5], [0.5, 0.1], [0.1, np.nan], [0.1, np.inf]])
def test_edges_that_do_not_ascend_are_refused(edges):
    with pytest.raises(ValueError, match="ascend"):
        RealisedPerformance(1, 1, edges)
    with pytest.raises(ValueError, match="negative"):
        RealisedPerformance(-1, 1, EDGES)


def test_points_with_a_scale_are_measured_as_the_probabilities_that_they_stand_for():
    """Both ways the rows are the same, so every figure is, but for where the score is shown."""
    chances, outcomes = draw(np.random.default_rng(3), 2_000)
    chances = np.clip(chances, 0.01, 0.99)
    scale = ScoreScale.doubling((0.0, 1000.0), points=600, at_odds=30, pdo=20)

    def points(values):
        return 600 + 20 / np.log(2) * (-logit(np.asarray(values)) - np.log(30))

    edges = np.sort(points(EDGES))
    by_points = realised(
        points(chances), outcomes, edges, [points(0.3)], direction=scale.direction, scale=scale
    )
    # A band holds its upper end, which is the lower one of a score that runs the other way.
    by_chance = realised(chances, outcomes, EDGES, [0.3])
    flat = {path: value for path, value, _ in leaves(by_points)}
    for path, value, _ in leaves(by_chance):
        if "bands" not in path and "breaks" not in path and not path.endswith(".score"):
            same = value if isinstance(value, str | None) else pytest.approx(value, rel=1e-9)
            assert flat[path] == same, path
    for one, other in zip(by_points.bands, by_chance.bands[::-1], strict=True):
        assert (one.rows, one.bads) == (other.rows, other.bads)
        assert one.expected == pytest.approx(other.expected, rel=1e-9)
