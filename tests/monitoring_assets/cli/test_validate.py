"""``monitoring validate``."""

import json

from click.testing import CliRunner

from monitoring_assets.cli.main import main
from tests.monitoring_assets.conftest import KEY


def run(*arguments):
    return CliRunner().invoke(main, ["validate", *map(str, arguments)])


def test_json_has_null_source_and_light_of_each_test(scored):
    rows = sum(len(scored.frames[day]) for day in scored.days[:3])
    found = run(KEY, "--format", "json")
    assert found.exit_code == 0, found.output
    document = json.loads(found.stdout)
    assert (document["rows"], document["days"], document["horizon"]) == (rows, 3, 30)
    for test in document["tests"]:
        assert test["null"]
        assert test["source"]
        assert test["light"] in {"green", "amber", "red"}
    assert sum(band["rows"] for band in document["bands"]) == rows
    assert [document["bands"][at][end] for at, end in ((0, "low"), (-1, "high"))] == [None, None]
    assert "Infinity" not in found.stdout
    first, *others = ({test["name"] for test in band["tests"]} for band in document["bands"])
    assert first == {"Jeffreys", "exact binomial", "homogeneity over time"}
    assert all(names == first | {"heterogeneity"} for names in others)


def test_the_table_says_that_lights_are_policy(scored):
    found = run(KEY)
    assert found.exit_code == 0, found.output
    assert "Hosmer-Lemeshow" in found.stdout
    assert "Lights are policy: amber under a p-value of 0.05" in found.stdout


def test_a_period_without_outcomes_is_said(scored):
    found = run(KEY, "--from", scored.days[-1])
    assert found.exit_code == 2
    assert "has mature outcomes after 30 days" in " ".join(found.output.split())
