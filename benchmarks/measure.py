"""Running a step in a process of its own, and writing what was measured."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent


def arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser with the option that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    default = Path(tempfile.gettempdir()) / "model-monitoring-benchmarks"
    parser.add_argument("--data", type=Path, default=default, help="where the tables are written")
    return parser


def run(script: str, *words: object, python: Path | str = sys.executable) -> Any:
    """Run a script in a process of its own; return the JSON that it prints last."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": path, "NML_DISABLE_USAGE_LOGGING": "1"}
    done = subprocess.run(
        [str(python), str(HERE / script), *map(str, words)],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        timeout=1_800,
        env=environment,
    )
    return json.loads(done.stdout.splitlines()[-1])


def peak_rss_mb() -> float:
    """Return the peak resident memory of this process; rusage would include its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def publish(name: str, rows: list[dict[str, Any]]) -> None:
    """Print a table and write it to ``results/``, as JSON and as Markdown."""
    heads = list(dict.fromkeys(head for row in rows for head in row))
    cells = [[_text(row.get(head)) for head in heads] for row in rows]
    lines = [heads, ["---"] * len(heads), *cells]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    (results / f"{name}.json").write_text(json.dumps(rows, indent=2) + "\n")
    (results / f"{name}.md").write_text(table)
    print(table)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if value < 100 else f"{value:,.0f}"
    return "" if value is None else str(value)
