"""Keys of assets: the prefix of the deployment, and what none can be."""

import dagster as dg
import pytest

from resources.asset_keys import asset_key, asset_name, asset_path
from resources.errors import InputError


@pytest.mark.parametrize(
    ("prefix", "path"),
    [
        (None, ["monitoring", "features"]),
        ("", ["features"]),
        ("risk", ["risk", "features"]),
        ("risk-models/monitoring_2", ["risk-models", "monitoring_2", "features"]),
    ],
)
def test_a_key_is_the_name_below_the_prefix(monkeypatch, prefix, path):
    if prefix is None:
        monkeypatch.delenv("MONITORING_ASSET_PREFIX", raising=False)
    else:
        monkeypatch.setenv("MONITORING_ASSET_PREFIX", prefix)
    key = asset_key("features")
    assert key == dg.AssetKey(path)
    assert asset_path("features") == key.to_user_string()
    assert asset_name(key) == "features"


def test_another_prefix_than_the_deployments(monkeypatch):
    monkeypatch.setenv("MONITORING_ASSET_PREFIX", "risk")
    assert asset_key("features", "") == dg.AssetKey("features")
    assert asset_key("features", "monitoring") == dg.AssetKey(["monitoring", "features"])


@pytest.mark.parametrize("prefix", ["/risk", "risk/", "risk//a", "a b", "risk.a", "/", "risk\n"])
def test_what_is_no_prefix_is_refused(monkeypatch, prefix):
    monkeypatch.setenv("MONITORING_ASSET_PREFIX", prefix)
    with pytest.raises(InputError) as raised:
        asset_key("features")
    assert str(raised.value).startswith(f"MONITORING_ASSET_PREFIX: found {prefix!r}; allowed: ")
