"""What several commands take from their options."""

import datetime as dt
import shlex

import click
import pyarrow as pa
import pytest

from monitoring_assets.cli.options import program, require_columns, stored_day
from tests.conftest import days_ago, onboard


def test_the_day_is_the_last_that_is_stored(lender, instance):
    lender.publish()
    onboard(lender, instance)
    with pytest.raises(click.BadParameter, match=r"'pd_cards\.1' has no drift report") as raised:
        stored_day(lender.store, "drift_report", "pd_cards.1", None)
    assert lender.store.root in raised.value.message
    for back in (1, 3, 2):
        lender.store.write_table("alerts", "pd_cards.1", days_ago(back), pa.table({"x": [1]}), {})
    assert stored_day(lender.store, "alerts", "pd_cards.1", None) == days_ago(1)
    asked = dt.datetime(2026, 3, 4)
    assert stored_day(lender.store, "alerts", "pd_cards.1", asked) == dt.date(2026, 3, 4)


@pytest.mark.parametrize("asked", [None, dt.datetime(2026, 3, 4)])
def test_an_unknown_version_is_named_with_those_that_are_known(
    lender, instance, monkeypatch, asked
):
    monkeypatch.delenv("MONITORING_STORE", raising=False)
    with pytest.raises(click.BadParameter) as raised:
        stored_day(lender.store, "alerts", "pd_cards.1", asked)
    assert raised.value.message == (
        f"{lender.store.root} has no model version 'pd_cards.1'; no version has landed there; "
        "MONITORING_STORE is not set"
    )
    monkeypatch.setenv("MONITORING_STORE", lender.store.root)
    lender.publish()
    lender.publish("pd_auto")
    onboard(lender, instance)
    with pytest.raises(click.BadParameter) as raised:
        stored_day(lender.store, "alerts", "pd_card.1", asked)
    assert raised.value.message == (
        f"{lender.store.root} has no model version 'pd_card.1' (did you mean 'pd_cards.1'?); "
        "it has pd_auto.1, pd_cards.1"
    )


def test_a_column_that_is_not_there_is_named_with_one_that_is_meant():
    require_columns("--score", ["score", "age"], "today.parquet", ["age", "score"])
    with pytest.raises(click.BadParameter) as raised:
        require_columns("--score", ["age", "scores"], "today.parquet", ["age", "score"])
    assert raised.value.param_hint == "--score"
    assert raised.value.message == (
        "today.parquet has no column 'scores' (did you mean 'score'?); it has age, score"
    )
    with pytest.raises(click.BadParameter, match="has no column 'x'; it has age, score"):
        require_columns("--score", ["x"], "today.parquet", ["age", "score"])


@pytest.mark.parametrize("folder", ["bin", "it's here"])
def test_the_program_is_named_as_the_shell_finds_it(tmp_path, monkeypatch, folder):
    called = tmp_path / folder / "monitoring"
    called.parent.mkdir()
    called.touch(mode=0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    for argument in (str(called), f"{folder}/monitoring"):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", [argument])
        assert shlex.split(program()) == [str(called)]
    monkeypatch.setenv("PATH", f"{called.parent}:/nowhere")
    assert program() == "monitoring"
