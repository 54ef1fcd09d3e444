"""What the made-up lender decides follows from the score, but for people and those who wait."""

import numpy as np
import pyarrow as pa
import pytest

from monitoring_assets.demo.decisions import DRAWN, OVERRIDDEN, SECTION, WAITING, decide


def test_shares_are_those_that_are_written():
    random = np.random.default_rng(3)
    scores = random.random(20_000)
    table = pa.table(decide(random, scores, pa.array([1000.0] * 20_000), 0.4)).to_pandas()
    assert [*table] == [SECTION[name] for name in ("column", "booked", "override", "amount")]
    decided = table["decision"].notna()
    accepted = table["decision"] == "accept"
    by_score = (accepted == (scores <= 0.4))[decided]
    assert 1 - by_score.mean() == pytest.approx(OVERRIDDEN, abs=0.005)
    assert (~by_score).tolist() == table.loc[decided, "overridden"].tolist()
    assert 1 - decided.mean() == pytest.approx(WAITING, abs=0.003)
    assert table.loc[accepted, "drawn"].mean() == pytest.approx(DRAWN, abs=0.01)
    assert not table.loc[~accepted, "drawn"].any()
    assert {*table["limit_offered"]} == {500.0, 1000.0}
