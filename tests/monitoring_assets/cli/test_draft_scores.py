"""The scores of a draft's sample, by its column and by the model."""

import pandas as pd
import pytest

from monitoring_assets.cli.draft_scores import sample_scores
from tests.conftest import rows, sigmoid_of_log_income


@pytest.fixture
def sample(tmp_path):
    def write(frame):
        frame.to_parquet(tmp_path / "sample.parquet", index=False)
        return tmp_path / "sample.parquet"

    return write


@pytest.mark.parametrize(
    ("scores", "lowest", "highest"),
    [
        ([0.01, 0.4], 0.0, 1.0),
        ([0.0, 1.0], 0.0, 1.0),
        ([312, 844], 0.0, 1400.0),
        ([612.0, 844.0, None], 300.0, 1100.0),
        ([-4.2, 3.1], -12.0, 11.0),
        ([0.5, 1.5], 0.0, 3.0),
        ([7.0, 7.0], 6.0, 8.0),
        ([0.2, float("inf")], 0.0, 1.0),
    ],
)
def test_the_range_has_room_for_other_days(sample, scores, lowest, highest):
    found = sample_scores(sample(pd.DataFrame({"points": scores})), "points", None, [])
    assert (found.lowest, found.highest) == (lowest, highest)
    assert found.lowest <= min(one for one in scores if one is not None)
    assert not found.warnings


@pytest.mark.parametrize("scores", [[None, None], ["high", "low"]])
def test_without_numbers_a_probability_is_assumed(sample, scores):
    frame = pd.DataFrame({"points": scores})
    found = sample_scores(sample(frame), "points", None, [])
    assert (found.lowest, found.highest) == (0.0, 1.0)
    assert "no number is in it" in found.why


def test_a_model_scores_the_sample(sample):
    model = sigmoid_of_log_income()
    found = sample_scores(sample(rows(1)), None, model, ["income", "region"])
    expected = rows(1)["score"]
    assert f"{expected.min():.4g} to {expected.max():.4g}" in found.why
    assert not found.warnings


def test_a_model_that_gives_the_samples_score_but_for_rounding_is_that_model(sample):
    frame = rows(1).assign(score=lambda f: f["score"].round(2))
    found = sample_scores(sample(frame), "score", sigmoid_of_log_income(), ["income", "region"])
    assert not found.warnings


def test_a_model_that_gives_other_scores_is_noticed(sample):
    frame = rows(1).assign(score=lambda f: 1 - f["score"])
    found = sample_scores(sample(frame), "score", sigmoid_of_log_income(), ["income", "region"])
    (warning,) = found.warnings
    assert "the model does not give the sample's score in 3" in warning  # of 400, most


def test_a_model_that_does_not_run_is_noticed(sample):
    model = sigmoid_of_log_income()
    with_score = sample_scores(sample(rows(1)), "score", model, ["income"])
    assert "the model does not run on the sample: the ONNX graph's inputs" in with_score.warnings[0]
    without = sample_scores(sample(rows(1)), None, model, ["income"])
    assert "the model did not run on the sample: the ONNX graph's inputs" in without.why
