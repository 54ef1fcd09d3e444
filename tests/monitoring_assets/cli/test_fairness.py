"""``monitoring fairness``."""

import json

import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from tests.monitoring_assets.conftest import KEY


def run(*arguments):
    return CliRunner().invoke(main, ["fairness", *map(str, arguments)])


def test_json_has_every_figure_with_its_interval_or_its_reason(protected):
    found = run(KEY, "--format", "json")
    assert found.exit_code == 0, found.output
    document = json.loads(found.stdout)
    assert (document["days"], document["mature_days"], document["horizon"]) == (4, 3, 30)
    assert (document["cut_offs"], document["not_counted"]) == ([0.45, 0.6], {})
    assert "four fifths" in document["policy"]
    sex, age = document["columns"]
    assert (sex["reference"], sex["declared"]) == ("prot_man", True)
    assert age["declared"] is False
    for one in [*sex["figures"], *age["figures"]]:
        found = one["found"]
        assert (found["value"] is None) == (found["reason"] is not None)
        if one["measure"] not in {"rows", "rows with an outcome"} and found["value"] is not None:
            assert found["low"] <= found["value"] <= found["high"]


def test_the_table_has_groups_by_measure_and_the_policy(protected):
    found = run(KEY)
    assert found.exit_code == 0, found.output
    assert "prot_sex: compared with 'prot_man', as the manifest says" in found.stdout
    assert "prot_age: compared with 'under 25', approved most at 0.45" in found.stdout
    assert "89 and over" in found.stdout
    assert "Policy: under four fifths: an impact ratio below 0.8" in found.stdout
    assert "no legal verdict" in found.stdout


def test_the_page_has_every_column(protected, tmp_path):
    file = tmp_path / "fairness.html"
    found = run(KEY, "--html", file)
    assert found.exit_code == 0, found.output
    page = file.read_text()
    assert "<h2>prot_sex</h2>" in page
    assert "<h2>prot_age</h2>" in page
    assert "adverse-impact ratio at 0.45" in page


def test_a_version_without_the_section_is_refused_in_words(scored):
    found = run(KEY)
    assert found.exit_code == 2
    assert "has no section fairness" in " ".join(found.output.split())
    assert not scored.store.days("fairness", KEY)


@pytest.mark.parametrize(
    "options", [["--horizon", "7"], ["--from", "2026-02-01", "--to", "2026-01-01"]]
)
def test_bad_usage_is_2(protected, options):
    assert run(KEY, *options).exit_code == 2
