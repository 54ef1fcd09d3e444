"""What Dagster's UI shows of a column, whose name and categories are a team's."""

import html
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from markdown_it import MarkdownIt

from monitoring_assets.assets.drift_report import bins_as_markdown
from monitoring_assets.statistics.drift.drift import compare
from monitoring_assets.statistics.profiles.binning import fit_bins
from monitoring_assets.statistics.profiles.profile import count
from monitoring_assets.statistics.profiles.source import ParquetSource
from resources.one_line import one_line
from tests.hostile_texts import HOSTILE


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_and_a_category_are_shown_and_not_rendered(tmp_path, text):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({text: [text, "other"] * 50}), path)
    source = ParquetSource([path])
    profile = count(source, fit_bins(source, [text], bins=10), is_reference=True)
    (column,) = compare(profile, profile)
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    shown = markdown.render(bins_as_markdown(column))
    assert html.unescape(shown).count(one_line(text)) == 2
    assert {*re.findall("<([a-z]+)", shown)} <= {
        *("p", "strong", "table", "thead", "tbody", "tr", "th", "td"),
    }
