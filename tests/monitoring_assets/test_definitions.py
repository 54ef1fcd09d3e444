"""The code location: valid, quiet, and quick to load."""

import subprocess
import sys
from pathlib import Path

from resources.asset_keys import asset_key, asset_name

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
HEAVY = ["great_expectations", "onnxruntime", "pandas", "pyarrow", "duckdb", "boto3", "scipy"]


def test_definitions_are_valid_and_say_nothing_else():
    done = subprocess.run(
        [BIN / "dagster", "definitions", "validate"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "PreviewWarning" not in done.stderr
    assert "monitoring_assets" not in "".join(
        line for line in done.stderr.splitlines() if "Warning" in line
    )


def test_loading_the_code_location_imports_nothing_heavy():
    code = (
        "import sys, monitoring_assets.definitions; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_graph_is_the_one_in_the_readme():
    from monitoring_assets.definitions import defs

    graph = defs.get_repository_def().asset_graph
    parents = {
        asset_name(key): {asset_name(parent) for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }
    assert parents == {
        "model_registry": set(),
        "reference_profile": set(),
        "features": {"reference_profile"},
        "scores": {"features"},
        "drift_report": {"scores"},
        "segment_report": {"scores"},
        "performance_report": {"scores"},
        "alerts": {"drift_report", "performance_report", "segment_report"},
        "report_page": {"alerts"},
        "fleet_status": {"report_page"},
    }
    checks = {(asset_name(key.asset_key), key.name) for key in graph.asset_check_keys}
    assert checks == {
        ("features", "batch_quality"),
        ("features", "broken_columns"),
        ("features", "csi"),
        ("scores", "score_range"),
        ("scores", "additional_statistics"),
        ("scores", "psi"),
        ("segment_report", "segments"),
        ("performance_report", "estimated_performance"),
        ("performance_report", "realised_performance"),
        ("performance_report", "unmatched_outcomes"),
        ("alerts", "delivered"),
        ("fleet_status", "last_days"),
    }
    assert graph.get(asset_key("features")).partitions_def is not None
