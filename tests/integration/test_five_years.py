"""A portfolio of five years whose truth is known, from its batches to what a validator reads.

A batch comes each month. What happens is in `YEARS`; everything that is said of a year is held
against it, or against pandas, scikit-learn and scipy on the rows themselves.
"""

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy.special import expit, logit
from scipy.stats import beta
from sklearn.metrics import roc_auc_score

from monitoring_assets.cli.demo import INSTANCE
from monitoring_assets.cli.main import main
from resources.storage import open_storage
from tests.conftest import Lender, rows

KEY = "pd_cards.1"
ROWS, MONTHS = 2000, 60
SPREAD, SHIFT = 0.5, 0.2
"""Standard deviation of the log of an income, and how far it moves down."""
MONITOR = f"""
import datetime as dt, sys
import dagster as dg
from monitoring_assets.definitions import defs
from monitoring_assets.runs.backfill import backfill
job = defs.get_repository_def().get_job("monitor_day")
days = [dt.date.fromisoformat(day) for day in sys.argv[1:]]
with dg.DagsterInstance.get() as instance:
    failed = backfill(job, instance, "{KEY}", days).failed
sys.exit(str(failed) if failed else 0)
"""


def first_mondays():
    """The first Monday of each of the last months whose outcomes are known."""
    month = dt.datetime.now(dt.UTC).date().replace(day=1) - dt.timedelta(days=45)
    found = []
    for _ in range(MONTHS):
        month = month.replace(day=1)
        found.append(month + dt.timedelta(days=-month.weekday() % 7))
        month -= dt.timedelta(days=1)
    return found[::-1]


DAYS = first_mondays()
YEARS = (
    "nothing",
    "other applicants in the third quarter",
    "more bads at every score",
    "scores that rank worse",
    "another acceptance rule from the second half on",
)


def is_shifted(month):
    return 18 <= month < 21


def is_stricter(month):
    return 54 <= month < MONTHS


def batch(month):
    """The rows of a month with their score, decision and outcome."""
    frame = rows(10_000 + month, ROWS, -SHIFT if is_shifted(month) else 0.0)
    random = np.random.default_rng(month)
    odds = logit(frame["score"])
    chance = expit({2: odds + 0.3, 3: 0.4 * odds}.get(month // 12, odds))
    # One in ten is decided by something else.
    approved = (frame["score"] < (0.4 if is_stricter(month) else 0.5)) ^ (random.random(ROWS) < 0.1)
    return frame.assign(
        loan_id=[f"{month}-{number}" for number in range(ROWS)],
        approved=approved,
        bad=(random.random(ROWS) < chance).astype(int),
    )


def ends(first, last):
    return ["--from", str(DAYS[first]), "--to", str(DAYS[last])]


@pytest.fixture(scope="module")
def portfolio(tmp_path_factory):
    """All batches by month, monitored as `monitoring backfill` does."""
    folder = tmp_path_factory.mktemp("five-years")
    lender = Lender(str(folder / "lender"), folder)
    lender.publish(
        deployed_at=str(DAYS[0]),
        reference={"path": "reference.parquet", "outcome": "bad"},
        schedule={"days": ["mon"]},
        outcome={"path": "outcomes/{date}.parquet", "column": "bad", "maturity": 30},
        decisions={"column": "approved"},
    )
    sample = pd.concat(batch(MONTHS + number) for number in range(2))
    lender.put(open_storage(lender.registry.root), "pd_cards/1/reference.parquet", sample)
    lake = open_storage(lender.lake.root)
    frames = [batch(month) for month in range(MONTHS)]
    for day, frame in zip(DAYS, frames, strict=True):
        lender.deliver(day, frame.drop(columns=["score", "bad"]))
        lender.put(lake, f"outcomes/{day}.parquet", frame[["loan_id", "bad"]])
    home = folder / "dagster_home"
    home.mkdir()
    event_log = INSTANCE.format(folder=json.dumps(str(home / "event_log")))
    (home / "dagster.yaml").write_text(event_log)
    environment = os.environ | lender.environment
    environment |= {"DAGSTER_HOME": str(home), "MONITORING_START_DATE": str(DAYS[0])}
    monitoring = Path(sys.executable).with_name("monitoring")
    for command in ([monitoring, "onboard"], [sys.executable, "-c", MONITOR, *map(str, DAYS)]):
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
    return lender, frames


@pytest.fixture
def ask(portfolio, monkeypatch):
    """What a command says of some months, as JSON."""
    for name, value in portfolio[0].environment.items():
        monkeypatch.setenv(name, value)

    def ask(command, first, last, *options):
        words = [command, KEY, *ends(first, last), *options, "--format", "json"]
        found = CliRunner().invoke(main, words)
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)

    return ask


def months_of(year):
    return 12 * year, 12 * year + 11


@pytest.mark.slow
class TestFiveYears:
    @pytest.mark.parametrize("year", range(5))
    def test_the_figures_of_a_year_are_those_of_its_rows(self, portfolio, ask, year):
        first, last = months_of(year)
        frames = portfolio[1][first : last + 1]
        (found,) = ask("history", first, last, "--by", "all")
        together = pd.concat(frames)
        assert (found["days"], found["rows"]) == (12, len(together))
        known = found["performance"]
        assert (known["rows"], known["bads"]) == (len(together), together["bad"].sum())
        assert known["expected"] == pytest.approx(together["score"].mean(), rel=1e-6)
        pairs = [one["bad"].sum() * (1 - one["bad"]).sum() for one in frames]
        aucs = [roc_auc_score(one["bad"], one["score"]) for one in frames]
        assert known["auc"] == pytest.approx(np.average(aucs, weights=pairs), rel=1e-6)

    @pytest.mark.parametrize("year", range(5))
    def test_lights_are_those_of_the_truth(self, portfolio, ask, year):
        first, last = months_of(year)
        together = pd.concat(portfolio[1][first : last + 1])
        tests = {one["name"]: one for one in ask("validate", first, last)["tests"]}
        bads, n = together["bad"].sum(), len(together)
        p_value = beta(bads + 0.5, n - bads + 0.5).cdf(together["score"].mean())
        assert tests["Jeffreys"]["p_value"] == pytest.approx(p_value, abs=1e-5)
        lights = {name: one["light"] for name, one in tests.items()}
        assert (lights["Jeffreys"] == "red") == (year == 2)
        assert (lights["Hosmer-Lemeshow"] == "red") == (year in (2, 3))
        assert (lights["AUC against development, as two samples"] == "red") == (year == 3)

    def test_other_applicants_are_seen_in_their_quarter_and_by_how_much(self, ask):
        (found,) = ask("history", 18, 20, "--by", "all")
        (psi,) = (one for one in found["columns"] if one["index"] == "PSI")
        # Of normal laws that lie d standard deviations apart the index is d squared, without bins.
        assert psi["value"] == pytest.approx((SHIFT / SPREAD) ** 2, abs=0.03)
        assert psi["status"] != "ok"
        for year in (0, 2, 3, 4):
            (found,) = ask("history", *months_of(year), "--by", "all")
            assert {one["status"] for one in found["columns"]} == {"ok"}

    def test_a_change_of_the_rule_is_none_of_the_applicants(self, portfolio, ask):
        for first, last, changed in ((0, 11, False), (48, 53, False), (54, 59, True)):
            together = pd.concat(portfolio[1][first : last + 1])
            (found,) = ask("decisions", first, last, "--by", "all")
            assert found["total"]["approved_rate"] == pytest.approx(together["approved"].mean())
            said = found["change"]["text"]
            assert said.startswith("The acceptance rule changed: ") == changed
            assert ("the applicants did not" in said) == changed

    def test_the_pack_of_all_years_can_be_verified(self, ask, tmp_path, monkeypatch):
        words = ["evidence", KEY, *ends(0, MONTHS - 1), "--out", str(tmp_path / "pack")]
        made = CliRunner().invoke(main, words)
        assert made.exit_code == 0, made.output
        verified = CliRunner().invoke(main, ["evidence", "verify", str(tmp_path / "pack")])
        assert verified.exit_code == 0, verified.output
        days = pd.read_parquet(tmp_path / "pack" / "tables" / "days.parquet")
        assert {*map(str, DAYS)} <= {*map(str, days["date"])}
