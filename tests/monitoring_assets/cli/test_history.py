"""``monitoring history``."""

import json

import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from tests.monitoring_assets.conftest import KEY


def run(*arguments):
    return CliRunner().invoke(main, ["history", *map(str, arguments)])


def test_json_has_every_figure(scored):
    found = run(KEY, "--by", "day", "--format", "json")
    assert found.exit_code == 0, found.output
    document = json.loads(found.stdout)
    by_day = {one["first"]: one for one in document}
    first = by_day[str(scored.days[0])]
    assert first["rows"] == first["performance"]["rows"] == len(scored.frames[scored.days[0]])
    assert first["performance"]["bads"] == scored.frames[scored.days[0]]["bad"].sum()
    assert {one["column"] for one in first["columns"]} == {"score", "income", "region"}
    assert by_day[str(scored.days[3])]["performance"] is None
    assert first["horizon"] == 30


def test_the_table_has_a_line_a_period(scored):
    found = run(KEY, "--by", "all")
    assert found.exit_code == 0, found.output
    assert f"{KEY}; outcomes after 30 days" in found.stdout
    rows = sum(map(len, scored.frames.values()))
    assert f"{rows:,}" in found.stdout


def test_the_page_has_each_day_and_month(scored, tmp_path):
    file = tmp_path / "year.html"
    found = run(KEY, "--html", file)
    assert found.exit_code == 0, found.output
    page = file.read_text()
    for day in scored.days:
        assert f"<title>{day}: " in page
    for month in {f"{day:%Y-%m}" for day in scored.days}:
        assert f'<td class="date">{month}</td>' in page
    assert "Bad rates and AUC are of cohorts whose outcomes after 30 days are known" in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pd_card.1"], "did you mean 'pd_cards.1'?"),
        ([KEY, "--from", "2030-01-02", "--to", "2030-01-01"], "2030-01-01 is before 2030-01-02"),
        ([KEY, "--horizon", "7"], "7 is no maturity of pd_cards.1; it has 30"),
    ],
)
def test_what_is_asked_wrongly_is_said(scored, arguments, said):
    found = run(*arguments)
    assert found.exit_code == 2
    assert said in " ".join(found.output.split())
