"""Protected groups are joined by key and counted; what does not fit is refused without a value."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from monitoring_assets.performance.protected_groups import DayGroups, count_groups
from resources import layout
from resources.errors import InputError
from resources.manifest import parse_manifest
from resources.storage import open_storage

DAY = dt.date(2026, 9, 1)
TODAY = dt.date(2026, 11, 1)
SCORES = pd.DataFrame({"loan_id": list("abcdef"), "score": [0.1, 0.2, 0.3, 0.4, 0.5, 1.5]})
EDGES = np.array([0.15, 0.35])


@pytest.fixture
def count(lender):
    """Counts of a day whose scores are `SCORES`, for a table of protected columns."""

    def run(table, *, scores=SCORES, today=TODAY, in_parts=False, **changes):
        fields = lender.manifest("pd_cards", "1", fairness={"columns": ["sex"]}) | changes
        manifest = parse_manifest(yaml.safe_dump(fields), "model.yaml")
        store, where = lender.store, ("scores", "pd_cards.1", DAY)
        paths = [layout.part(*where, 0), layout.part(*where, 1)]
        parts = [scores[:2], scores[2:]] if in_parts else [scores]
        for path, part in zip(
            paths if in_parts else [layout.partition(*where)], parts, strict=True
        ):
            with store.storage.writing(path) as local:
                part.to_parquet(local, index=False)
        store.keep_only(*where, len(parts) if in_parts else None)
        with open_storage(lender.lake.root).writing(f"pd_cards/{DAY}.parquet") as local:
            if isinstance(table, pd.DataFrame):
                table.to_parquet(local, index=False)
            else:
                pq.write_table(table, local)
        return count_groups(lender.store, lender.lake, manifest, EDGES, DAY, today)

    return run


def batch(**columns):
    return pd.DataFrame({"loan_id": list("abcdef")} | columns)


def cells(groups):
    return {name: one.cells.tolist() for name, one in groups.items()}


def test_rows_are_counted_by_group_and_cell(count):
    found = count(batch(sex=["f", "m", "f", None, "m", "m"]))
    assert cells(found.scored["sex"]) == {"f": [1, 1, 0], "m": [0, 1, 1], None: [0, 0, 1]}
    assert found.left_out == 1  # the score of 1.5
    women = found.scored["sex"]["f"]
    assert (women.score, women.squares) == pytest.approx((0.4, 0.1))


def test_scores_in_parts_are_counted_as_in_one_file(count):
    rows = batch(sex=["f", "m", "f", None, "m", "m"])
    assert cells(count(rows, in_parts=True).scored["sex"]) == cells(count(rows).scored["sex"])


def test_the_order_of_the_batch_does_not_matter(count):
    rows = batch(sex=["f", "m", "f", None, "m", "m"])
    assert cells(count(rows[::-1]).scored["sex"]) == cells(count(rows).scored["sex"])


def test_a_key_that_is_not_there_or_says_two_things_is_of_no_known_group(count):
    table = pd.DataFrame({"loan_id": list("aabccx"), "sex": ["f", "m", "m", "f", None, "f"]})
    found = count(table)
    assert cells(found.scored["sex"]) == {"f": [0, 1, 0], "m": [0, 1, 0], None: [1, 0, 2]}


@pytest.mark.parametrize(
    ("values", "groups"),
    [
        (pa.array(list("fmfmfm")).dictionary_encode(), {"f", "m"}),
        (pa.array([1, 2, 1, 2, 1, None], pa.int8()), {"1", "2"}),
        (pa.array([1.0, 2.0, 1.0, float("nan"), None, 2.0]), {"1", "2"}),
        (pa.array([True, False, True, None, True, False]), {"true", "false"}),
        (pa.array([None] * 6, pa.null()), set()),
    ],
)
def test_categories_of_any_writer_are_texts(count, values, groups):
    found = count(pa.table({"loan_id": list("abcdef"), "sex": values}))
    assert set(found.scored["sex"]) == groups | {None}


def test_bands_cut_numbers_and_a_value_at_an_edge_is_over_it(count):
    fairness = {"columns": ["age"], "bands": {"age": [25, 40]}}
    found = count(batch(age=[24.9, 25, 39, 40, np.nan, 70]), fairness=fairness)
    assert cells(found.scored["age"]) == {
        "25 to under 40": [0, 2, 0],
        "40 and over": [0, 0, 1],
        "under 25": [1, 0, 0],
        None: [0, 0, 1],
    }


@pytest.mark.parametrize(
    ("values", "bands", "said"),
    [
        ([21.5] * 6, {}, "found double with fractions; allowed: text, whole numbers or booleans"),
        (["secret"] * 6, {"sex": [25]}, "string; allowed: numbers"),
        ([dt.date(2000, 1, 1)] * 6, {}, r"found date32\[day\]; allowed: text"),
    ],
)
def test_a_column_of_another_kind_is_refused_without_a_value(count, values, bands, said):
    with pytest.raises(InputError, match=said) as raised:
        count(batch(sex=values), fairness={"columns": ["sex"], "bands": bands})
    assert "column 'sex' (fairness.columns)" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_an_identifier_is_no_group(count):
    keys = [f"key{number}" for number in range(30)]
    scores = pd.DataFrame({"loan_id": keys, "score": 0.5})
    with pytest.raises(InputError, match="found 30 values; allowed: at most 20"):
        count(pd.DataFrame({"loan_id": keys, "sex": keys}), scores=scores)


def test_keys_of_something_else_are_refused(count):
    with pytest.raises(InputError, match="found none of the keys that were scored"):
        count(pd.DataFrame({"loan_id": ["x", "y"], "sex": ["f", "m"]}))


def test_rows_of_the_day_are_taken_of_a_table_of_many(count):
    rows = batch(sex=["f", "m", "f", "m", "m", "m"], day=[DAY] * 3 + [TODAY] * 3)
    of_table = {
        "batch": {"path": f"pd_cards/{DAY}.parquet", "key": "loan_id", "date_column": "day"}
    }
    found = count(rows, **of_table)
    assert cells(found.scored["sex"]) == {"f": [1, 1, 0], "m": [0, 1, 0], None: [0, 0, 2]}


def test_goods_and_bads_are_counted_once_enough_are_known(count, lender):
    outcome = {"path": "o/{date}.parquet", "column": "bad_{horizon}", "maturity": [30, 60, 90]}
    told = pd.DataFrame(
        {"loan_id": list("abde"), "bad_30": [0, 1, 0, 1], "bad_60": [0, 1, 1, None]}
    )
    lender.put(open_storage(lender.lake.root), f"o/{DAY}.parquet", told)
    found = count(batch(sex=["f", "m", "f", None, "m", "m"]), outcome=outcome)
    known = found.known[30]["sex"]
    assert {name: (one.goods.total, one.bads.total) for name, one in known.items()} == {
        "f": (1, 0),
        "m": (0, 2),
        None: (1, 0),
    }
    assert found.waiting == {
        60: "3 of 4 outcomes are known, fewer than outcome.min_share, 0.95",
        90: "due on 2026-11-30",
    }


def test_counts_survive_being_stored(count, lender):
    outcome = {"path": "o/{date}.parquet", "column": "bad", "maturity": 30}
    told = pd.DataFrame({"loan_id": list("abde"), "bad": [0, 1, 0, 1]})
    lender.put(open_storage(lender.lake.root), f"o/{DAY}.parquet", told)
    found = count(batch(sex=["f", "m", "f", None, "m", "m"]), outcome=outcome)
    again = DayGroups.from_table(found.to_table(), found.left_out, found.waiting)
    assert again.to_table() == found.to_table()
    assert cells(again.scored["sex"]) == cells(found.scored["sex"])
    assert set(again.known) == {30}
