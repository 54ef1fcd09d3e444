"""The page of a day."""

import json
import re
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from monitoring_assets.pages.day_content import read_day
from monitoring_assets.pages.day_page import day_page
from tests.conftest import YESTERDAY
from tests.monitoring_assets.pages.conftest import KEY

VOID = {"meta", "input", "br", "line", "path", "link"}


class Tags(HTMLParser):
    """Checks that what is opened is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.faults = [], []

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)


def well_formed(page):
    tags = Tags()
    tags.feed(page)
    return not tags.open and not tags.faults


@pytest.mark.parametrize("which", ["quiet", "drifted", "stopped"])
def test_every_day_is_one_file_of_whole_html(monitored, which):
    page = day_page(read_day(monitored.store, KEY, getattr(monitored, which)))
    assert well_formed(page)
    assert len(page.encode()) < 1_000_000
    assert not re.search(r"""(src|href)=["']?(https?:)?//|url\(""", page)
    # Each chart has its numbers beside it, and a name for those who do not see it.
    assert page.count("<svg") == page.count('role="img" aria-label="')


def test_the_first_lines_say_what_was_found(monitored):
    content = read_day(monitored.store, KEY, monitored.drifted)
    page = day_page(content)
    assert page.index(KEY) < page.index('<div class="verdict') < page.index("<h2>")
    assert "<h2>Characteristics</h2>\n<p>Ranked by what each did to the mean score (" in page
    ranked = re.findall(r'<td class="name" data-value="(\w+)"', page)
    assert ranked == [one.drift.column for one in content.characteristics]
    assert f"{content.score.drift.value:.3f}" in page
    assert f'href="{monitored.quiet}.html"' in page


def test_links_of_the_deployment_are_shown(monitored, monkeypatch):
    monkeypatch.setenv("MONITORING_DAGSTER_URL", "https://dagster.lender.example/")
    page = day_page(read_day(monitored.store, KEY, monitored.quiet))
    assert 'href="https://dagster.lender.example/' in page


def test_the_command_writes_the_page_beside_its_table(monitored, tmp_path):
    out = tmp_path / "day.html"
    asked = ["report", KEY, "--date", str(monitored.drifted), "--html", str(out)]
    done = CliRunner().invoke(main, [*asked, "--format", "json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["date"] == str(monitored.drifted)
    assert out.read_text() == day_page(read_day(monitored.store, KEY, monitored.drifted))


def test_the_command_refuses_what_it_cannot_show(monitored, tmp_path):
    nothing = CliRunner().invoke(
        main, ["report", KEY, "--date", "2020-01-01", "--html", str(tmp_path / "x.html")]
    )
    assert (nothing.exit_code, "is not materialised" in nothing.output) == (2, True)
    assert not (tmp_path / "x.html").exists()
    alone = CliRunner().invoke(main, ["report", KEY, "--date", str(YESTERDAY), "--open"])
    assert (alone.exit_code, "--open needs --html FILE" in alone.output) == (2, True)
