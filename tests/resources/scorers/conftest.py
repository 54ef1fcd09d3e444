"""Fixtures of the scorers' tests."""

import pytest

from tests.resources.scorers.bench import scorer_of


@pytest.fixture
def score(lender, tmp_path):
    """Score a frame at a local lender."""
    return scorer_of(lender, tmp_path)


@pytest.fixture
def score_anywhere(any_lender, tmp_path):
    """Score a frame at a local lender, then at one on S3."""
    return scorer_of(any_lender, tmp_path)
