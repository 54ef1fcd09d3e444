"""Flavour ``scored``: files as production writes them."""

import numpy as np
import pandas as pd
import pytest

from resources.scorers.base import ScoringError
from resources.scorers.scored import ScoredScoring
from resources.storage import open_storage
from tests.conftest import YESTERDAY
from tests.resources.scorers.bench import FEATURES
from tests.resources.scorers.contract import ScorerContract

SCORES = {"flavour": "scored", "path": "scores/{date}/"}


def deliver_scores(lender, *frames):
    for number, frame in enumerate(frames):
        path = f"scores/{YESTERDAY}/part-{number}.parquet"
        lender.put(open_storage(lender.lake.root), path, frame)


def test_scores_of_production_are_put_beside_the_features(any_lender, score_anywhere):
    frame = pd.DataFrame({"loan_id": list("edcba"), "score": [5, 4, 3, 2, 1], "day": YESTERDAY})
    deliver_scores(any_lender, frame.head(2), frame.tail(3))
    assert score_anywhere(SCORES) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_scores_of_production_that_are_not_there_or_do_not_fit_are_named(
    any_lender, score_anywhere
):
    with pytest.raises(Exception, match=f"no file at .*scores/{YESTERDAY}/"):
        score_anywhere(SCORES)
    deliver_scores(any_lender, pd.DataFrame({"loan_id": list("abcde"), "pd": 0.5}))
    with pytest.raises(ScoringError, match=r"part-0.parquet: no column \['score'\]"):
        score_anywhere(SCORES)
    deliver_scores(any_lender, pd.DataFrame({"loan_id": list("abcde"), "score": "high"}))
    with pytest.raises(ScoringError, match=r"part-0.parquet: score is .*string, not a number"):
        score_anywhere(SCORES)
    deliver_scores(any_lender, pd.DataFrame({"loan_id": list("abcd"), "score": 0.5}))
    with pytest.raises(ScoringError, match=r"part-0.parquet: 4 rows scored; the features have 5"):
        score_anywhere(SCORES)


def test_score_files_whose_numbers_and_keys_differ_in_width_are_one(any_lender, score_anywhere):
    features = FEATURES.assign(loan_id=[1, 2, 3, 4, 5])
    frames = [
        pd.DataFrame({"loan_id": np.array([5, 4, 3], "int32"), "score": np.float32([5, 4, 3])}),
        pd.DataFrame({"loan_id": [1, 2], "score": [1.0, 2.0], "why": ["a", "b"]}),
    ]
    deliver_scores(any_lender, *frames)
    assert score_anywhere(SCORES, features=features) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_score_file_that_cannot_be_read_is_named(any_lender, score_anywhere):
    frame = pd.DataFrame({"loan_id": list("abcde"), "score": 0.5})
    deliver_scores(any_lender, frame, frame)
    lake = open_storage(any_lender.lake.root)
    path = f"scores/{YESTERDAY}/part-1.parquet"
    whole = lake.read(path)
    # No file of Parquet at all; a good footer over pages that are not.
    for broken in (b"junk", b"", b"PAR1" + bytes(200) + whole[204:]):
        lake.write(path, broken)
        with pytest.raises(ScoringError, match=r"part-1.parquet: not a readable Parquet file"):
            score_anywhere(SCORES)


class TestContract(ScorerContract):
    scorer = ScoredScoring

    def land(self, lender, features):
        deliver_scores(lender, features[["loan_id"]].assign(score=features["age"]))
        return SCORES, b""

    def land_short(self, lender, features):
        return self.land(lender, features[1:])
