"""What the page of a version over time shows, and that no more is read than has changed."""

import datetime as dt

import pytest

from monitoring_assets.pages.model_content import read_model, read_year
from monitoring_assets.periods.calendar import periods
from monitoring_assets.periods.roll_up import roll_up
from monitoring_assets.statistics.alerts.reviews import ReviewedDays
from resources import layout
from resources.gathered import Gathered
from resources.reviews import record_review
from tests.monitoring_assets.conftest import KEY


@pytest.fixture
def manifest(scored):
    return scored.store.landed(KEY).manifest


@pytest.fixture
def read_days(monkeypatch):
    """Days whose reports figures were made of, by data set."""
    asked = []

    def read(self, store, key, files):
        asked.extend((self.dataset, day) for day in files)
        return original(self, store, key, files)

    original = Gathered.read
    monkeypatch.setattr(Gathered, "read", read)
    return asked


def test_it_has_the_figures_of_months_and_days(scored, manifest):
    first, last = scored.days[0], scored.days[-1]
    found = read_model(scored.store, manifest, first, last, 30)
    assert [one.day for one in found.days] == [
        first + dt.timedelta(days=n) for n in range((last - first).days + 1)
    ]
    assert {one.day for one in found.days if one.status} == {*scored.days}
    for one, expected in zip(
        found.months,
        roll_up(scored.store, KEY, list(periods(first, last, "month")), 30),
        strict=True,
    ):
        assert (one.name, one.days, one.rows) == (
            expected.period.name,
            expected.days,
            expected.rows,
        )
        assert one.psi == (expected.psi.value if expected.psi else None)
        assert one.auc == (expected.performance.auc.value if expected.performance else None)
    assert (found.horizon, found.fail, found.versions) == (30, 0.25, ())


def test_a_revision_counts_from_the_first_day_decided_under_it(scored, manifest):
    found = read_model(scored.store, manifest, scored.days[0], scored.days[-1], 30)
    (revision,) = found.revisions
    assert revision.sha256 == manifest.sha256
    assert found.first_day(revision) == scored.days[0]
    later = read_model(scored.store, manifest, scored.days[-1], scored.days[-1], 30)
    assert later.first_day(revision) == scored.days[-1]


def test_what_has_not_changed_is_not_read_again(scored, copy, manifest, read_days):
    last = scored.days[-1]
    first_time = read_year(copy, manifest, last)
    assert {day for _, day in read_days} == {*scored.days}
    read_days.clear()
    assert read_year(copy, manifest, last) == first_time
    assert not read_days
    report = layout.partition("drift_report", KEY, last)
    copy.storage.delete(report)
    again = read_year(copy, manifest, last)
    in_month = {day for day in scored.days if (day.year, day.month) == (last.year, last.month)}
    assert {day for _, day in read_days} == in_month
    assert again.days[-1].status is None
    assert again.days[:-1] == first_time.days[:-1]


@pytest.mark.parametrize(
    "kept", [b"", b"{}", b'{"months": {"2026-01": {"of": "another release"}}}']
)
def test_a_damaged_file_is_made_again(scored, copy, manifest, kept):
    whole = read_year(copy, manifest, scored.days[-1])
    copy.storage.write(layout.months(KEY), kept)
    assert read_year(copy, manifest, scored.days[-1]) == whole
    assert copy.storage.read(layout.months(KEY)) != kept


def test_a_day_without_a_report_is_the_last_of_its_year(scored, copy, manifest):
    day = scored.days[-1] + dt.timedelta(days=1)
    found = read_year(copy, manifest, day)
    assert (found.days[-1].day, found.days[-1].status) == (day, None)


def test_reviews_are_shown(scored, copy, manifest):
    said = ReviewedDays(scored.days[0], scored.days[1], is_real=True, by="Ann", why="Moved.")
    record_review(copy.storage, KEY, said, None)
    assert read_year(copy, manifest, scored.days[-1]).reviews == (said,)


def test_it_links_to_the_pages_that_are_there(scored, copy, manifest):
    found = read_year(copy, manifest, scored.days[-1])
    assert found.pages == {*scored.days}
    copy.storage.delete(layout.page(KEY, scored.days[0]))
    assert read_year(copy, manifest, scored.days[-1]).pages == {*scored.days[1:]}
    for other in ("pd_cards.2", "pd_cards_old.1", "pd_auto.1"):
        copy.storage.write(layout.summary(other), b"{}")
    assert read_year(copy, manifest, scored.days[-1]).versions == ("pd_cards.2",)
