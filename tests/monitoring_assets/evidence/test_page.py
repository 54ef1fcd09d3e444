"""The page says first what failed, when, and what was done; names in it are text."""

import re
from html.parser import HTMLParser

import pytest

from monitoring_assets.evidence.page import evidence_page
from tests.monitoring_assets.evidence.conftest import DRIFTED, FORMULA, MARKUP, STOPPED

FETCHED = re.compile(r"""(?:src|href)\s*=|url\(|@import""")


class Texts(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.texts, self.scripts = [], [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        (self.scripts if self.open and self.open[-1] == "script" else self.texts).append(data)


@pytest.fixture(scope="module")
def page(content):
    return evidence_page(content)


def test_the_first_lines_say_what_failed_when_and_what_was_done(page, content):
    verdict = page.partition('class="verdict')[2].partition("</div>")[0]
    incident = content.rows("incidents")[0]
    assert f"{DRIFTED}, {incident['family']}, open" in verdict
    assert f"opened on {DRIFTED}" in verdict
    assert f"{STOPPED}, no report, stopped by a check" in verdict
    assert f"From {STOPPED}, accepted as a new normal" in verdict
    assert f"From {DRIFTED}, revision 2 of the manifest</strong> changed" in verdict
    assert "thresholds.psi.fail" in verdict


def test_names_are_text_and_nothing_is_fetched(page):
    assert MARKUP not in page
    assert "<b>team</b>" not in page
    texts = Texts()
    texts.feed(page)
    shown = " ".join(texts.texts)
    assert MARKUP in shown
    assert FORMULA in shown
    assert not any("alert(1)" in script for script in texts.scripts)
    assert not FETCHED.search(page)


def test_reviews_are_shown(page):
    shown = page.partition("<h3>Reviews</h3>")[2].partition("<h3>")[0]
    assert "a real change" in shown
    assert "a false alarm" not in shown


def test_every_table_is_listed(page, content):
    for name in content.tables:
        assert f'<td class="name">{name}</td>' in page
