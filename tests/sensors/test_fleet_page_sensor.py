"""Fleet page sensor: the page of all models follows the pages of each."""

import datetime as dt

import dagster as dg
import pytest

from monitoring_assets.pages.summary import Summary
from resources import layout
from resources.asset_keys import asset_key
from sensors import fleet_page_sensor as module
from sensors.fleet_page_sensor import fleet_page_sensor
from tests.conftest import onboard


@pytest.fixture
def tick(lender, instance):
    """Evaluate the sensor, with the cursor that it left."""
    cursor = None

    def one():
        nonlocal cursor
        with dg.build_sensor_context(instance, cursor, resources=lender.resources) as context:
            said = fleet_page_sensor(context)
            cursor = said.cursor
            for event in said.asset_events:
                instance.report_runless_asset_event(event)
            return said.skip_reason.skip_message

    return one


def summarise(lender, key, day):
    text = Summary(key=key, owner="risk", day=day, outcome="ok", verdict="Fine.").model_dump_json()
    lender.store.storage.write(layout.summary(key), text.encode())


def test_it_is_written_when_something_has_changed(lender, tick):
    assert tick().startswith("wrote ")
    assert tick() == "no page of a model has changed"
    summarise(lender, "pd_cards.1", dt.date(2026, 3, 1))
    assert tick().startswith("wrote ")
    assert tick() == "no page of a model has changed"
    lender.store.storage.write(layout.page("pd_cards.1", dt.date(2026, 3, 1)), b"an older day")
    assert tick() == "no page of a model has changed"
    summarise(lender, "pd_cards.1", dt.date(2026, 3, 12))
    assert tick().startswith("wrote ")
    assert lender.store.storage.read(layout.FLEET_PAGE).startswith(b"<!doctype html>")


def test_a_new_day_makes_it_again(tick, monkeypatch):
    assert tick().startswith("wrote ")
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)

    class Tomorrow(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return tomorrow

    monkeypatch.setattr(module.dt, "datetime", Tomorrow)
    assert tick().startswith("wrote ")


def test_it_records_the_status_without_a_run(lender, instance, tick):
    lender.publish()
    onboard(lender, instance)
    before = len(instance.get_runs())
    tick()
    status = asset_key("fleet_status")
    assert latest(instance, status).passed is False
    summarise(lender, "pd_cards.1", dt.datetime.now(dt.UTC).date())
    tick()
    assert latest(instance, status).passed
    assert instance.get_latest_materialization_event(status) is not None
    assert len(instance.get_runs()) == before


def latest(instance, asset):
    key = dg.AssetCheckKey(asset, "last_days")
    (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    return record.evaluation
