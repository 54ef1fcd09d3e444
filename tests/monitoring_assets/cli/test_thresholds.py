"""``monitoring thresholds suggest`` over a store: what it says, draws, and refuses."""

import datetime as dt
import json
from dataclasses import asdict

import pytest
import yaml
from click.testing import CliRunner

from monitoring_assets.assets.drift_report import _score_sd
from monitoring_assets.cli.main import main
from monitoring_assets.reference.comparison import compare_with_reference
from monitoring_assets.statistics.drift.report import DriftReport
from monitoring_assets.statistics.profiles.binning import fit_bins
from monitoring_assets.statistics.profiles.profile import count
from monitoring_assets.statistics.profiles.source import ParquetSource
from resources.manifest import parse_manifest
from resources.scorers.base import SCORE
from resources.store import Landed
from tests.conftest import days_ago, rows

COLUMNS = ["income", "region", SCORE]
KEY = "pd_cards.1"


class Past:
    """A version with a reference profile and as many drift reports as are wanted."""

    def __init__(self, lender, **manifest):
        self.store = lender.store
        self.scratch = lender.scratch
        changes = {"deployed_at": days_ago(100).isoformat()} | manifest
        text = yaml.safe_dump(lender.manifest("pd_cards", "1", **changes))
        self.manifest = parse_manifest(text, "model.yaml")
        now = dt.datetime.now(dt.UTC)
        landed = Landed(manifest=self.manifest, folder="pd_cards/1", landed_at=now)
        self.store.land({KEY: landed}, {KEY})

    def refer(self):
        source = self._source(rows(0, 2000))
        self.reference = count(source, fit_bins(source, COLUMNS), scores=source, score_column=SCORE)
        self.store.write_table("reference_profile", KEY, None, self.reference.to_table(), {})
        return self

    def live(self, days, income_shift=lambda day: 0.0, size=300):
        for number in range(days):
            source = self._source(rows(100 + number, size, income_shift(number)))
            current = count(source, self.reference.bins, scores=source, score_column=SCORE)
            drifts = compare_with_reference(self.reference, current, self.manifest.thresholds)
            report = DriftReport.build(drifts, self.reference, current).to_table()
            notes = {
                "run_id": f"run-{number}",
                "score_sd": _score_sd(self.reference),
                "is_additive": False,
                "thresholds": {"smoothing": "jeffreys"},
            }
            day = days_ago(days - 1 - number)
            self.store.write_table("drift_report", KEY, day, report, notes)
        return self

    def _source(self, frame):
        path = self.scratch / "rows.parquet"
        frame.to_parquet(path, index=False)
        return ParquetSource([path])


@pytest.fixture
def suggest(lender, monkeypatch):
    for name, value in lender.environment.items():
        monkeypatch.setenv(name, value)
    # For speed; the tests of the statistics draw more, and try all.
    monkeypatch.setattr("monitoring_assets.cli.thresholds.LEAST_MONTHS", 40.0)
    monkeypatch.setattr("monitoring_assets.statistics.alerts.tuning.FAILS", (0.1, 0.25))
    monkeypatch.setattr("monitoring_assets.statistics.alerts.tuning.POOL_DAYS", (1, 7))

    def run(*arguments):
        return CliRunner().invoke(main, ["thresholds", "suggest", *arguments])

    return run


def test_suggests_a_policy_that_the_manifest_takes(lender, suggest):
    past = Past(
        lender,
        revision=4,
        alerts={"service": "card-models", "resolve": 5, "open": {"days": 3, "of": 4}},
        thresholds={"characteristics": {"region": {"warn": 0.2, "fail": 0.3}}},
    )
    # A shift of the population for the last ten days.
    past.refer().live(40, lambda day: 0.5 if day >= 30 else 0.0)
    done = suggest(KEY, "--format", "json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["model"] == KEY
    assert document["days"]["with_report"] == 40
    assert 30 <= document["days"]["quiet"] <= 32
    (incident,) = document["in_force"]["past"]
    assert (incident["family"], incident["resolved"]) == ("population", None)
    assert days_ago(10).isoformat() < incident["opened"] <= days_ago(5).isoformat()
    assert document["in_force"]["open"] == {"days": 3, "of": 4}

    suggested = document["suggested"]
    assert document["meets_target"]
    assert suggested["false_pages_per_month_upper_95"] <= 0.1
    smallest = [
        document[name]["smallest_score_shift"]["index"] for name in ("suggested", "in_force")
    ]
    assert smallest[0] < smallest[1]

    changed = yaml.safe_load(document["manifest"])
    assert changed["revision"] == 5
    pasted = past.manifest.model_dump(mode="json") | changed
    parsed = parse_manifest(yaml.safe_dump(pasted), "model.yaml")
    assert parsed.thresholds.psi.fail == suggested["psi_fail"]
    assert parsed.thresholds.csi.fail == suggested["csi_fail"]
    assert parsed.thresholds.psi.warn <= parsed.thresholds.psi.fail
    assert asdict(parsed.alerts.open) == suggested["open"]
    assert parsed.alerts.pool_days == suggested["pool_days"]
    # Only these change, and all else that was said stays said.
    assert {name.partition(".")[0] for name in parsed.changes_from(past.manifest)} <= {
        "revision",
        "thresholds",
        "alerts",
    }
    assert (parsed.alerts.service, parsed.alerts.resolve) == ("card-models", 5)
    assert parsed.thresholds.characteristics == past.manifest.thresholds.characteristics


def test_shows_what_is_in_force_beside_it(lender, suggest):
    Past(lender).refer().live(30)
    done = suggest(KEY)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    (now,) = [line for line in lines if line.startswith(" in force ")]
    assert now.split()[2:7] == ["0.25", "0.25", "2", "of", "3"]
    assert any(line.startswith(" suggested ") for line in lines)
    assert "over the stored days it would never have paged" in " ".join(done.stdout.split())
    assert any(line.startswith("largest CSI ") and "▁" in line for line in lines)
    snippet = yaml.safe_load(done.stdout.partition("must be raised to count:")[2])
    assert set(snippet) == {"revision", "thresholds", "alerts"}
    assert max(map(len, lines)) <= 80
    assert "months of 3 columns without drift" in done.stderr
    assert suggest(KEY).stdout == done.stdout


@pytest.mark.slow
def test_draws_a_picture(lender, suggest, tmp_path):
    Past(lender).refer().live(30, lambda day: 0.6 if day > 20 else 0.0)
    picture = tmp_path / "study.png"
    done = suggest(KEY, "--plot", str(picture))
    assert done.exit_code == 0, done.output
    assert picture.read_bytes().startswith(b"\x89PNG\r\n")
    assert "largest CSI" not in done.stdout
    nowhere = suggest(KEY, "--plot", str(tmp_path / "no" / "study.png"))
    assert nowhere.exit_code == 2
    assert "--plot" in nowhere.stderr
    assert "No such file" in nowhere.stderr
    assert suggest(KEY, "--plot", "study.pdf").exit_code == 2


def test_a_change_that_was_not_paged_is_asked_for_and_then_counted_with(lender, suggest):
    """Twelve days over 0.1 and under the limit in force."""
    past = Past(lender).refer().live(40, lambda day: 0.22 if day >= 28 else 0.0, size=1500)
    done = suggest(KEY)
    assert done.exit_code == 0, done.output
    words = " ".join(done.stdout.split())
    assert "Held back, as it would have paged on " in words
    ask = f"monitoring review record {KEY} --real --from "
    assert ask in words
    first, _, last = words.partition(ask)[2].split()[:3]
    assert days_ago(12).isoformat() <= first <= days_ago(8).isoformat()
    assert last == days_ago(0).isoformat()

    said = ["review", "record", KEY, "--real", "--from", first, "--to", last, "--why", "broker"]
    assert CliRunner().invoke(main, said).exit_code == 0
    document = json.loads(suggest(KEY, "--format", "json").stdout)
    (missed,) = document["suggested"]["past"]
    assert missed["review"] == "a real change"
    assert document["in_force"]["past"] == []
    limits = ("psi_fail", "csi_fail")
    assert any(document["suggested"][one] < document["in_force"][one] for one in limits)

    said = ["review", "record", KEY, "--real", "--from", str(days_ago(60)), "--why", "all of it"]
    assert CliRunner().invoke(main, said).exit_code == 0
    done = suggest(KEY)
    assert done.exit_code == 2
    assert "there is no day without drift to learn from" in " ".join(done.stderr.split())
    assert past.store.days("drift_report", KEY)


def test_few_days_say_what_they_can(lender, suggest):
    Past(lender).refer().live(3)
    done = suggest(KEY)
    assert done.exit_code == 0, done.output
    words = " ".join(done.stdout.split())
    assert "drawn like 3 stored ones" in words
    assert "with fewer than 14 such days only their volumes are known" in words


def test_says_what_is_missing(lender, suggest):
    unknown = suggest("pd_cards.1")
    assert unknown.exit_code == 2
    assert "known: none has landed yet" in unknown.stderr
    past = Past(lender)
    unknown = suggest("pd_cards")
    assert unknown.exit_code == 2
    assert f"known: {KEY}" in unknown.stderr
    unprofiled = suggest(KEY)
    assert unprofiled.exit_code == 2
    assert "materialise reference_profile first" in unprofiled.stderr
    past.refer()
    dayless = suggest(KEY)
    assert dayless.exit_code == 2
    assert "0 days" in dayless.stderr
    assert "backfill a day or more, 14 to learn its weekdays too" in " ".join(
        dayless.stderr.split()
    )
    assert suggest(KEY, "--target", "0").exit_code == 2


def test_a_lower_target_is_proved_on_more_months(lender, suggest):
    Past(lender).refer().live(20)
    document = json.loads(suggest(KEY, "--target", "0.05", "--format", "json").stdout)
    assert document["simulated_months"] >= 3 / 0.05
    assert document["suggested"]["false_pages_per_month_upper_95"] <= 0.05
