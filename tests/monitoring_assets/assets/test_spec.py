"""Every asset says whose it is, and reports what their columns mean."""

import dagster as dg
import pytest

from monitoring_assets.assets.spec import COLUMN_SCHEMA, columns_of, owners
from resources.asset_keys import asset_key
from resources.errors import InputError


def graph():
    from monitoring_assets.definitions import defs

    return defs.get_repository_def().asset_graph


def test_every_asset_has_an_owner():
    keys = graph().get_all_asset_keys()
    assert keys
    assert {tuple(graph().get(key).owners) for key in keys} == {("team:model-monitoring",)}


@pytest.mark.parametrize("report", ["drift_report", "segment_report", "performance_report"])
def test_reports_have_their_columns(report):
    schema = graph().get(asset_key(report)).metadata[COLUMN_SCHEMA]
    schema = schema.value if isinstance(schema, dg.MetadataValue) else schema
    described = [(one.name, one.type, one.description) for one in schema.columns]
    assert described == columns_of(report)
    assert len(described) > 10


def test_what_is_no_report_has_none():
    assert columns_of("features") == []
    assert COLUMN_SCHEMA not in graph().get(asset_key("features")).metadata


def test_owners_are_those_of_the_deployment(monkeypatch):
    monkeypatch.setenv("MONITORING_ASSET_OWNERS", "team:risk, ann@lender.example,")
    assert owners() == ["team:risk", "ann@lender.example"]
    assert dg.AssetSpec("any", owners=owners()).owners == owners()


def test_an_owner_that_is_none_is_named(monkeypatch):
    monkeypatch.setenv("MONITORING_ASSET_OWNERS", "team:risk, Ann")
    with pytest.raises(InputError, match="MONITORING_ASSET_OWNERS: found 'Ann'; allowed: "):
        owners()
