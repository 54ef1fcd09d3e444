"""A newcomer's way to a first report: every command as it was printed, pasted into a shell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.monitoring_assets.cli.drafts import applications

BIN = Path(sys.executable).parent


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
