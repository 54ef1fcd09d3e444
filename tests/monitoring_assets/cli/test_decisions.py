"""``monitoring decisions``, and where else the rule is told of."""

import json

from click.testing import CliRunner

from monitoring_assets.cli.main import main
from tests.monitoring_assets.conftest import KEY


def run(*arguments):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_table_fits_a_terminal_and_says_what_changed(decided):
    text = run("decisions", KEY, "--by", "all")
    assert max(map(len, text.split("\nall: ")[0].splitlines())) <= 80
    assert "low-side override" in text
    assert "all: The acceptance rule changed: of applicants in band (0.4" in text
    assert "By score band, all" in text
    assert "Approved against scored: PSI 0.60." in text
    assert "…" not in text


def test_json_has_counts_rates_bands_and_outcomes(decided):
    (found,) = json.loads(run("decisions", KEY, "--by", "all", "--format", "json"))
    assert found["total"]["scored"] == 3800
    assert found["total"]["approved_rate"] < 1
    assert len(found["bands"]) == 10
    assert found["change"]["rule_changed"] is True
    assert found["change"]["text"].startswith("The acceptance rule changed")
    assert {one["side"] for one in found["outcomes"]} >= {"approved", "low-side override"}


def test_a_model_without_the_section_is_refused(scored):
    result = CliRunner().invoke(main, ["decisions", KEY])
    assert result.exit_code == 2
    assert "found no section decisions" in result.output


def test_report_and_its_page_say_it(decided, tmp_path):
    page = tmp_path / "day.html"
    day = decided.days[-1].isoformat()
    assert "The acceptance rule changed: of applicants" in run(
        "report", KEY, "--date", day, "--html", str(page)
    )
    assert "The acceptance rule changed: of applicants" in page.read_text()
    found = json.loads(run("report", KEY, "--date", day, "--format", "json"))
    assert found["acceptance"]["change"]["rule_changed"] is True


def test_a_model_without_the_section_is_told_nothing(scored):
    assert "acceptance rule" not in run("report", KEY)


def test_concentration_by_exposure_is_tested(decided):
    found = json.loads(run("validate", KEY, "--format", "json"))
    (test,) = [one for one in found["tests"] if one["name"] == "Herfindahl index by exposure"]
    assert 0 <= test["p_value"] <= 1
    by = {one["by"]: one for one in found["concentration"]}
    assert by["exposure"]["now"]["herfindahl"] > by["number"]["now"]["herfindahl"]
    assert "Herfindahl index by exposure: now 0." in run("validate", KEY)


def test_without_an_amount_concentration_is_by_number_alone(scored):
    found = json.loads(run("validate", KEY, "--format", "json"))
    assert [one["by"] for one in found["concentration"]] == ["number"]
