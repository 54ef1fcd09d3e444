"""What a broken feed does to a column fails; what a population does, however large, does not."""

import numpy as np
import pandas as pd
import pytest

from monitoring_assets.checks.broken_columns import (
    ExpectCategoriesToKeepTheirSpelling,
    ExpectValuesToBeSpread,
)
from monitoring_assets.checks.gx_run import run_expectations
from monitoring_assets.checks.profile_table import profile_table
from monitoring_assets.statistics.profiles.profile import ParquetSource, count, fit_bins

STATES = ["AZ", "CA", "NY", "NA", "TX"]
SHARES = [0.1, 0.3, 0.25, 0.05, 0.3]


def applicants(seed, rows):
    random = np.random.default_rng(seed)
    income = random.lognormal(10, 0.5, rows)
    state = random.choice(STATES, rows, p=SHARES)
    zeros = np.where(random.random(rows) < 0.6, 0.0, income)
    flag = (random.random(rows) < 0.05).astype(float)
    town = random.choice([f"town {i}" for i in range(300)], rows)
    city = np.where(random.random(rows) < 0.2, town, state)
    return pd.DataFrame(
        {"income": income, "state": state, "zeros": zeros, "flag": flag, "city": city}
    )


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    """The texts of what fails of a day against 10,000 rows of reference."""
    folder = tmp_path_factory.mktemp("rows")

    def source(frame):
        path = folder / "rows.parquet"
        frame.to_parquet(path, index=False)
        return ParquetSource([path])

    before = source(applicants(0, 10_000))
    bins = fit_bins(before)
    reference = count(before, bins)

    def find(now):
        table = profile_table(
            reference,
            count(source(now), bins),
            expected_types={},
            found_types={},
            tallies={},
            earlier={},
        )
        expected = [
            ("broken_columns", expectation)
            for name in now.columns
            for expectation in (
                ExpectValuesToBeSpread(characteristic=name, limit=0.9),
                ExpectCategoriesToKeepTheirSpelling(characteristic=name, limit=0.01),
            )
        ]
        return [one.text for one in run_expectations(table, expected) if not one.success]

    return find


def changed(rows, **columns):
    day = applicants(1, rows)
    return day.assign(**{name: change(day[name]) for name, change in columns.items()})


@pytest.mark.parametrize("rows", [100, 1000, 20_000])
@pytest.mark.parametrize(
    ("column", "change", "said"),
    [
        ("income", lambda x: x * 0 + 20_000, "100.0% of the values in"),
        ("income", lambda x: x / 1000, "100.0% of the values in"),
        ("income", lambda x: np.exp(np.log(x) + 3 * 0.5), "of the values in"),
        ("income", lambda x: -x, "100.0% of the values in"),
        ("zeros", lambda x: x * 0, "100.0% of the values in"),
        ("state", lambda x: x.str.lower(), "of the values in unseen"),
        ("state", lambda x: x + " ", "of the values in unseen"),
        ("state", lambda x: x.replace({"CA": "California"}), "CA gone (28"),
        ("city", lambda x: x.replace({"CA": "California"}), "CA gone (2"),
    ],
)
def test_a_broken_column_is_one_finding_or_two_of_it(findings, rows, column, change, said):
    found = findings(changed(rows, **{column: change}))
    assert any(said in text for text in found), found
    assert all(text.startswith(f"{column}: ") for text in found)


def test_a_rare_category_that_is_spelled_otherwise_is_found_when_it_can_be(findings):
    def respelled(states):
        return states.replace({"NA": "N/A"})

    (text,) = findings(changed(1000, state=respelled))
    assert text.startswith("state: NA gone (5")
    assert findings(changed(100, state=respelled)) == []


@pytest.mark.parametrize("rows", [20, 40, 100, 1000])
def test_quiet_days_are_never_broken(findings, rows):
    for seed in range(25):
        assert findings(applicants(100 + seed, rows)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"income": lambda x: x * np.exp(0.5)},  # one sd
        {"income": lambda x: x * np.exp(1.0)},  # two
        {"state": lambda x: x.where(x != "TX", "CA")},  # a market is left
        {"state": lambda x: x.where(np.arange(len(x)) % 10 > 0, "WA")},  # another is opened
        {"zeros": lambda x: x.where(np.arange(len(x)) % 2 > 0, 0.0)},
        {"flag": lambda x: x * 0 + (np.arange(len(x)) % 5 == 0)},
    ],
)
def test_a_population_that_moves_is_not_broken(findings, change):
    assert findings(changed(1000, **change)) == []


def test_a_column_without_a_value_is_for_the_check_of_missing_values(findings):
    assert findings(changed(1000, income=lambda x: x * np.nan)) == []
