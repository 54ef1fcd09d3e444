"""Thresholds, and what is over them beyond chance."""

import numpy as np
import pytest

from monitoring_assets.statistics.drift.thresholds import (
    AtOddsError,
    Limits,
    Thresholds,
    is_beyond,
    status_of,
)


@pytest.mark.parametrize("bad", [(0.3, 0.2), (0, 1), (0.1, 0.2, 0), (0.1, 0.2, 1)])
def test_bad_thresholds(bad):
    with pytest.raises(ValueError, match=r"needed|between"):
        Thresholds(*bad)


def test_limits_at_odds_name_the_field_what_it_holds_and_what_it_may():
    with pytest.raises(AtOddsError) as raised:
        Limits(0.3, 0.2)
    assert raised.value.faults == (("warn", 0.3, "at most `fail`, 0.2"),)


def test_the_middle_lies_between_both_limits():
    assert Thresholds(0.1, 0.25).middle == pytest.approx(0.175)
    assert Thresholds(0.2, 0.2).middle == 0.2


@pytest.mark.parametrize(
    ("value", "p", "status"),
    [
        (0.099, 0.0, "ok"),
        (0.1, 1e-3, "warn"),
        (0.249, 0.0, "warn"),
        (0.25, 1e-3, "fail"),
        (0.1, 1.1e-3, "insufficient evidence"),
        (9.0, 1.1e-3, "insufficient evidence"),
    ],
)
def test_a_status_is_of_the_value_unless_chance_explains_it(value, p, status):
    assert status_of(value, p, Limits(0.1, 0.25), 1e-3) == status


def test_numbers_and_arrays_have_one_rule():
    value, p = np.array([0.2, 0.3, 0.3, np.nan]), np.array([0.0, 0.0, 0.5, np.nan])
    found = is_beyond(value, p, 0.25, 0.01)
    assert found.tolist() == [False, True, False, False]
    assert [is_beyond(v, q, 0.25, 0.01) for v, q in zip(value, p, strict=True)] == found.tolist()
