"""Outcomes are joined to scores by key; whatever does not fit is left out and counted."""

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_assets.performance.outcomes import CohortCounts, joined
from resources.errors import InputError
from resources.storage import open_storage
from tests.conftest import Lender

DAY = dt.date(2026, 9, 1)
SCORES = pd.DataFrame({"id": list("abcdefgh"), "score": [0.8, 0.1, 0.5, 0.3, 0.2, 0.9, 0.7, 0.6]})


@pytest.fixture
def join(lender, tmp_path):
    def run(told, scores=SCORES, key="id", kind="binary"):
        """Counts, and the (score, outcome) pairs in the order they come."""
        path = tmp_path / "scores.parquet"
        scores.to_parquet(path, index=False)
        storage = open_storage(lender.lake.root)
        for number, frame in enumerate(told if isinstance(told, list) else [told]):
            with storage.writing(f"o/{DAY}/{number}.parquet") as local:
                if isinstance(frame, pa.Table):
                    pq.write_table(frame, local)
                else:
                    frame.to_parquet(local, index=False)
        files = lender.lake.day_files("o/{date}/", DAY)
        with joined([path], "id", files, key, "bad", 0.0, 1.0, kind=kind) as cohort:
            run.looks = cohort.unmatched_keys
            rows = [
                pair
                for scores, outcomes, _ in cohort.by_score()
                for pair in zip(scores.tolist(), outcomes.tolist(), strict=True)
            ]
            return cohort.counts, rows

    return run


def told(**outcomes):
    return pd.DataFrame({"id": list(outcomes), "bad": pd.array(list(outcomes.values()), "Int64")})


def test_the_accepted_come_in_the_order_of_scores_with_what_is_known(join):
    counts, rows = join(told(a=1, b=0, c=None, d=0))
    assert rows == [(0.1, 0), (0.3, 0), (0.5, -1), (0.8, 1)]
    assert counts == CohortCounts(8, 4, 3, 1, 0, 0, 0, 0, 0)


def test_what_is_said_twice_counts_once_and_contradictions_do_not_count(join):
    first = told(a=1, b=0, c=None, d=0)
    again = told(a=1, b=1, c=0, d=0)
    counts, rows = join([first, again, told(b=0)])
    assert rows == [(0.1, -1), (0.3, 0), (0.5, 0), (0.8, 1)]
    assert (counts.accepted, counts.known, counts.bads) == (4, 3, 1)
    assert counts.duplicates == 3  # a, c and d; b disagrees
    assert counts.contradicting == 1


def test_numbers_are_joined_as_they_are(join):
    losses = pd.DataFrame({"id": [*"abcd"], "bad": [0.25, -0.1, None, 1.3]})
    counts, rows = join([losses, losses[:1], losses[3:].assign(bad=1.4)], kind="continuous")
    known = [(score, lost) for score, lost in rows if np.isfinite(lost)]
    assert known == [(0.1, -0.1), (0.8, 0.25)]
    assert len(rows) == 4
    assert (counts.accepted, counts.known, counts.bads) == (4, 2, None)
    assert (counts.duplicates, counts.contradicting) == (1, 1)


def test_keys_that_were_not_scored_are_counted(join):
    frame = pd.concat([told(a=1, x=0, y=1), pd.DataFrame({"id": [None], "bad": [0]})])
    counts, rows = join(frame)
    assert rows == [(0.8, 1)]
    assert (counts.accepted, counts.unmatched) == (1, 3)


def test_unmatched_keys_are_described_and_never_shown(join):
    scores = pd.DataFrame({"id": ["KÖLN-0417", "KÖLN-0418", "BONN-0001"], "score": [0.1, 0.2, 0.3]})
    outcomes = pd.DataFrame({"id": ["köln-417", "KÖLN-0418", "7 ", None], "bad": [1, 0, 0, 1]})
    counts, _ = join(outcomes, scores)
    assert (counts.accepted, counts.unmatched) == (1, 3)
    assert join.looks == (
        "unmatched keys look like '9 ', 'aaaa-999', null; those of scores without an outcome like "
        "'AAAA-9999' (A and a for letters, 9 for digits)"
    )


def test_keys_that_all_match_are_not_described(join):
    join(told(a=1, b=0))
    assert join.looks is None


def test_numbers_and_very_long_keys_have_a_shape_too(join):
    scores = pd.DataFrame({"id": [104_000, 105_000], "score": [0.1, 0.2]})
    join(pd.DataFrame({"id": [104, 105_000], "bad": [1, 0]}), scores)
    assert "look like '999'; those of scores without an outcome like '999999'" in join.looks
    scores["id"] = ["x" * 200, "y"]
    join(pd.DataFrame({"id": ["z", "y"], "bad": [1, 0]}), scores)
    assert f"without an outcome like '{'a' * 40}' (" in join.looks


def test_rows_without_one_score_in_range_are_left_out_and_counted(join):
    bad = [0.8, 1.5, np.nan, -0.1, np.inf, None, 0.4, 0.4]
    scores = pd.DataFrame({"id": ["a", "b", "c", "d", "e", "f", "g", "g"], "score": bad})
    counts, rows = join(told(a=1, b=1, c=1, d=1, e=1, f=1, g=1), scores)
    assert rows == [(0.8, 1)]
    assert (counts.scored, counts.accepted, counts.known, counts.bads) == (8, 7, 1, 1)
    assert (counts.out_of_range, counts.repeated) == (5, 1)


def test_rows_without_a_key_do_not_meet(join):
    scores = pd.DataFrame({"id": ["a", None], "score": [0.1, 0.2]})
    frame = pd.DataFrame({"id": ["a", None], "bad": [0, 1]})
    counts, rows = join(frame, scores)
    assert rows == [(0.1, 0)]
    assert (counts.scored, counts.accepted, counts.unmatched) == (2, 1, 1)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([True, False, None]),
        pa.array([1, 0, None], pa.int8()),
        pa.array([1.0, 0.0, float("nan")]),
        pa.array([decimal.Decimal(1), decimal.Decimal(0), None]),
        pa.array([1, 0, None], pa.uint64()).dictionary_encode(),
    ],
)
def test_an_outcome_may_be_a_boolean_or_a_number(join, values):
    _, rows = join(pa.table({"id": ["a", "b", "c"], "bad": values}))
    assert rows == [(0.1, 0), (0.5, -1), (0.8, 1)]


@pytest.mark.parametrize("values", [[0, 2, 31337], [0.0, 0.5, 31337.0], ["0", "1", "31337"]])
def test_another_value_is_named_with_file_and_column_but_not_shown(join, values):
    with pytest.raises(InputError) as raised:
        join(pd.DataFrame({"id": ["a", "b", "c"], "bad": values}))
    text = str(raised.value)
    assert f"o/{DAY}/0.parquet, column 'bad'" in text
    assert "allowed: 1 or true for a bad" in text
    assert "31337" not in text


@pytest.mark.parametrize(("frame", "field"), [("id", "outcome.column"), ("bad", "outcome.key")])
def test_a_column_that_is_not_there_is_named(join, frame, field):
    with pytest.raises(InputError, match=rf"0\.parquet: 0 columns .* \({field}\)"):
        join(told(a=1)[[frame]])


def test_a_file_that_is_no_parquet_is_named(join, lender, tmp_path):
    SCORES.to_parquet(tmp_path / "scores.parquet", index=False)
    open_storage(lender.lake.root).write(f"o/{DAY}/1.parquet", b"not Parquet")
    with pytest.raises(InputError, match=rf"o/{DAY}/1\.parquet: ArrowInvalid; allowed: a Parquet"):
        join(told(a=1))


def test_keys_are_read_as_the_scores_have_them(join):
    frame = told(a=1).assign(id=pd.array([7], "int32"))
    _, rows = join(frame, pd.DataFrame({"id": ["7", "8"], "score": [0.1, 0.2]}))
    assert rows == [(0.1, 1)]
    with pytest.raises(InputError, match="can be read as int64, the type that keys have in"):
        join(told(a=1), pd.DataFrame({"id": [7, 8], "score": [0.1, 0.2]}))


def test_the_key_of_the_outcomes_may_have_another_name(join):
    _, rows = join(told(a=1).rename(columns={"id": "applicant"}), key="applicant")
    assert rows == [(0.8, 1)]


def test_more_than_one_piece_is_put_in_order(join):
    size = 300_000
    random = np.random.default_rng(1)
    keys = np.arange(size).astype(str)
    scores = pd.DataFrame({"id": keys, "score": random.random(size)})
    outcomes = pd.DataFrame({"id": keys, "bad": random.random(size) < scores["score"]})
    shuffled = outcomes.sample(frac=1, random_state=2)
    counts, rows = join([shuffled[:100_000], shuffled[100_000:]], scores)
    order = np.argsort(scores["score"].to_numpy())
    assert np.array_equal([score for score, _ in rows], scores["score"].to_numpy()[order])
    assert np.array_equal([outcome for _, outcome in rows], outcomes["bad"].to_numpy()[order])
    assert counts.bads == outcomes["bad"].sum()


def test_outcomes_on_s3_are_read_in_place(s3_lender: Lender, tmp_path):
    SCORES.to_parquet(tmp_path / "scores.parquet", index=False)
    s3_lender.put(open_storage(s3_lender.lake.root), f"o/{DAY}.parquet", told(a=1, b=0))
    files = s3_lender.lake.day_files("o/{date}.parquet", DAY)
    with joined([tmp_path / "scores.parquet"], "id", files, "id", "bad", 0.0, 1.0) as cohort:
        assert (cohort.counts.known, cohort.counts.bads) == (2, 1)


def test_segments_come_with_their_rows_through_the_join(lender, tmp_path):
    """Row groups that DuckDB could read in any order: each row keeps its own segment."""
    size = 300_000
    random = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "id": np.arange(size).astype(str),
            "score": random.random(size),
            "branch": random.integers(0, 5, size).astype(np.uint8),
            "bad": random.integers(0, 2, size).astype(float),
        }
    )
    frame["region"] = (frame["score"] * 3).astype(np.uint8)
    # In parts whose names do not ascend: the order is that of the list.
    parts = [tmp_path / "z.parquet", tmp_path / "a.parquet"]
    for path, part in zip(parts, (frame[: size // 3], frame[size // 3 :]), strict=True):
        part[["id", "score"]].to_parquet(path, index=False, row_group_size=10_000)
    accepted = frame[frame["branch"] != 3].sample(frac=0.7, random_state=6)
    accepted = accepted.assign(bad=accepted["bad"].where(accepted["score"] > 0.1))
    lender.put(open_storage(lender.lake.root), f"o/{DAY}.parquet", accepted[["id", "bad"]])
    files = lender.lake.day_files("o/{date}.parquet", DAY)
    codes = {name: frame[name].to_numpy() for name in ("branch", "region")}
    with joined(parts, "id", files, "id", "bad", 0.0, 1.0, codes) as cohort:
        pieces = list(cohort.by_score())
        scores = np.concatenate([piece[0] for piece in pieces])
        found = np.concatenate([piece[2]["branch"] for piece in pieces])
        regions = np.concatenate([piece[2]["region"] for piece in pieces])
    expected = accepted.sort_values("score")
    assert np.array_equal(scores, expected["score"])
    assert np.array_equal(found, expected["branch"])
    assert np.array_equal(regions, (scores * 3).astype(np.uint8))
    for code in range(6):
        of, counts = accepted[accepted["branch"] == code], cohort.by_segment["branch"][code]
        assert counts.scored == (frame["branch"] == code).sum()
        assert (counts.accepted, counts.known) == (len(of), of["bad"].notna().sum())
        assert counts.bads == of["bad"].sum()
        assert counts.unmatched is None
    with (
        pytest.raises(ValueError, match="do not lie row by row"),
        joined(parts, "id", files, "id", "bad", 0.0, 1.0, {"branch": codes["branch"][1:]}),
    ):
        pass
