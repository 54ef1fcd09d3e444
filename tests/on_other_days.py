"""Run the tests that a date could change, with the clock of every process on ten other days.

``make test-clock`` runs it. Arguments, if any, are pytest's: `python tests/on_other_days.py -x
tests/sensors` runs other tests, or fewer.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
from pathlib import Path

import libfaketime

ROOT = Path(__file__).parents[1]
CLOCKS = {
    "2026-12-31T12:00": "the last day of a year",
    "2027-01-01T00:30": "the first",
    "2027-02-28T12:00": "the end of a February of 28 days, a Sunday",
    "2027-03-01T12:00": "the day after it, a Monday",
    "2027-03-14T06:55": "just before New York puts its clocks forward",
    "2027-03-28T00:55": "just before London does",
    "2027-10-31T00:55": "just before London puts its clocks back",
    "2027-11-07T05:55": "just before New York does",
    "2028-02-29T12:00": "a leap day",
    "2028-03-01T12:00": "the day after it",
}
"""In UTC."""

SELECTED = "not in_airflow and not slow and not airflow and not kubernetes"
USES_THE_CALENDAR = re.compile(r"YESTERDAY|days_ago|\bnow\(|lender\.")
"""A module of tests that names yesterday, asks for the time, or fills a lender's lake."""


def modules() -> list[str]:
    """Modules of tests that use the calendar."""
    return sorted(
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if USES_THE_CALENDAR.search(path.read_text())
    )


def environment(clock: dt.datetime) -> dict[str, str]:
    """Variables by which a process, and those it starts, take it to be that time now."""
    _, preload = libfaketime.get_reload_information()
    ahead = clock - dt.datetime.now(dt.UTC)
    return os.environ | preload | {"FAKETIME": f"{ahead.total_seconds():+.0f}"}


def main() -> None:
    """Run them; exit with 1 if a test failed on any day."""
    arguments = sys.argv[1:] or ["-n", "2", "--dist", "worksteal", *modules()]
    failed = []
    for text, why in CLOCKS.items():
        variables = environment(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC))
        said = subprocess.check_output(["date", "-u", "+%Y-%m-%d"], env=variables, text=True)
        if said.strip() != text[:10]:
            sys.exit(f"libfaketime does not work here: asked for {text[:10]}, date says {said}")
        print(f"\n{text} UTC: {why}", flush=True)
        command = [sys.executable, "-m", "pytest", "-q", "-m", SELECTED, *arguments]
        if subprocess.run(command, cwd=ROOT, env=variables).returncode:
            failed.append(text)
    if failed:
        sys.exit(f"failed at {', '.join(failed)}")


if __name__ == "__main__":
    main()
