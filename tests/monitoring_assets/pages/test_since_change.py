"""What is said of the applicants since a change of performance is what their rows say."""

import datetime as dt
from dataclasses import replace

import pandas as pd
import pytest

from monitoring_assets.pages.day_content import read_day
from monitoring_assets.pages.day_page import day_page
from monitoring_assets.pages.since_change import read_since_change
from monitoring_assets.performance.history import PerformancePoint
from monitoring_assets.statistics.drift.segments import Segment
from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.report import PerformanceKind
from resources.faults import RecordedFault
from tests.monitoring_assets.conftest import KEY

TODAY = dt.datetime.now(dt.UTC).date()


def fault(first, segment=None, **changes):
    given = {"family": "performance", "subject": "AUC", "text": "AUC has fallen", "horizon": 30}
    return RecordedFault(**given | {"first_cohort": first, "segment": segment} | changes)


def point(day, segment, value, bads=50, rows=500):
    return PerformancePoint(
        day,
        PerformanceKind.REALISED,
        30,
        "auc",
        value,
        0.02,
        rows,
        bads,
        Estimate(0.8, 0.01),
        Segment("region", segment) if segment else None,
    )


def test_it_counts_the_applicants_since_the_change(scored):
    found = read_since_change(scored.store, KEY, TODAY, [fault(scored.days[1])], [])
    rows = pd.concat([scored.frames[day] for day in scored.days[1:3]])
    assert (found.first, found.cohort.days) == (scored.days[1], 2)
    assert (found.cohort.rows, found.cohort.bads) == (len(rows), rows["bad"].sum())
    assert found.expected_bads == pytest.approx(rows["score"].sum(), rel=1e-6)


def test_only_what_was_known_on_the_day_counts(scored):
    day = scored.days[1] + dt.timedelta(days=30)
    found = read_since_change(scored.store, KEY, day, [fault(scored.days[0])], [])
    assert found.cohort.days == 2
    assert read_since_change(scored.store, KEY, scored.days[2], [fault(scored.days[0])], []) is None


@pytest.mark.parametrize("changes", [{"first_cohort": None}, {"pages": False}])
def test_other_faults_are_no_change(scored, changes):
    assert (
        read_since_change(scored.store, KEY, TODAY, [fault(scored.days[1], **changes)], []) is None
    )


def test_a_change_of_all_rows_comes_before_one_of_a_segment(scored):
    faults = [fault(scored.days[0], "region north"), fault(scored.days[2])]
    assert read_since_change(scored.store, KEY, TODAY, faults, []).first == scored.days[2]


def test_the_segment_that_fell_the_farthest_comes_first(scored):
    since = scored.days[1]
    points = [
        point(scored.days[0], "north", 0.1),  # before the change
        point(since, "north", 0.8),
        point(scored.days[2], "north", 0.7),
        point(since, "south", 0.6, bads=10),
        point(scored.days[2], "south", 0.5, bads=40),
        point(since, None, 0.2),
        point(TODAY, "south", 0.1),  # not known yet
    ]
    found = read_since_change(scored.store, KEY, TODAY, [fault(since)], points)
    south, north = found.segments
    assert (south.segment.value, south.rows, south.bads) == ("south", 1000, 50)
    pairs = 10 * 490, 40 * 460
    assert south.auc.value == pytest.approx((0.6 * pairs[0] + 0.5 * pairs[1]) / sum(pairs))
    error = ((0.02 * pairs[0]) ** 2 + (0.02 * pairs[1]) ** 2) ** 0.5 / sum(pairs)
    assert south.auc.standard_error == pytest.approx(error)
    assert north.auc.value == pytest.approx(0.75)


def test_the_page_shows_it(scored):
    day = scored.days[-1]
    content = read_day(scored.store, KEY, day)
    assert content.change is None
    assert "Since the change" not in day_page(content)
    since = scored.days[1]
    points = [point(since, "<north>", 0.6)]
    change = read_since_change(scored.store, KEY, TODAY, [fault(since)], points)
    page = day_page(replace(content, change=change))
    assert f"Since the change: applicants from {since:%-d %B %Y} on" in page
    assert f"{change.cohort.bads:,} are bad" in page
    assert f"the scores predicted {change.expected_bads:,.0f}" in page
    assert "region = &lt;north&gt;" in page
    assert 'class="change"' in page
