"""``monitoring gather``."""

import duckdb
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from tests.monitoring_assets.conftest import KEY


def run(*arguments):
    return CliRunner().invoke(main, ["gather", *arguments])


def test_every_report_is_in_the_gathered_files(scored):
    found = run(KEY)
    assert found.exit_code == 0, found.output
    root = scored.store.root
    for dataset in ("drift_report", "performance_report", "alerts"):
        days = scored.store.days(dataset, KEY)
        found = duckdb.sql(f"SELECT DISTINCT date FROM '{root}/gathered/{dataset}/*/*.parquet'")
        assert {day for (day,) in found.fetchall()} == {*days}


def test_what_is_up_to_date_is_not_written_again(scored):
    assert run().exit_code == 0
    again = run()
    assert again.exit_code == 0
    assert "0 of " in again.stdout
    assert again.stdout.rstrip().endswith(
        "files written below " + scored.store.storage.url("gathered")
    )


def test_a_version_that_is_not_there_is_refused(scored):
    found = run("pd_autos")
    assert found.exit_code == 2
    assert "'pd_autos' is no model version; known: pd_cards.1" in " ".join(found.output.split())
