"""``monitoring vintages``."""

import json

from click.testing import CliRunner

from monitoring_assets.cli.main import main
from tests.conftest import days_ago, job, onboard
from tests.monitoring_assets.conftest import KEY


def run(*arguments):
    return CliRunner().invoke(main, ["vintages", *map(str, arguments)])


def test_json_has_each_period_and_horizon(scored):
    found = run(KEY, "--by", "day", "--format", "json")
    assert found.exit_code == 0, found.output
    first = json.loads(found.stdout)[0]
    frame = scored.frames[scored.days[0]]
    (horizon,) = first["horizons"]
    assert (first["days"], horizon["horizon"], horizon["complete"]) == (1, 30, True)
    assert (horizon["rows"], horizon["bads"]) == (len(frame), frame["bad"].sum())
    assert horizon["bad_rate"] == frame["bad"].mean()


def test_the_table_marks_what_has_not_matured_in_full(scored, known):
    found = run(KEY, "--by", "all")
    assert found.exit_code == 0, found.output
    assert "after 30 d" in found.stdout
    assert f"{known['bad'].mean():.2%}*" in found.stdout
    assert "* of the days whose outcomes have matured" in found.stdout
    complete = run(KEY, "--by", "all", "--to", scored.days[2])
    assert "*" not in complete.stdout


def test_a_model_without_outcomes_says_so(lender, instance, monkeypatch):
    lender.publish()
    onboard(lender, instance)
    lender.deliver(days_ago(1))
    job("monitor_day", lender).execute_in_process(
        instance=instance, partition_key=f"{days_ago(1)}|{KEY}"
    )
    for name, value in lender.environment.items():
        monkeypatch.setenv(name, value)
    found = run(KEY)
    assert found.exit_code == 2
    assert "has no outcome.maturity in its manifest" in " ".join(found.output.split())
