"""The page of champion and challenger."""

from html.parser import HTMLParser

import pytest

from monitoring_assets.pages.comparison_page import comparison_page
from monitoring_assets.periods.champion_challenger import compare_versions
from tests.monitoring_assets.conftest import CHALLENGER, KEY


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def page(challenged):
    def of(first, last):
        return comparison_page(
            compare_versions(
                challenged.store, challenged.lender.lake, KEY, CHALLENGER, first, last, 30, 0.5
            )
        )

    return of


def test_it_has_charts_tables_and_a_grid_of_all_rows(page, challenged):
    text = page(challenged.days[0], challenged.days[-1])
    parser = Tags()
    parser.feed(text)
    labels = [attrs["aria-label"] for tag, attrs in parser.found if tag == "svg"]
    assert len(labels) == 5  # AUC, difference, calibration of both, grid
    assert sum(tag == "rect" for tag, _ in parser.found) == 100
    for words in ("Swap set", "swapped out", "Cohen's kappa", "in points", "AUC by day"):
        assert words in text.replace("&#39;", "'")
    for day in challenged.days[:3]:
        assert f'<td class="date">{day}</td>' in text


def test_a_long_range_is_by_month(page, challenged):
    text = page(challenged.days[0].replace(year=challenged.days[0].year - 1), challenged.days[-1])
    assert "AUC by month" in text


def test_without_outcomes_it_says_why_and_shows_the_rest(page, challenged):
    text = page(challenged.days[-1], challenged.days[-1])
    assert "has mature outcomes after 30 days" in text
    assert "AUC by" not in text
    assert "Calibration" not in text
    assert "Scores side by side" in text
