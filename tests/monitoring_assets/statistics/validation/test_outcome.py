"""The policy's lights."""

from dataclasses import replace

import pytest

from monitoring_assets.statistics.validation.outcome import LIGHTS_IN_WORDS, TestOutcome


@pytest.mark.parametrize(
    ("p_value", "light"),
    [
        (1.0, "green"),
        (0.05, "green"),
        (0.049, "amber"),
        (0.01, "amber"),
        (0.009, "red"),
        (0.0, "red"),
        (None, "not computed"),
    ],
)
def test_a_p_value_has_a_light(p_value, light):
    outcome = TestOutcome("Jeffreys", "the rate is at most the predicted one", "ECB")
    assert replace(outcome, p_value=p_value).light == light


def test_the_policy_is_said():
    assert LIGHTS_IN_WORDS == "amber under a p-value of 0.05, red under 0.01"
