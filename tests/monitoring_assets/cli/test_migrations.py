"""``monitoring migrations``."""

import json

import pyarrow as pa
import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from tests.monitoring_assets.conftest import KEY


def run(*arguments):
    return CliRunner().invoke(main, ["migrations", *map(str, arguments)])


@pytest.fixture
def days(scored, copy, monkeypatch):
    monkeypatch.setenv("MONITORING_STORE", copy.root)
    first, last = scored.days[0], scored.days[-1]
    for day, scores in ((first, [0.1, 0.1, 0.9, 0.9]), (last, [0.1, 0.9, 0.9, 0.1])):
        table = pa.table({"loan_id": ["a", "b", "c", "d"], "score": scores})
        copy.write_table("scores", KEY, day, table, {})
    return first, last


def test_json_has_matrix_bandwidths_and_tests(days):
    found = run(KEY, "--from", days[0], "--to", days[1], "--format", "json")
    assert found.exit_code == 0, found.output
    document = json.loads(found.stdout)
    bands = len(document["bands"])
    assert sum(map(sum, document["counts"])) == 4
    assert len(document["cells"]) == bands * (bands - 1)
    assert document["bandwidths"] == {"upper": 1.0, "lower": 1.0}
    assert document["higher_scores_are"] == "riskier"
    assert document["test"]["light"] in {"green", "amber", "red"}


def test_the_table_has_shares_by_band(days):
    found = run(KEY, "--from", days[0], "--to", days[1])
    assert found.exit_code == 0, found.output
    assert "4 customers on both days" in found.stdout
    assert found.stdout.count("50.0%") == 4
    assert "bandwidth to higher scores, which are riskier: 1.000" in found.stdout
    assert "bandwidth to lower scores, which are safer: 1.000" in found.stdout


def test_days_the_wrong_way_round_are_refused(days):
    found = run(KEY, "--from", days[1], "--to", days[0])
    assert found.exit_code == 2
    assert "is before" in found.output
