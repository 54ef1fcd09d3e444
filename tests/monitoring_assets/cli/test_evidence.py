"""``monitoring evidence``."""

import shutil

from click.testing import CliRunner

from monitoring_assets.cli.main import main
from tests.monitoring_assets.conftest import KEY


def run(*arguments):
    return CliRunner().invoke(main, ["evidence", *map(str, arguments)])


def words(text):
    return " ".join(text.split())


def test_packs_of_two_periods_are_chained_and_verified_without_a_store(
    scored, tmp_path, monkeypatch
):
    first, *_, last = scored.days
    made = run(KEY, "--from", first, "--to", scored.days[2], "--out", tmp_path / "one")
    assert made.exit_code == 0, made.output
    assert "follows no other pack" in made.output
    made = run(KEY, "--from", last, "--out", tmp_path / "two")
    assert f"follows {first} to {scored.days[2]}" in made.output
    for name in scored.lender.environment:
        monkeypatch.delenv(name)
    found = run("verify", tmp_path / "two")
    assert found.exit_code == 0, found.output
    assert made.output.partition("sha256 ")[2].split()[0] in found.output
    assert f"follows {first} to {scored.days[2]}, which is as it was" in found.output
    shutil.move(tmp_path / "one", tmp_path / "elsewhere" / "one")
    assert "not compared: --after" in run("verify", tmp_path / "two").output
    found = run("verify", tmp_path / "two", "--after", tmp_path / "elsewhere" / "one")
    assert "which is as it was" in found.output
    (tmp_path / "two" / "evidence.html").write_text("all was well")
    (tmp_path / "two" / "tables" / "days.parquet").unlink()
    (tmp_path / "two" / "note.txt").write_text("added")
    found = run("verify", tmp_path / "two")
    assert found.exit_code == 2
    assert [line.partition(" (")[0] for line in found.output.splitlines()] == [
        "altered: evidence.html",
        "missing: tables/days.parquet",
        "added: note.txt",
    ]


def test_an_unknown_model_lists_the_known_ones(scored, tmp_path):
    found = run("pd_card.1", "--out", tmp_path / "one")
    assert found.exit_code == 2
    assert f"did you mean '{KEY}'?" in words(found.output)


def test_a_period_without_days_says_which_there_are(scored, tmp_path):
    found = run(KEY, "--from", "2020-01-01", "--to", "2020-01-31", "--out", tmp_path / "one")
    assert found.exit_code == 2
    assert f"it has 4 days from {scored.days[0]} to {scored.days[-1]}" in words(found.output)
    assert not (tmp_path / "one").exists()


def test_what_is_no_pack_is_refused(tmp_path):
    found = run("verify", tmp_path)
    assert found.exit_code == 2
    assert "is no evidence pack" in words(found.output)


def test_help_has_examples():
    assert "monitoring evidence verify packs/2026-Q1" in run("--help").output
    assert "--after packs/2026-Q1" in run("make", "--help").output
