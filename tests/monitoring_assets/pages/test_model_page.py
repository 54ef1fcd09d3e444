"""The page of a version over time."""

import datetime as dt
import re
from dataclasses import replace

import pytest

from monitoring_assets.pages.model_content import Day, ModelContent, Month, Revision
from monitoring_assets.pages.model_page import model_page
from monitoring_assets.statistics.alerts.reviews import ReviewedDays
from monitoring_assets.statistics.drift.thresholds import Status

FIRST = dt.date(2026, 1, 30)
DAYS = [
    Day(FIRST, Status.OK, 0.01, 0.02, "income", manifest="5f0c"),
    Day(dt.date(2026, 1, 31), Status.FAIL, 0.31, 0.4, "<b>region</b>", ("population",)),
    Day(dt.date(2026, 2, 1), None),
    Day(dt.date(2026, 2, 2), Status.INSUFFICIENT, 0.2, None, None),
]
MONTHS = [
    Month("2026-01", 2, 1234, 0.1, 0.2, "income", Status.WARN, 1, 0.051, 0.048, 0.75),
    Month("2026-02", 1, 10, None, None, None, None, 0, None, None, None),
]


REVISIONS = (Revision("5f0c", 1, ()), Revision("a1b2", 2, ("thresholds.psi.fail", "<i>")))
CONTENT = ModelContent("pd_cards.1", tuple(DAYS), tuple(MONTHS), REVISIONS, (), 30, 0.25)


@pytest.fixture
def page():
    return model_page(CONTENT)


def test_each_day_has_its_place_and_its_text(page):
    assert page.count("<rect") == len(DAYS)
    assert "<title>2026-01-30: ok; PSI 0.010; CSI 0.020 (income)</title>" in page
    assert "<title>2026-02-01: no report</title>" in page
    assert 'class="none"' in page
    assert page.count("<circle") == 1
    # The 31st of the first row, the 1st and the 2nd of the second.
    assert [line for line in page.splitlines() if 'class="fail" x="754"' in line]
    assert [line for line in page.splitlines() if 'x="64" y="41"' in line]


def test_names_are_escaped(page):
    assert "<b>region</b>" not in page
    assert "&lt;b&gt;region&lt;/b&gt;" in page


def test_counts_and_tables(page):
    assert "<dt>Days: fail</dt><dd>1</dd>" in page
    assert "<dt>Days: no report</dt><dd>1</dd>" in page
    assert "<dt>Incidents opened</dt><dd>1</dd>" in page
    not_ok = page.partition("Days that were not ok")[2]
    assert [str(one.day) in not_ok for one in DAYS] == [False, True, True, True]
    assert "1,234" in page
    assert "5.1%" in page


def test_a_quiet_range_says_so():
    page = model_page(
        replace(CONTENT, days=tuple(DAYS[:1]), months=tuple(MONTHS[:1]), horizon=None)
    )
    assert "None opened." in page
    assert '<td colspan="2">None.</td>' in page
    assert "outcomes" not in page


def test_without_a_score_there_is_no_chart():
    page = model_page(replace(CONTENT, days=(Day(FIRST, None),)))
    assert "PSI of the score" not in page


def test_revisions_have_their_first_day_and_what_they_changed(page):
    revisions = page.partition("Revisions of the manifest")[2]
    assert f'<td class="number">1</td><td class="date">{FIRST}</td>' in revisions
    assert '<td class="number">2</td><td class="date"></td>' in revisions
    assert "thresholds.psi.fail, &lt;i&gt;" in revisions


def test_an_incident_has_its_review():
    said = ReviewedDays(DAYS[1].day, DAYS[1].day, is_real=False, by="Ann", why="A <b>campaign</b>.")
    page = model_page(replace(CONTENT, reviews=(said,)))
    assert "a false alarm, says Ann: A &lt;b&gt;campaign&lt;/b&gt;." in page


def test_links_lead_to_pages_that_are_there_and_to_other_versions(page):
    assert "<a href" not in page
    pages = frozenset({FIRST, DAYS[2].day})
    linked = model_page(replace(CONTENT, pages=pages, versions=("pd_cards.2",)))
    found = re.findall(r'<a href="([^"]+)"', linked)
    last = f"{DAYS[2].day}.html"
    assert found == [last, "../index.html", "../pd_cards.2/index.html", f"{FIRST}.html", last]
