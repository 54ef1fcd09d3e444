"""Take the pictures of docs/ from the demo's data, in a real browser: `make screenshots`."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Page, sync_playwright

DOCS = Path(__file__).parents[1]
SECONDS = 120.0
MATURITY = dt.timedelta(days=14)
DRIFTED, DECAYED = "pd_personal_loans.1", "pd_overdraft.1"
"""The demo's versions whose applicants have changed, and whose outcomes have."""


def main(demo: Path, programs: Path) -> None:
    """Write each picture; say which."""
    store = demo / "store"
    last = max((store / "pages" / DRIFTED).glob("????-??-??.html")).stem
    run_thresholds(demo, programs)
    with (
        webserver(demo, programs) as dagster,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium()) as browser,
    ):
        tab = browser.new_page(viewport={"width": 1100, "height": 1330})
        tab.goto((store / "pages" / DRIFTED / f"{last}.html").resolve().as_uri())
        keep(tab.screenshot(), "report_page")
        tab.set_viewport_size({"width": 1100, "height": 800})
        tab.goto((store / "pages" / DECAYED / "index.html").resolve().as_uri())
        keep(tab.screenshot(), "model_page")
        tab.set_viewport_size({"width": 1100, "height": 760})
        tab.goto((store / "pages" / "index.html").resolve().as_uri())
        keep(tab.screenshot(), "fleet_page")
        tab.set_viewport_size({"width": 1960, "height": 800})
        tab.goto(f"{dagster}/asset-groups")
        settle(tab)
        tab.get_by_text("Hide navigation").click()
        for group in ("onboarding", "monitoring"):
            tab.get_by_text(group, exact=True).last.click()
            settle(tab)
        tab.reload()  # which fits the opened groups into the tab
        settle(tab)
        keep(tab.screenshot(clip={"x": 425, "y": 165, "width": 1480, "height": 495}), "graph")
        tab.set_viewport_size({"width": 1400, "height": 1400})
        for asset, key, day in (
            ("drift_report", DRIFTED, last),
            ("performance_report", DECAYED, dt.date.fromisoformat(last) - MATURITY),
        ):
            partition = quote(f"{day}|{key}")
            tab.goto(f"{dagster}/assets/monitoring/{asset}?view=partitions&partition={partition}")
            settle(tab)
            keep(tab.screenshot(), asset)


def chromium() -> str:
    """The system's Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        sys.exit("Chromium is needed: install your system's package `chromium`")
    return found


def run_thresholds(demo: Path, programs: Path) -> None:
    """Let the command draw its own picture, after the drift was reviewed in a copy of the store."""
    truth = json.loads((demo / "truth.json").read_text(encoding="utf-8"))
    (began,) = (one["event"]["began"] for one in truth["versions"] if one["key"] == DRIFTED)
    review = ["review", "record", DRIFTED, "--real", "--from", began, "--why", "marketing push"]
    suggest = ["thresholds", "suggest", DRIFTED, "--plot", str(DOCS / "thresholds.png")]
    with tempfile.TemporaryDirectory() as folder:
        store = shutil.copytree(demo / "store", Path(folder) / "store")
        for command in (review, suggest):
            subprocess.run(
                [programs / "monitoring", *command],
                env=os.environ | {"MONITORING_STORE": str(store)},
                check=True,
                stdout=subprocess.DEVNULL,
            )
    print("docs/thresholds.png")


@contextmanager
def webserver(demo: Path, programs: Path) -> Iterator[str]:
    """Dagster's webserver on the demo's instance; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    truth = json.loads((demo / "truth.json").read_text(encoding="utf-8"))
    days = dt.timedelta(days=truth["days"] - 1)
    environment = os.environ | {
        "MONITORING_START_DATE": str(dt.date.fromisoformat(truth["end"]) - days),
        "DAGSTER_HOME": str((demo / "dagster").resolve()),
        **{
            f"MONITORING_{name.upper()}": str((demo / name).resolve())
            for name in ("registry", "lake", "store")
        },
    }
    command = [programs / "dagster-webserver", "-w", demo / "workspace.yaml", "-p", str(port)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            end = time.monotonic() + SECONDS
            while not is_up(address):
                if time.monotonic() > end:
                    sys.exit(f"Dagster's webserver is not up after {SECONDS:.0f} s")
                time.sleep(1)
            yield address
        finally:
            process.terminate()


def is_up(address: str) -> bool:
    """Whether a webserver answers."""
    try:
        with urllib.request.urlopen(f"{address}/server_info", timeout=5):
            return True
    except OSError:
        return False


def settle(tab: Page) -> None:
    """Wait until the page asks for nothing more, and what it shows stands still."""
    tab.wait_for_load_state("networkidle")
    tab.wait_for_timeout(3000)


def keep(picture: bytes, name: str) -> None:
    """Write a picture with 256 colours: a third of the bytes, and no difference to see."""
    file = DOCS / f"{name}.png"
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(256).save(file, optimize=True)
    print(f"docs/{file.name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
