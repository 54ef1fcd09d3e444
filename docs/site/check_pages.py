"""Look at the demo's pages in the system's Chromium, and fail at what people would stumble over.

Each kind of page, light and dark, on a desk's screen, a phone's and A4: rules of axe-core, requests
to anywhere, errors of scripts, and text that is wider than the screen.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright
from screenshots import chromium

Scheme = Literal["light", "dark"]
SIZES = {"desk": (1280, 900), "phone": (390, 844), "A4": (794, 1123)}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def main(demo: Path, programs: Path) -> None:
    """Say what is wrong with each page; exit with 1 if anything is."""
    pages = demo / "store" / "pages"
    wrong = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium()) as browser,
    ):
        kinds = {
            "all versions": pages / "index.html",
            "version over time": pages / "pd_overdraft.1" / "index.html",
            "incident open": _last(pages / "pd_overdraft.1"),
            "found, not paged": _last(pages / "pd_personal_loans.1"),
            "evidence": demo / "evidence" / "pd_overdraft.1" / "evidence.html",
            **on_demand(demo, programs, Path(folder)),
        }
        for (kind, file), size, scheme in product(kinds.items(), SIZES, SCHEMES):
            found = list(look(browser, file, size, scheme))
            wrong += len(found)
            print(f"{kind}, {size}, {scheme}: {'; '.join(found) or 'nothing found'}")
    sys.exit(wrong > 0)


def on_demand(demo: Path, programs: Path, folder: Path) -> dict[str, Path]:
    """Make the pages that commands write, by the name of the command."""
    day = max((demo / "lake" / "card_applications").iterdir())
    reference = demo / "registry" / "pd_cards" / "1" / "reference.parquet"
    two_files = ["--reference", str(reference), "--current", str(day)]
    versions = ["pd_mortgage.1", "pd_mortgage.2", "--cut-off", "0.1"]
    made = {}
    for name, given in (("drift", two_files), ("compare", versions)):
        made[name] = folder / f"{name}.html"
        done = subprocess.run(
            [programs / "monitoring", name, *given, "--html", made[name]],
            env=os.environ
            | {f"MONITORING_{root.upper()}": str(demo / root) for root in ("lake", "store")},
            capture_output=True,
            text=True,
        )
        if not made[name].exists():
            sys.exit(f"monitoring {name}: {done.stderr}")
    return made


def look(browser: Browser, file: Path, size: str, scheme: Scheme) -> Iterator[str]:
    """Yield what is wrong with a page."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme
    )
    tab, said = context.new_page(), list[str]()
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: said.append(request.url))
    if size == "A4":
        tab.emulate_media(media="print", color_scheme=scheme)
    address = file.resolve().as_uri()
    tab.goto(address)
    yield from (one for one in said if one != address)
    if tab.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        yield "wider than the screen"
    for rule in Axe().run(tab).response["violations"]:
        first = rule["nodes"][0]
        yield f"{rule['id']} ({len(rule['nodes'])}): {rule['help']}: {first['html'][:120]}"
    context.close()


def _last(folder: Path) -> Path:
    return max(folder.glob("????-??-??.html"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
