"""A newcomer's way to a first report: the commands as printed, and those of the tutorial."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import YESTERDAY
from tests.monitoring_assets.cli.drafts import applications

BIN = Path(sys.executable).parent
TUTORIAL = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text()


def commands(shown):
    """The lines to paste, which are those with an indent of two."""
    lines = shown.partition("\nNext\n")[2].splitlines()
    return [line.strip() for line in lines if line[:2] == "  " and line[2] != " "]


@pytest.mark.slow
def test_what_the_commands_print_leads_to_a_report(tmp_path):
    applications().to_parquet(tmp_path / "sample.parquet", index=False)
    todays = applications(2).drop(columns="bad")
    todays.assign(income=todays["income"] * 2).to_parquet(tmp_path / "batch.parquet", index=False)
    names = {
        "MODEL": "pd_loans",
        "SAMPLE.parquet": f"{tmp_path}/sample.parquet",
        "BATCH.parquet": f"{tmp_path}/batch.parquet",
        "COLUMN": "pd --outcome bad",
    }
    settings = ""

    def paste(command):
        for name, meant in names.items():
            command = command.replace(name, meant)
        done = subprocess.run(
            ["sh", "-ec", f"{settings}{command}"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(tmp_path), "EDITOR": "true"},
        )
        # DuckDB reports in thirty lines what is still open when a process ends.
        assert "leaked" not in done.stderr
        return done.stdout

    first, draft, onboard = commands(paste("monitoring init watch"))
    settings = f"{first}\n"
    *walk, last_but_one, last = commands(paste(draft))
    assert onboard in walk
    for command in (*walk, last_but_one):
        shown = paste(command)
    assert shown == "pd_loans.1: 1 day done, 0 failed\n"
    report = paste(last)
    assert "income" in report
    assert "500 reference rows, 500 current rows" in report
    assert "fail" in report


@pytest.mark.slow
def test_the_commands_of_the_readme_lead_to_a_report_and_its_page(tmp_path):
    section = TUTORIAL.split("\n## Your own model\n")[1].split("\nIn production ")[0]
    blocks = "".join(re.findall(r"^   ```\n(.*?)^   ```$", section, re.DOTALL | re.MULTILINE))
    setup = "make .venv/runtime && . .venv/bin/activate\n"
    assert setup in blocks
    blocks, days = re.subn(r"\d{4}-\d\d-\d\d", YESTERDAY.isoformat(), blocks.replace(setup, ""))
    assert days == 2
    scored = applications().rename(columns={"pd": "score"})
    scored.to_parquet(tmp_path / "sample.parquet", index=False)
    scored.drop(columns="bad").to_parquet(tmp_path / "batch.parquet", index=False)
    done = subprocess.run(
        ["bash", "-ec", blocks.replace("\n   ", "\n")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "500 reference rows, 500 current rows" in done.stdout
    assert "pd_loans.1" in (tmp_path / "watch" / "report.html").read_text()
