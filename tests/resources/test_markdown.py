"""Texts of others in Markdown: a renderer shows them as they are."""

import html

import pytest
from markdown_it import MarkdownIt

from resources.markdown import as_markdown
from resources.one_line import one_line
from tests.hostile_texts import HOSTILE


@pytest.mark.parametrize("text", HOSTILE)
def test_a_renderer_shows_the_text_and_makes_nothing_of_it(text):
    # With HTML let through, as some renderers do.
    shown = (
        MarkdownIt("commonmark", {"html": True}).enable("table").render(f"a {as_markdown(text)}")
    )
    assert html.unescape(shown) == f"<p>a {one_line(text)}</p>\n"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_of_a_table_ends_where_it_should(text):
    table = f"| a | b |\n|---|---|\n| {as_markdown(text)} | end |\n"
    shown = MarkdownIt("commonmark", {"html": True}).enable("table").render(table)
    assert shown.count("<td>") == 2
    assert "<td>end</td>" in shown


@pytest.mark.parametrize("text", ["bureau_score", "(-inf, 15150.0)", "income per month: 40%"])
def test_a_usual_text_stays_as_it_is(text):
    assert as_markdown(text) == text
