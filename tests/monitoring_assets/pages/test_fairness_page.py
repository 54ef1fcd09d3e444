"""The page of protected groups."""

import datetime as dt
import re

import pytest

from monitoring_assets.pages.fairness_page import WIDTH, fairness_page
from monitoring_assets.periods.fairness import ColumnFairness, FairnessReport
from monitoring_assets.statistics.performance.intervals import Estimate, absent
from monitoring_assets.statistics.validation.fairness import Figure

DAY = dt.date(2026, 1, 1)


@pytest.fixture
def report():
    figures = (
        Figure("rows", "men", None, Estimate(1_200)),
        Figure("rows", "<b>women</b>", None, Estimate(900)),
        Figure("rows", None, None, absent("fewer than 30 rows")),
        Figure("adverse-impact ratio", "men", 0.1, absent("the reference group")),
        Figure(
            "adverse-impact ratio",
            "<b>women</b>",
            0.1,
            Estimate(0.7, None, 0.6, 0.8),
            0.0004,
            "under four fifths, beyond chance",
        ),
        Figure("adverse-impact ratio", None, 0.1, absent("fewer than 30 rows")),
    )
    column = ColumnFairness("sex", "men", True, figures)
    return FairnessReport("pd_cards.3", DAY, DAY, 30, (0.1,), 1, 1, {}, 7, (column,))


def test_it_has_each_group_with_its_interval_to_scale_or_its_reason(report):
    page = fairness_page(report)
    assert "&lt;b&gt;women&lt;/b&gt;" in page
    assert "<b>women" not in page
    for words in ("1,200", "0.600 to 0.800", "p = 0.0004", "fewer than 30 rows", "(not known)"):
        assert words in page
    # The scale goes from the interval's low end, 0.6, to no difference, 1.
    ((low, high),) = re.findall(r'd="M([\d.]+) 8H([\d.]+)"', page)
    assert [float(low), float(high)] == pytest.approx([0, WIDTH / 2])
    (dot,) = re.findall(r'cx="([\d.]+)"', page)
    assert float(dot) == pytest.approx(WIDTH / 4)
    assert len(re.findall(r'<line class="reference"', page)) == 2


def test_the_policys_words_come_first(report):
    page = fairness_page(report)
    said = "adverse-impact ratio at 0.1 0.700, under four fifths, beyond chance."
    assert page.index(said) < page.index("<h2>sex</h2>")
