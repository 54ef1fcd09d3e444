"""The `monitoring` command itself."""

import tomllib
from pathlib import Path

from click.testing import CliRunner

from monitoring_assets.cli.main import main

ROOT = Path(__file__).parents[3]


def test_the_version_is_the_projects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    shown = CliRunner().invoke(main, ["--version"], prog_name="monitoring")
    assert (shown.exit_code, shown.output) == (0, f"monitoring, version {project['version']}\n")


def test_the_commands_are_listed_in_the_order_of_their_use():
    shown = CliRunner().invoke(main, ["--help"]).output.partition("Commands:\n")[2]
    names = [line.split()[0] for line in shown.splitlines() if line[2:3].strip()]
    assert names == [
        "demo",
        "drift",
        "init",
        "registry",
        "onboard",
        "backfill",
        "status",
        "serve",
        "report",
        "alerts",
        "history",
        "validate",
        "vintages",
        "decisions",
        "migrations",
        "fairness",
        "compare",
        "evidence",
        "baseline",
        "review",
        "thresholds",
        "airflow",
        "materialise",
        "gather",
        "rekey",
        "dashboards",
    ]
