"""The figures of periods against profiles of the same rows."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_assets.periods.calendar import Period, periods
from monitoring_assets.periods.roll_up import roll_up
from monitoring_assets.reference.profile import read_reference
from monitoring_assets.statistics.drift.stability import stability_index
from monitoring_assets.statistics.profiles.profile import ParquetSource, count
from tests.monitoring_assets.conftest import KEY


def whole(scored):
    return Period("all", scored.days[0], scored.days[-1])


def test_indices_are_those_of_all_rows_together(scored, tmp_path):
    (found,) = roll_up(scored.store, KEY, [whole(scored)], 30)
    frame = pd.concat(scored.frames.values())
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "all.parquet")
    reference = read_reference(scored.store, KEY)
    profile = count(ParquetSource(tmp_path / "all.parquet"), reference.bins)
    assert (found.days, found.rows) == (4, len(frame))
    assert {one.column for one in found.columns} == {"score", "income", "region"}
    for one in found.columns:
        expected = stability_index(
            reference.columns[one.column].counts, profile.columns[one.column].counts
        )
        assert one.value == pytest.approx(expected, rel=1e-12)
        assert (one.days, one.rows) == (4, len(frame))
    assert found.psi.column == "score"
    assert found.worst.value == max(one.value for one in found.columns if one.index == "CSI")


def test_each_period_has_its_days(scored):
    found = list(roll_up(scored.store, KEY, list(periods(*scored.days[::3], "day")), 30))
    assert {one.period.first for one in found if one.days} == {*scored.days}
    assert {one.period.first for one in found if one.performance} == {*scored.days[:3]}
    empty = next(one for one in found if not one.days)
    assert (empty.rows, empty.columns, empty.incidents, empty.psi) == (0, (), (), None)


def test_incidents_are_those_that_opened(scored):
    (found,) = roll_up(scored.store, KEY, [whole(scored)], 30)
    decided = {
        (day, row["family"])
        for day in scored.days
        for row in scored.store.read_table("alerts", KEY, day)[0].to_pylist()
        if row["action"] == "open" and row["joins"] is None
    }
    assert {(one.day, one.family) for one in found.incidents} == decided
