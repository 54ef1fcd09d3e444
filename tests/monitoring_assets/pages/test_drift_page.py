"""``monitoring drift --html``."""

import re

import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from monitoring_assets.pages.drift_page import drift_page
from monitoring_assets.statistics.drift.drift import BinDrift, ColumnDrift
from monitoring_assets.statistics.drift.thresholds import Status, Thresholds
from tests.conftest import rows

ONE_BIN = (BinDrift("all", "category", 100, 50, 0.0),)


def column(name, value, status, error=None, bins=ONE_BIN):
    index = "PSI" if name == "score" else "CSI"
    return ColumnDrift(
        name, index, Thresholds(), status, value, 0.01, bins, 0.0, 0.1, None, None, 0, error
    )


def page(*drifts, apart=(), new=()):
    return drift_page("train.parquet", "today.parquet", drifts, 100, 50, dict(apart), list(new))


def verdict(text):
    return re.search(r'<div class="verdict [a-z]+"><p>(.*?)</p>', text)[1]


@pytest.mark.parametrize(
    ("drifts", "said"),
    [
        (
            [column("age", 0.3, Status.FAIL), column("score", 0.02, Status.OK)],
            "1 of 2 columns have moved beyond a limit and beyond chance, age most: CSI 0.300.",
        ),
        (
            [column("age", 0.3, Status.INSUFFICIENT)],
            "None of 1 columns has moved beyond a limit and beyond chance.",
        ),
        (
            [column("age", None, Status.ERROR, "the column is missing")],
            "None of 1 columns has moved beyond a limit and beyond chance. "
            "1 could not be compared.",
        ),
        ([], "No column was judged."),
    ],
)
def test_the_verdict_is_one_sentence(drifts, said):
    assert verdict(page(*drifts)) == said


def test_the_worst_is_first_and_what_always_differs_is_apart():
    text = page(
        column("calm", 0.001, Status.OK),
        column("score", 0.2, Status.WARN),
        column("loan_id", 9.0, Status.FAIL),
        apart={"loan_id": "running numbers"}.items(),
        new=["<b>extra</b>"],
    )
    assert re.findall(r'class="name" data-value="(\w+)"', text) == ["score", "calm"]
    assert "<strong>loan_id</strong>: running numbers" in text
    assert "&lt;b&gt;extra&lt;/b&gt;" in text


def test_bins_stand_side_by_side():
    bins = (BinDrift("a<b", "category", 90, 10, 0.5), BinDrift("rest", "category", 10, 40, 0.2))
    text = page(column("kind", 0.7, Status.FAIL, bins=bins))
    assert "a&lt;b" in text
    # Bars are drawn to the largest share, 90%.
    widths = re.findall(r"width:([\d.]+)%", text)
    assert widths == ["100.0", "22.2", "11.1", "88.9"]


def test_the_command_writes_one_file_that_asks_for_nothing(tmp_path):
    rows(1).to_parquet(tmp_path / "train.parquet")
    rows(2, income_shift=2.0).to_parquet(tmp_path / "today.parquet")
    out = tmp_path / "new" / "drift.html"
    done = CliRunner().invoke(
        main,
        [
            *("drift", "--reference", str(tmp_path / "train.parquet")),
            *("--current", str(tmp_path / "today.parquet"), "--html", str(out)),
        ],
    )
    assert done.exit_code == 0, done.output
    assert f"Wrote {out.as_uri()}" in done.stderr
    text = out.read_text()
    assert "<h1>today.parquet</h1>" in text
    assert "income most: CSI" in verdict(text)
    assert not re.search(r"""(src|href)=["']?(https?:)?//|url\(""", text)


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    rows(1).to_parquet(tmp_path / "one.parquet")
    (tmp_path / "taken").write_text("a file, no folder")
    files = [
        "--reference",
        str(tmp_path / "one.parquet"),
        "--current",
        str(tmp_path / "one.parquet"),
    ]
    done = CliRunner().invoke(main, ["drift", *files, "--html", str(tmp_path / "taken" / "x.html")])
    assert done.exit_code == 2
    assert "--html" in done.output
    assert "taken" in done.output
