"""Where the deployment's registry, lake and store are."""

import pytest

from resources.environment import resources_from_environment

NAMES = ("registry", "lake", "store")


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(f"MONITORING_{name.upper()}", raising=False)


def test_by_default_they_are_folders_here():
    found = resources_from_environment()
    assert {name: found[name].root for name in NAMES} == {name: name for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_each_is_where_its_variable_says(monkeypatch, name):
    monkeypatch.setenv(f"MONITORING_{name.upper()}", "s3://bucket/prefix")
    found = resources_from_environment()
    assert [one for one in NAMES if found[one].root == "s3://bucket/prefix"] == [name]
