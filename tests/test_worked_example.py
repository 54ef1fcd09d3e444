"""docs/statistics.md: the example that is worked by hand is what the product computes."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from monitoring_assets.statistics.drift.drift import judge_counts
from monitoring_assets.statistics.drift.stability import StabilityIndex, contributions
from monitoring_assets.statistics.drift.thresholds import Thresholds

PAGE = Path(__file__).parents[1] / "docs" / "statistics.md"
REFERENCE, DAY = np.array([500, 300, 200]), np.array([60, 80, 60])


def test_the_table_is_right():
    section = PAGE.read_text().split("### By hand\n")[1].split("\n## ")[0]
    lines = re.findall(r"^\| ([123]) \| (.+) \|$", section, re.MULTILINE)
    assert len(lines) == len(REFERENCE)
    added = contributions(REFERENCE, DAY)
    for (_, cells), before, after, adds in zip(lines, REFERENCE, DAY, added, strict=True):
        reference, day = (before + 0.5) / 1001.5, (after + 0.5) / 201.5
        expected = reference, day, day - reference, math.log(day / reference), adds
        assert [float(cell) for cell in cells.split(" | ")] == pytest.approx(expected, abs=6e-6)
    found = judge_counts(REFERENCE, DAY, Thresholds(), StabilityIndex())
    assert f"**{found.value:.5f}**" in section
    assert f"= {found.critical_value:.4f} once in 1,000 days" in section
    assert f"`{found.status}`." in section.replace("\n", " ")
