"""Scores of two versions are joined by key; whatever does not fit is left out and counted."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from monitoring_assets.performance.paired_scores import PairCounts, PairedScores, Side
from resources.duckdb_session import database
from resources.errors import InputError
from resources.manifest import Outcome
from resources.storage import open_storage

DAY = dt.date(2026, 9, 1)
OUTCOME = Outcome(path="o/{date}/", column="bad", maturity=30, min_share=0.5)


@pytest.fixture
def paired(lender, tmp_path):
    """Add a day of two versions, and give what was counted and the database."""
    with database() as connection:

        def add(first, second, told=None, day=DAY, direction=1):
            rows = PairedScores(
                connection,
                Side("a.1", "id", 0.0, 1.0, 1),
                Side("b.1", "key", 0.0, 1.0, direction),
            )
            paths = tmp_path / "first.parquet", tmp_path / "second.parquet"
            scores(first, "id").to_parquet(paths[0], index=False)
            # Objects are written as string, and others as large_string: the keys are the same.
            scores(second, "key").astype({"key": object}).to_parquet(paths[1], index=False)
            files = None
            if told is not None:
                frame = pd.DataFrame(told, columns=["id", "bad"]).astype({"bad": "Int64"})
                lender.put(open_storage(lender.lake.root), f"o/{day}/0.parquet", frame)
                files = lender.lake.day_files("o/{date}/", day)
            return rows.add(day, *([path] for path in paths), files, OUTCOME, 30), rows

        yield add


def scores(pairs, key):
    return pd.DataFrame(pairs, columns=[key, "score"])


def of_day(rows):
    columns = (column.tolist() for column in rows.of_day(DAY))
    return sorted(zip(*columns, strict=True))


def test_rows_of_both_are_joined_and_the_others_counted(paired):
    counts, rows = paired(
        [("a", 0.1), ("b", 0.2), ("c", 0.3), ("x", 0.4), ("y", 0.5)],
        [("c", 0.7), ("a", 0.9), ("b", 0.8), ("z", 0.6)],
        [("a", 1), ("b", 0), ("z", 1)],
    )
    assert of_day(rows) == [(0.1, 0.9, 1), (0.2, 0.8, 0), (0.3, 0.7, -1)]
    assert counts == PairCounts(
        first=5, second=4, only_first=2, only_second=1, common=3, accepted=2, known=2, bads=1
    )


def test_what_is_repeated_or_out_of_range_is_left_out(paired):
    counts, rows = paired(
        [("a", 0.1), ("a", 0.1), ("b", 0.2), ("c", float("nan")), ("d", 0.4), (None, 0.5)],
        [("a", 0.9), ("b", 1.8), ("c", 0.7), ("d", 0.6), (None, 0.5)],
    )
    assert of_day(rows) == [(0.4, 0.6, -1)]
    assert (counts.repeated, counts.out_of_range, counts.common) == (1, 2, 1)
    assert (counts.only_first, counts.only_second) == (0, 0)


def test_contradicting_outcomes_are_not_known_and_a_day_can_be_immature(paired):
    both = [("a", 0.1), ("b", 0.2), ("c", 0.3), ("d", 0.4)]
    counts, rows = paired(both, both, [("a", 1), ("a", 0), ("b", 1), ("c", 0)])
    assert (counts.accepted, counts.known, counts.bads) == (3, 2, 1)
    assert [outcome for *_, outcome in of_day(rows)] == [-1, 1, 0, -1]
    # Of four accepted one is known: less than half.
    counts, rows = paired(both, both, [("a", None), ("b", None), ("c", None), ("d", 0)])
    assert (counts.accepted, counts.known, counts.bads) == (4, 0, 0)
    assert {outcome for *_, outcome in of_day(rows)} == {-1}


def test_a_safe_score_is_turned(paired):
    _, rows = paired([("a", 0.1)], [("a", 0.9)], direction=-1)
    assert of_day(rows) == [(0.1, -0.9, -1)]


def test_keys_of_another_type_are_refused(paired):
    with pytest.raises(InputError, match="keys 'id' of type large_string"):
        paired([("a", 0.1)], [(1, 0.9)])


def test_decisions_bands_and_ranks_are_those_of_numpy(paired):
    random = np.random.default_rng(1)
    one, other = random.random((2, 500)).round(2)  # with ties
    bad = random.integers(0, 2, 500)
    ids = [str(number) for number in range(500)]
    _, rows = paired(
        list(zip(ids, one, strict=True)),
        list(zip(ids, other, strict=True)),
        list(zip(ids[:400], bad[:400], strict=True)),
    )
    known = np.arange(500) < 400
    decided = rows.decided((0.5, 0.25))
    bands = rows.in_bands(([0.3, 0.6], [0.5]))
    for x in (0, 1):
        for y in (0, 1):
            cell = ((one < 0.5) == x) & ((other < 0.25) == y)
            expected = [cell.sum(), (cell & known).sum(), bad[cell & known].sum()]
            assert decided[:, x, y].tolist() == expected
    at = np.digitize(one, [0.3, 0.6], right=True), np.digitize(other, [0.5], right=True)
    expected = np.zeros((3, 2))
    np.add.at(expected, at, 1)
    assert bands[0].tolist() == expected.tolist()
    assert rows.at_ranks("first", [1, 250, 500]) == np.sort(one)[[0, 249, 499]].tolist()
    assert rows.below("second", 0.25) == (other < 0.25).sum()
    means = [one[known & (at[0] == band)].mean() for band in range(3)]
    assert rows.mean_by_band("first", [0.3, 0.6]) == pytest.approx(means)
