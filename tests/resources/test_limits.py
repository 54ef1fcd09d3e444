"""Limits of a manifest, capped by the deployment's."""

import pytest

from resources.errors import InputError
from resources.limits import MAX_MEMORY, MAX_SECONDS, Bounds, Limits
from resources.manifest import Manifest, ManifestError, is_revisable, parse_manifest


@pytest.fixture(autouse=True)
def deployment(monkeypatch):
    monkeypatch.setenv(MAX_SECONDS, "100")
    monkeypatch.setenv(MAX_MEMORY, "2Gi")


def test_what_a_manifest_leaves_open_is_the_deployments():
    assert Limits().bounds == Bounds(100, 2 * 2**30)


def test_a_manifest_may_ask_for_less_and_not_for_more():
    assert Limits(seconds=7, memory="1Gi").bounds == Bounds(7, 2**30)
    assert Limits(seconds=7_000, memory="64Gi").bounds == Bounds(100, 2 * 2**30)


@pytest.mark.parametrize(
    ("name", "value"), [(MAX_SECONDS, "soon"), (MAX_SECONDS, "0"), (MAX_MEMORY, "much")]
)
def test_a_deployment_that_cannot_be_read_is_named(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"{name}: found '{value}'; allowed: "):
        _ = Limits().bounds


@pytest.mark.parametrize("limits", [{"seconds": 0}, {"seconds": 1e30}, {"memory": "lots"}])
def test_nonsense_is_refused_by_its_field(lender, limits):
    import yaml

    text = yaml.safe_dump(lender.manifest("pd_cards", "1", limits=limits))
    (field,) = limits
    with pytest.raises(ManifestError, match=rf"limits\.{field}"):
        parse_manifest(text, "model.yaml")


def test_a_revision_may_change_them(lender):
    assert is_revisable("limits.seconds")
    assert Manifest.model_validate(lender.manifest("pd_cards", "1")).limits == Limits()
