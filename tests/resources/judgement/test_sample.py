"""A sample is read as a day will be compared with it, beyond its first rows."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_assets.statistics.profiles.binning import fit_bins
from monitoring_assets.statistics.profiles.source import ParquetSource
from resources.registry import scan
from resources.storage import open_storage

ROWS = 12_000
FEATURES = {"income": np.linspace(1, 9, ROWS), "region": ["north", "south"] * (ROWS // 2)}
SCORES = {"score": np.linspace(0.01, 0.99, ROWS), "bad": np.arange(ROWS) % 2}


@pytest.fixture
def judged(any_lender):
    """The verdict on a version whose sample has these columns in place of good ones."""

    def judge(manifest=None, **columns):
        sample = {"path": "reference.parquet", "score": "score", "outcome": "bad"}
        any_lender.publish(**{"reference": sample} | (manifest or {}))
        with open_storage(any_lender.registry.root).writing(
            "pd_cards/1/reference.parquet"
        ) as local:
            pq.write_table(pa.table(FEATURES | SCORES | columns), local)
        return scan(any_lender.registry, {}, seconds=60)[0]["pd_cards/1"]

    return judge


@pytest.fixture
def decided(any_lender):
    """The faults of a version with decisions, whose sample has these columns as well."""

    def judge(**columns):
        any_lender.publish(decisions={"column": "decision", "approved": ["A"], "amount": "asked"})
        with open_storage(any_lender.registry.root).writing(
            "pd_cards/1/reference.parquet"
        ) as local:
            pq.write_table(pa.table(FEATURES | columns), local)
        return scan(any_lender.registry, {}, seconds=60)[0]["pd_cards/1"].faults

    return judge


def test_decisions_that_no_day_could_use_are_refused(decided):
    assert not decided()
    good = ["A", "D"] * (ROWS // 2)
    assert not decided(decision=good, asked=np.ones(ROWS))
    (fault,) = decided(decision=good, asked=last(-1.0, np.ones(ROWS)))
    assert fault.field == "decisions"
    assert "column 'asked' (decisions.amount): found 1 values under 0" in fault.found
    (fault,) = decided(decision=["D"] * ROWS)
    assert fault.field == "decisions.approved"
    assert "no row of" in fault.found


def last(value, like):
    """A good column whose last row is not."""
    return pa.array([*np.asarray(like)[:-1].tolist(), value])


def test_points_of_which_nothing_says_which_way_they_run_are_warned_of(judged):
    model = {"flavour": "scored", "path": "s/{date}.parquet", "range": [0, 1000]}
    sample = {"path": "reference.parquet", "score": "score"}
    points = {"scoring": model, "reference": sample}
    assert "which way it runs" in judged(points).warnings[0]
    scale = {"points": 600, "at_odds": 30, "pdo": 20}
    assert judged(points | {"scoring": model | {"scale": scale}}).warnings == ()


def test_numbers_that_are_predicted_may_be_any_that_are_finite(judged):
    losses = {"outcome": {"path": "l/{date}/", "column": "x", "maturity": 30, "kind": "continuous"}}
    assert judged(losses, bad=np.linspace(-0.2, 1.2, ROWS)).faults == ()
    (fault,) = judged(losses, bad=last(np.inf, SCORES["bad"] / 2)).faults
    assert (fault.field, "finite numbers" in fault.allowed) == ("reference.outcome", True)
    (fault,) = judged(losses, bad=["none"] * ROWS).faults
    assert "finite numbers" in fault.allowed


def test_a_good_sample_is_neither_refused_nor_warned_of(judged):
    assert (judged().faults, judged().warnings) == ((), ())


@pytest.mark.parametrize(
    ("columns", "field", "found"),
    [
        (
            {"region": [f"loan {n}" for n in range(ROWS)]},
            "features.columns.region",
            "more than 10,000 distinct values: it looks like an identifier",
        ),
        ({"income": last(2**60 + 1, np.arange(ROWS))}, "features.columns.income", "beyond 2**53"),
        ({"score": pa.nulls(ROWS, pa.float64())}, "reference.score", "no value in score"),
        ({"score": np.full(ROWS, np.nan)}, "reference.score", "no value in score"),
        ({"bad": last(2, SCORES["bad"])}, "reference.outcome", "1 other values in bad"),
        ({"bad": last(0.5, SCORES["bad"])}, "reference.outcome", "1 other values in bad"),
    ],
    ids=["identifier", "rounded numbers", "no scores", "scores not a number", "a two", "a half"],
)
def test_what_no_day_could_use_is_refused(judged, columns, field, found):
    (fault,) = judged(**columns).faults
    assert fault.field == field
    assert found in fault.found
    assert "pd_cards/1/reference.parquet" in fault.found
    assert fault.allowed


def test_the_words_are_those_of_the_profile(judged, tmp_path):
    names = [f"loan {n}" for n in range(ROWS)]
    pq.write_table(pa.table({"region": names}), tmp_path / "day.parquet")
    error = fit_bins(ParquetSource([tmp_path / "day.parquet"]))["region"]
    (fault,) = judged(region=names).faults
    assert fault.found.endswith(f": {error.reason}")


@pytest.mark.parametrize(
    "column",
    [pa.nulls(ROWS), pa.nulls(ROWS, pa.float64()), pa.nulls(ROWS, pa.string())],
    ids=lambda column: str(column.type),
)
def test_a_column_without_a_value_is_a_warning(judged, column):
    verdict = judged(region=column)
    assert verdict.manifest is not None
    (warning,) = verdict.warnings
    assert warning.endswith(
        "pd_cards/1/reference.parquet: region (features.columns.region) has no value, so all of a "
        "day are new"
    )


def test_all_faults_of_a_sample_are_named_at_once(judged):
    verdict = judged(score=np.full(ROWS, np.nan), bad=[3] * ROWS, region=[[1]] * ROWS)
    assert [fault.field for fault in verdict.faults] == [
        "features.columns.region",
        "reference.score",
        "reference.outcome",
    ]


def test_a_sample_with_scores_has_their_reasons(lender):
    lender.publish_manifest(
        "pd_cards",
        "1",
        reference={"path": "reference.parquet", "score": "score"},
        scoring={"flavour": "scored", "path": "scores/{date}/", "reasons": ["why", "bad"]},
    )
    with open_storage(lender.registry.root).writing("pd_cards/1/reference.parquet") as local:
        pq.write_table(pa.table(FEATURES | SCORES), local)
    (fault,) = scan(lender.registry, {}, seconds=60)[0]["pd_cards/1"].faults
    assert (fault.field, fault.found) == ("scoring.reasons", "why")
    assert fault.allowed.endswith("reference.parquet: income, region, score, bad")
