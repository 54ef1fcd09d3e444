"""``monitoring compare``."""

import json

import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from tests.monitoring_assets.conftest import CHALLENGER, KEY


def run(*arguments):
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


def test_json_has_every_figure(challenged):
    found = run(KEY, CHALLENGER, "--format", "json")
    assert found.exit_code == 0, found.output
    document = json.loads(found.stdout)
    # The cut-off is the only one of the champion's manifest.
    assert (document["champion"]["cut_off"], document["horizon"]) == (0.5, 30)
    assert document["challenger"]["is_shadow"] is True
    assert document["counts"]["common"] == 3800
    assert len(document["by_day"]) == 3
    assert {one["day"] for one in document["by_day"]} == {str(day) for day in challenged.days[:3]}
    assert document["auc"]["difference"]["low"] < document["auc"]["difference"]["high"]
    swap = document["swap"]
    cells = (swap[name]["rows"] for name in ("both", "swapped_in", "swapped_out", "neither"))
    assert sum(cells) == 3800
    assert document["wait"]["smallest"] > 0


def test_the_table_and_the_page_say_what_is_compared(challenged, tmp_path):
    page = tmp_path / "page.html"
    found = run(KEY, CHALLENGER, "--html", page)
    assert found.exit_code == 0, found.output
    text = " ".join(found.stdout.split())
    assert f"{KEY} and {CHALLENGER} (shadow)" in text
    assert "3,800 common rows of 4 days; 2,700 of them have a known outcome, on 3 days" in text
    assert "swapped in" in text
    assert "Difference: -0." in text
    assert f"{CHALLENGER} ranks worse than {KEY}" in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((KEY, KEY), "is compared with itself"),
        ((KEY, "pd_cards.9"), "has no model version 'pd_cards.9'"),
        ((KEY, CHALLENGER, "--horizon", 7), "7 is no maturity of pd_cards.1; it has 30"),
        ((CHALLENGER, KEY), "say at which score pd_cards.2 refuses: its manifest names none"),
        ((KEY, CHALLENGER, "--cut-off", 7), "accepts 3,800 of 3,800 rows"),
    ],
)
def test_what_cannot_be_compared_is_said(challenged, arguments, said):
    found = run(*arguments)
    assert found.exit_code == 2
    assert said in " ".join(found.output.split())


def test_a_period_without_outcomes_shows_the_rest_and_says_why(challenged):
    found = run(KEY, CHALLENGER, "--from", challenged.days[-1])
    assert found.exit_code == 0, found.output
    text = " ".join(found.stdout.split())
    assert "has mature outcomes after 30 days" in text
    assert "Decided alike" in text
    assert "AUC" not in text
    assert "tenth" not in text
