"""Which column moved the score, against Shapley values by rows and closed forms."""

import numpy as np
import pyarrow as pa
import pytest

from monitoring_assets.statistics.drift.attribution import additive_part, mean_shift
from monitoring_assets.statistics.drift.surrogate import Surrogate, fit_surrogate
from monitoring_assets.statistics.profiles.profile import count, fit_bins

WEIGHTS = np.array([1, -1, 0.6, -0.6, 0.4, 0.3, 0, 0])
ROWS = 20_000


def correlated(seed, correlation, shift=()):
    random = np.random.default_rng(seed)
    common, own = random.normal(size=(ROWS, 1)), random.normal(size=(ROWS, 8))
    x = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
    for column, by in shift:
        x[:, column] += by
    return x


def suppressors(seed, _, shift=()):
    random = np.random.default_rng(seed)
    x = random.normal(size=(ROWS, 1)) + 0.3 * random.normal(size=(ROWS, 8))
    for column, by in shift:
        x[:, column] += by
    return x


def linear(x):
    return x @ WEIGHTS


def logistic(x):
    return 1 / (1 + np.exp(2 - x @ WEIGHTS))


def difference(x):
    return x[:, 0] - 0.9 * x[:, 1] + 0.1 * x[:, 2]


def interactions(x):
    z = 1.2 * np.tanh(x[:, 0] * x[:, 1]) + np.where(x[:, 2] > 0.5, x[:, 3], -0.3 * x[:, 3])
    return 1 / (1 + np.exp(1 + x[:, 5] - z - 0.8 * np.abs(x[:, 4])))


def shapley(score, reference, current, seed=3):
    """Interventional Shapley values of the mean shift, by random orders and pairs of rows."""
    random, values = np.random.default_rng(seed), np.zeros(reference.shape[1])
    for _ in range(40):
        pairs = [random.permutation(ROWS)[:5000] for _ in range(2)]
        rows, goal = reference[pairs[0]].copy(), current[pairs[1]]
        last = score(rows)
        for column in random.permutation(len(values)):
            rows[:, column] = goal[:, column]
            new = score(rows)
            values[column] += (new - last).mean() / 40
            last = new
    return values


def parts(write, score, reference, current):
    """Parts by the surrogate and by the marginal mix, in standard deviations of the score."""
    names = [f"x{number}" for number in range(reference.shape[1])]
    tables = [
        pa.table({name: x[:, i] for i, name in enumerate(names)} | {"score": score(x)})
        for x in (reference, current)
    ]
    before, after = (write(table, 4000) for table in tables)
    bins = fit_bins(before, names)
    surrogate = fit_surrogate(before, bins, before, "score")
    sides = [
        count(side, bins, scores=side, score_column="score").columns for side in (before, after)
    ]
    found = [
        (
            additive_part(surrogate.effects[name], *(side[name] for side in sides)).sum(),
            mean_shift(*(side[name] for side in sides)).mix,
        )
        for name in names
    ]
    return surrogate, np.array(found).T / score(reference).std()


@pytest.mark.parametrize("shift", [[(0, 0.6)], [(2, 0.6)], [(6, 1.0)], [(0, 0.6), (1, 0.6)]])
@pytest.mark.parametrize(
    ("score", "rows", "correlation"),
    [
        (linear, correlated, 0.6),
        (logistic, correlated, 0.6),
        (interactions, correlated, 0.3),
        (difference, suppressors, None),
    ],
)
def test_parts_are_near_shapley_values_where_columns_are_correlated(
    write, score, rows, correlation, shift
):
    reference, current = rows(1, correlation), rows(2, correlation, shift)
    surrogate, (found, _) = parts(write, score, reference, current)
    truth = shapley(score, reference, current) / score(reference).std()
    assert surrogate.is_good
    assert np.abs(found - truth).mean() <= 0.06
    weightless = [n for n in range(8) if n in (6, 7) and score is not interactions]
    assert np.abs(found[weightless]).max(initial=0.0) <= 0.05


def test_the_case_that_the_marginal_mix_gets_wrong(write):
    """Only x1 moves, and the mix gives it next to nothing: the page's gate silenced it."""
    reference, current = correlated(1, 0.6), correlated(2, 0.6, [(1, 0.6)])
    _, (found, mix) = parts(write, logistic, reference, current)
    assert abs(mix[1]) < 0.05
    assert found[1] < -0.35
    assert np.abs(np.delete(found, 1)).max() < 0.05


def test_a_sum_of_functions_of_the_bins_is_fitted_exactly(write):
    random = np.random.default_rng(4)
    region = random.choice(["north", "south", "west"], 9000, p=[0.5, 0.3, 0.2])
    grade = np.where(random.random(9000) < 0.7, region, random.choice(["a", "b"], 9000))
    effect = {"north": 0.1, "south": -0.2, "west": 0.4, "a": 0.05, "b": -0.3}
    score = np.array([effect[one] for one in region]) + np.array([2 * effect[one] for one in grade])
    source = write(pa.table({"region": region, "grade": grade, "score": score}))
    bins = fit_bins(source, ["region", "grade"])
    fitted = fit_surrogate(source, bins, source, "score")
    assert fitted.r2 == pytest.approx(1, abs=1e-5)
    profile = count(source, bins).columns
    for name, times in (("region", 1), ("grade", 2)):
        counts, categories = profile[name].counts, bins[name].categories
        truth = times * np.array([effect[one] for one in categories])
        truth -= truth @ counts[: len(truth)] / counts.sum()
        assert fitted.effects[name][: len(truth)] == pytest.approx(truth, abs=2e-3)
        assert not fitted.effects[name][len(truth) :].any()
        assert fitted.effects[name] @ counts == pytest.approx(0, abs=1e-6)


def test_a_score_that_no_column_explains_has_a_poor_fit(write):
    random = np.random.default_rng(5)
    table = pa.table({"x": random.normal(size=3000), "score": random.random(3000)})
    source = write(table)
    fitted = fit_surrogate(source, fit_bins(source, ["x"]), source, "score")
    assert fitted.r2 == pytest.approx(0, abs=0.02)
    assert not fitted.is_good
    assert "under 0.5" in str(fitted)


def test_it_is_read_back(write):
    table = pa.table(
        {"x": [1.0, 2.0, 3.0] * 20, "y": ["a", "b"] * 30, "score": [0.1, 0.2, 0.4] * 20}
    )
    source = write(table)
    fitted = fit_surrogate(source, fit_bins(source, ["x", "y"]), source, "score")
    again = Surrogate.from_table(fitted.to_table(), fitted.r2)
    assert list(again.effects) == ["x", "y"]
    for name, effects in fitted.effects.items():
        assert np.array_equal(again.effects[name], effects)


def test_strange_columns_spoil_no_fit(write):
    random = np.random.default_rng(6)
    x = random.normal(size=4000)
    columns = {
        "x": x,
        "huge": random.normal(size=4000) * 1e300,
        "infinite": np.where(random.random(4000) < 0.1, np.inf, random.normal(size=4000)),
        "nulls": pa.nulls(4000, pa.float64()),
        "constant": np.ones(4000),
        "flag": random.random(4000) < 0.5,
        "day": pa.array(random.integers(0, 900, 4000).astype("datetime64[D]")),
    }
    source = write(columns | {"score": x}, 1500)
    fitted = fit_surrogate(source, fit_bins(source, list(columns)), source, "score")
    assert fitted.r2 == pytest.approx(0.95, abs=0.03)
    for name, effects in fitted.effects.items():
        assert np.isfinite(effects).all()
        assert name == "x" or np.abs(effects).max() < 0.5


def test_without_bins_there_is_nothing_to_fit(write):
    source = write({"score": [0.1, 0.2]})
    with pytest.raises(ValueError, match="no characteristic has bins"):
        fit_surrogate(source, {}, source, "score")


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (pa.array([0.5] * 60), "all scores are equal"),
        (pa.nulls(60, pa.float64()), "0 rows with a score for 8 bins"),
    ],
)
def test_what_it_needs(write, score, said):
    source = write(pa.table({"x": [1.0, 2.0, 3.0] * 20, "score": score}))
    with pytest.raises(ValueError, match=said):
        fit_surrogate(source, fit_bins(source, ["x"]), source, "score")
