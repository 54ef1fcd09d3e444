"""Decisions of the parts of a day add up to those of the day, or say why there are none."""

import numpy as np

from monitoring_assets.engines.decision_counts import DecisionCells, count_decided
from monitoring_assets.statistics.decisions.columns import YES, DecisionColumns
from monitoring_assets.statistics.profiles.source import ParquetSource
from tests.conftest import rows

CELLS = DecisionCells(DecisionColumns("approved", YES, amount="asked"), (0.4, 0.6), (0.5,))


def files(folder, name, frame):
    features, scores = (folder / f"{of}-{name}.parquet" for of in ("features", "scores"))
    frame.drop(columns="score").to_parquet(features, row_group_size=512)
    frame[["loan_id", "score"]].to_parquet(scores, row_group_size=512)
    return ParquetSource([features]), ParquetSource([scores])


def day():
    frame = rows(7, 3000)
    asked = np.random.default_rng(1).integers(1, 9, len(frame)).astype(float)
    return frame.assign(approved=frame["score"] < 0.45, asked=asked)


def test_parts_add_up(tmp_path):
    whole = count_decided(CELLS, *files(tmp_path, "whole", day()))
    one, none, other = (
        count_decided(CELLS, *files(tmp_path, str(start), day()[start:end]))
        for start, end in ((0, 700), (700, 700), (700, 3000))
    )
    found = one + none + other
    assert found.error is None
    assert found.counts.to_table().equals(whole.counts.to_table())
    assert whole.counts.totals["scored"] == 3000


def test_a_fault_of_a_part_is_one_of_the_day(tmp_path):
    good = count_decided(CELLS, *files(tmp_path, "good", day()[:700]))
    without = count_decided(CELLS, *files(tmp_path, "bad", day()[700:].drop(columns="asked")))
    for found in (good + without, without + good):
        assert found.counts is None
        assert found.error == "batch: column 'asked' (decisions.amount): the column is missing"
