"""Code versions: other when a rule is, and only then."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from monitoring_assets.code_version import PACKAGES, code_version
from resources.asset_keys import asset_name

ROOT = Path(__file__).parents[2]
ASSETS = ("features", "drift_report", "segment_report")
STABILITY = "monitoring_assets/statistics/drift/stability.py"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The project in another folder, whose files a test changes."""
    folder = tmp_path_factory.mktemp("installed")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package)
    return folder


@pytest.fixture
def versions(installed):
    """Code versions with a file of the project rewritten: by asset, in a process of their own."""
    file = installed / STABILITY
    before = file.read_text()

    def rewritten(old, new):
        assert old in before
        file.write_text(before.replace(old, new))
        code = (
            "from monitoring_assets.code_version import code_version\n"
            f"print(*(code_version(f'monitoring_assets.assets.{{one}}') for one in {ASSETS}))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=installed, capture_output=True, text=True, check=True
        )
        return dict(zip(ASSETS, done.stdout.split(), strict=True))

    yield rewritten
    file.write_text(before)


@pytest.fixture
def ours():
    return {one: code_version(f"monitoring_assets.assets.{one}") for one in ASSETS}


def test_the_folder_of_the_installation_does_not_matter(versions, ours):
    assert versions("", "") == ours


def test_a_statistic_that_changes_is_seen_by_what_stands_on_it(versions, ours):
    changed = versions("np.log(", "np.log2(")
    assert changed["drift_report"] != ours["drift_report"]
    assert changed["segment_report"] != ours["segment_report"]
    assert changed["features"] == ours["features"]


def test_comments_docstrings_and_layout_do_not_matter(versions, ours):
    assert versions("    used = (", "    # bins with rows\n\n    used = (") == ours
    assert versions("Return what each bin adds", "Say what each bin adds") == ours
    assert versions("= counts / rows", "= (\n        counts / rows\n    )") == ours


def test_an_asset_has_the_version_of_its_module():
    from monitoring_assets.definitions import defs

    graph = defs.get_repository_def().asset_graph
    assert {key: graph.get(key).code_version for key in graph.executable_asset_keys} == {
        key: code_version(f"monitoring_assets.assets.{asset_name(key)}")
        for key in graph.executable_asset_keys
    }
