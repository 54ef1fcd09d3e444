"""Where people look further."""

import datetime as dt

import pytest

from resources.delivery.links import links, look_further
from resources.delivery.metrics import DEPLOYMENT

DAY = dt.date(2026, 3, 2)
PAGES = {
    "MONITORING_DAGSTER_URL": "https://dagster.example.com/",
    "MONITORING_DATADOG_DASHBOARD_URL": "https://dd.example.com/dashboard/abc",
    "MONITORING_RUNBOOK_URL": "https://wiki.example.com/alerts",
}


@pytest.fixture
def pages(monkeypatch):
    for name, value in PAGES.items():
        monkeypatch.setenv(name, value)


def test_commands_name_the_version_and_the_day():
    commands = look_further("pd_cards.3", DAY)
    assert commands[0] == "monitoring report pd_cards.3 --date 2026-03-02"
    assert all(line.startswith("monitoring ") and "pd_cards.3" in line for line in commands)
    assert look_further(DEPLOYMENT, DAY) == []


def test_pages_of_a_version_lead_to_its_day_and_its_dots_belong_to_the_version(pages):
    assert [link.href for link in links("pd_cards.3.1", DAY, "data quality")] == [
        "https://dagster.example.com/assets/monitoring/drift_report?view=partitions"
        "&partition=2026-03-02%7Cpd_cards.3.1",
        "https://dd.example.com/dashboard/abc?tpl_var_model=pd_cards&tpl_var_version=3.1",
        "https://wiki.example.com/alerts#data-quality",
    ]


def test_pages_of_the_deployment_name_no_version(pages):
    assert [link.href for link in links(DEPLOYMENT, DAY, "pipeline")] == [
        "https://dagster.example.com/automation",
        "https://dd.example.com/dashboard/abc",
        "https://wiki.example.com/alerts#pipeline",
    ]


def test_what_is_not_set_is_left_out(pages, monkeypatch):
    monkeypatch.delenv("MONITORING_DAGSTER_URL")
    monkeypatch.setenv("MONITORING_RUNBOOK_URL", "")
    (link,) = links("pd_cards.3", DAY, "population")
    assert link.text == "The last weeks in Datadog"
