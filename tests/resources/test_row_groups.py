"""Batches as row groups."""

import pyarrow as pa
import pytest

from resources.row_groups import ROW_GROUP_ROWS, row_groups

HALF = ROW_GROUP_ROWS // 2


def batches(*lengths):
    return [pa.record_batch({"x": pa.nulls(length)}) for length in lengths]


@pytest.mark.parametrize(
    ("lengths", "groups"),
    [
        ([HALF, HALF, 5], [ROW_GROUP_ROWS, 5]),
        ([HALF, HALF], [ROW_GROUP_ROWS]),
        ([1, ROW_GROUP_ROWS * 3], [ROW_GROUP_ROWS * 3 + 1]),
        ([0, 7, 0], [7]),
        ([0], [0]),
        ([], []),
    ],
)
def test_no_row_is_lost_and_no_group_is_small_but_the_last(lengths, groups):
    assert [len(table) for table in row_groups(batches(*lengths))] == groups
