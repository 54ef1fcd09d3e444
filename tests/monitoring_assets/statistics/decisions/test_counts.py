"""Decisions by score against pandas, in parts, and their rates."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_assets.statistics.decisions.columns import (
    DecisionColumns,
)
from monitoring_assets.statistics.decisions.counts import (
    AMOUNTS,
    COUNTS,
    DecisionCounts,
    count_decisions,
    rate,
    together,
)
from monitoring_assets.statistics.profiles.source import ParquetSource

COLUMNS = DecisionColumns("decision", frozenset({"A", "A2"}), "drawn", "override", "asked")
BANDS = (0.2, 0.5)
GRID = (0.1, 0.2, 0.3, 0.6)


@pytest.fixture
def frame():
    random = np.random.default_rng(4)
    size = 1000
    asked = random.lognormal(8, 1, size)
    asked[:7] = np.nan
    scores = random.random(size).round(2)  # many on an edge
    scores[-5:] = [np.nan, np.inf, -np.inf, np.nan, np.nan]
    return pd.DataFrame(
        {
            "decision": random.choice(["A", "A2", "D", None], size),
            "drawn": random.choice([True, False, None], size),
            "override": random.choice([1.0, 0.0, np.nan], size),
            "asked": asked,
            "score": scores,
        }
    )


def source(tmp_path, table, name="rows"):
    file = tmp_path / f"{name}.parquet"
    pq.write_table(table, file, row_group_size=300)
    return ParquetSource([file])


def counted(tmp_path, table, columns=COLUMNS):
    rows = source(tmp_path, table)
    return count_decisions(rows, columns, scores=rows, score_column="score", bands=BANDS, grid=GRID)


def by_hand(frame):
    """The same figures by band, by pandas."""
    known = frame[np.isfinite(frame["score"])]
    approved = known["decision"].isin(["A", "A2"])
    override, drawn = known["override"] == 1, known["drawn"].eq(True)
    declined = ~approved & known["decision"].notna()
    columns = {
        "scored": True,
        "undecided": known["decision"].isna(),
        "approved": approved,
        "booked": approved & drawn,
        "low_side": approved & override,
        "high_side": declined & override,
        "with_amount": known["asked"].notna(),
        "amount": known["asked"].fillna(0.0),
        "approved_amount": known["asked"].fillna(0.0).where(approved, 0.0),
    }
    bands = pd.cut(known["score"], [-np.inf, *BANDS, np.inf])
    return pd.DataFrame(columns, index=known.index).groupby(bands, observed=False).sum()


def test_bands_are_counted_as_by_pandas(tmp_path, frame):
    found, expected = counted(tmp_path, pa.Table.from_pandas(frame)), by_hand(frame)
    for name in COUNTS:
        assert found.by_band(found.counts[name]).tolist() == expected[name].tolist()
    for name in AMOUNTS:
        assert found.amount_by_band(name) == pytest.approx(expected[name].to_numpy())
    assert found.left_out == 5
    assert found.totals["scored"] == 995


def test_cells_are_cut_at_bands_and_grid(tmp_path, frame):
    found = counted(tmp_path, pa.Table.from_pandas(frame))
    assert found.cells == (0.1, 0.2, 0.3, 0.5, 0.6)
    assert found.band_of_cell.tolist() == [0, 0, 1, 1, 2, 2]
    cells = np.histogram(frame["score"].to_numpy(), [-1, 0.1 + 1e-9, 0.2 + 1e-9])[0]
    assert found.counts["scored"][:2].tolist() == cells.tolist()


def test_parts_add_up_and_a_table_keeps_all(tmp_path, frame):
    whole = counted(tmp_path, pa.Table.from_pandas(frame))
    parts = [counted(tmp_path, pa.Table.from_pandas(part)) for part in (frame[:400], frame[400:])]
    read = DecisionCounts.from_table(whole.to_table(), whole.left_out)
    for same in (parts[0] + parts[1], together(parts), read):
        assert same.is_like(whole)
        assert same.left_out == whole.left_out
        for name in COUNTS:
            assert same.counts[name].tolist() == whole.counts[name].tolist()
        for name in AMOUNTS:
            assert same.amounts[name] == pytest.approx(whole.amounts[name])


def test_what_is_not_declared_is_not_counted(tmp_path, frame):
    found = counted(
        tmp_path,
        pa.Table.from_pandas(frame),
        DecisionColumns("decision", frozenset("A")),
    )
    assert found.counts.keys() == {"scored", "undecided", "approved"}
    assert found.amount_by_band("amount") is None
    table = found.to_table()
    assert table["booked"].null_count == len(table)
    assert DecisionCounts.from_table(table, 0).counts.keys() == found.counts.keys()
    both = found + counted(tmp_path, pa.Table.from_pandas(frame))
    assert both.counts.keys() == found.counts.keys()


def test_days_in_other_cells_are_left_out(tmp_path, frame):
    old = counted(tmp_path, pa.Table.from_pandas(frame))
    new = DecisionCounts((0.3,), (0.3,), {"scored": np.array([1, 2])}, {})
    assert together([old, new, new]).totals["scored"] == 6
    assert together([]) is None
    with pytest.raises(ValueError, match="other cells"):
        old + new


def test_rates_of_overrides_are_of_those_that_the_score_decided_otherwise():
    # 100 decided; the score alone would approve 60 - 5 + 10 = 65 and decline 35.
    rows = dict(zip(COUNTS, (110, 10, 60, 45, 5, 10, 0), strict=True))
    assert rate(rows, "approved") == 0.6
    assert rate(rows, "booked") == 0.75
    assert rate(rows, "low_side") == pytest.approx(5 / 35)
    assert rate(rows, "high_side") == pytest.approx(10 / 65)
    assert rate({"scored": 4, "undecided": 4, "approved": 0}, "approved") is None
    assert rate({"scored": 4, "undecided": 0, "approved": 0}, "booked") is None
