"""Asset ``report_page``: a page for each day, whatever the day holds."""

import dagster as dg
import pytest

from monitoring_assets.pages import day_page as pages
from monitoring_assets.pages.summary import read_summaries
from monitoring_assets.partitions import ModelDay
from resources import layout
from resources.asset_keys import asset_key
from tests.conftest import YESTERDAY, days_ago, job, onboard, rows

KEY = "pd_cards.1"


@pytest.fixture
def decided(lender, instance):
    """A lender whose one day is measured and decided."""
    lender.publish()
    lender.deliver(days_ago(1))
    onboard(lender, instance)
    run(lender, instance, days_ago(1))
    return lender


def run(lender, instance, day, name="monitor_day", **options):
    result = job(name, lender).execute_in_process(
        instance=instance, partition_key=ModelDay(day, KEY).partition, **options
    )
    assert result.success
    return result


def page(lender, day):
    return lender.store.storage.read(layout.page(KEY, day)).decode()


def metadata(instance):
    made = instance.get_latest_materialization_event(asset_key("report_page"))
    return {name: value.value for name, value in made.asset_materialization.metadata.items()}


def test_a_run_writes_the_page_of_its_day_and_the_summary(decided, instance, monkeypatch):
    assert "No index is over its limit." in page(decided, days_ago(1))
    assert metadata(instance)["verdict"] == "No index is over its limit."
    assert "page" not in metadata(instance)
    monkeypatch.setenv("MONITORING_PAGES_URL", "https://pages.lender.example/")
    decided.deliver(YESTERDAY, rows(1, income_shift=-0.7))
    run(decided, instance, YESTERDAY)
    assert f"{KEY} on {YESTERDAY}" in page(decided, YESTERDAY)
    address = f"https://pages.lender.example/{KEY}/{YESTERDAY}.html"
    assert metadata(instance)["page"] == address
    (summary,) = read_summaries(decided.store)
    assert (summary.day, summary.column) == (YESTERDAY, "income")


def test_an_older_day_leaves_the_summary_alone(decided, instance):
    decided.deliver(YESTERDAY)
    run(decided, instance, YESTERDAY)
    run(decided, instance, days_ago(1), asset_selection=[asset_key("report_page")])
    assert [one.day for one in read_summaries(decided.store)] == [YESTERDAY]


def test_a_decision_made_again_writes_the_page_again(decided, instance):
    decided.store.storage.delete(layout.page(KEY, days_ago(1)))
    run(decided, instance, days_ago(1), "decide_alerts")
    assert f"{KEY} on {days_ago(1)}" in page(decided, days_ago(1))


def test_a_page_that_cannot_be_made_says_so_and_is_no_fault_of_the_model(
    decided, instance, monkeypatch
):
    def broken(content):
        raise ZeroDivisionError("<a fault of ours>")

    monkeypatch.setattr(pages, "day_page", broken)
    run(decided, instance, days_ago(1), asset_selection=[asset_key("report_page")])
    assert "ZeroDivisionError: &lt;a fault of ours&gt;" in page(decided, days_ago(1))
    assert metadata(instance)["error"] == "ZeroDivisionError: <a fault of ours>"
    assert dg.DagsterRunStatus.FAILURE not in {one.status for one in instance.get_runs()}


def test_the_last_day_writes_the_page_of_the_year(decided, instance, monkeypatch):
    path = layout.model_page(KEY)
    assert f"<title>{days_ago(1)}: ok;" in decided.store.storage.read(path).decode()
    decided.deliver(YESTERDAY)
    run(decided, instance, YESTERDAY)
    year = decided.store.storage.read(path)
    assert f'href="{YESTERDAY}.html"' in year.decode()
    run(decided, instance, days_ago(1), asset_selection=[asset_key("report_page")])
    assert decided.store.storage.read(path) == year
