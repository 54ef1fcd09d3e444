"""A lender with five models, made from a seed: its registry, its lake, and the truth about both.

- ``pd_cards`` is healthy, in each of its channels too. From day 50 on the lender accepts fewer of
  the same applicants: no fault of the model, and nothing to page for.
- ``pd_personal_loans``: from half time on, a marketing push brings in other people, more each day.
- ``pd_auto``: on one day an upstream feed breaks; production scores the broken data.
- ``pd_mortgage``: version 2 lands at three quarters of the time, as the shadow of version 1.
- ``pd_overdraft``: the applicants stay what they are, but from one day on it is others of them who
  fall into arrears.

The days named above are 30, 37, 45 and 20 of the usual 60, and outcomes are known after 14 of them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from numpy.typing import NDArray

from monitoring_assets.demo import decisions, population, scorecards
from monitoring_assets.demo.population import Applications
from monitoring_assets.demo.truth import TRUTH_NAME, Event, Truth, VersionTruth
from resources.manifest import MANIFEST_NAME

KEY = "application_id"
OUTCOME = "in_arrears"
TRAINING_ROWS = 20_000
REFERENCE_ROWS = 10_000
SHORTEST = 8  # days; below that the events would fall on each other

# Versions to which something happens.
PUSHED = "pd_personal_loans.1"
BROKEN = "pd_auto.1"
TURNED = "pd_overdraft.1"
DECIDED = "pd_cards.1"
"""The version whose decisions are known."""

TURNED_SHARE = 0.5
"""Share of the applicants whose outcomes no longer depend on who they are."""

# Monday to Sunday, times the usual volume of a product.
WEEK = (1.12, 1.08, 1.04, 1.02, 1.0, 0.88, 0.84)

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Product:
    """What people apply for: a feed of the lake."""

    feed: str
    prefix: str
    rows: int
    draw: population.Draw


@dataclass(frozen=True)
class Version:
    """A model version that watches a product's applications."""

    name: str
    number: str
    owner: str
    product: Product
    method: scorecards.Method
    sql: str | None = None
    segments: tuple[str, ...] = ()
    is_scored_by_production: bool = False
    is_shadow: bool = False

    @property
    def key(self) -> str:
        """The partition key."""
        return f"{self.name}.{self.number}"


CARDS = Product("card_applications", "CC", 3600, population.cards)
LOANS = Product("loan_applications", "PL", 3200, population.personal_loans)
AUTO = Product("auto_applications", "AF", 2800, population.auto)
MORTGAGES = Product("mortgage_applications", "MO", 2600, population.mortgages)
OVERDRAFTS = Product("overdraft_applications", "OD", 2400, population.overdrafts)
PRODUCTS = (CARDS, LOANS, AUTO, MORTGAGES, OVERDRAFTS)

VERSIONS = (
    Version("pd_auto", "1", "auto-risk", AUTO, "boosting", is_scored_by_production=True),
    Version("pd_cards", "1", "cards-risk", CARDS, "boosting", segments=("channel",)),
    Version("pd_mortgage", "1", "mortgage-risk", MORTGAGES, "logistic", sql="mortgage_v1.sql"),
    Version(
        *("pd_mortgage", "2", "mortgage-risk", MORTGAGES, "boosting"),
        sql="mortgage_v2.sql",
        is_shadow=True,
    ),
    Version("pd_overdraft", "1", "current-accounts-risk", OVERDRAFTS, "logistic"),
    Version("pd_personal_loans", "1", "loans-risk", LOANS, "logistic"),
)


def build(
    home: Path, *, end: dt.date, days: int = 60, seed: int = 7, progress: Progress | None = None
) -> Truth:
    """Write the lender's registry, lake and truth; at once when they are there already.

    The same ``end``, ``days`` and ``seed`` give the same bytes in every file.

    Parameters
    ----------
    home
        Folder that gets ``registry/``, ``lake/`` and ``truth.json``.
    end
        Last day with applications; day 1 is ``end - days + 1``.
    days
        Number of days, at least 8; events fall on the same fractions of it.
    seed
        Seed of everything random.
    progress
        Told the steps done, the steps in all and what is being done.

    Raises
    ------
    ValueError
        When ``days`` is too small.
    FileExistsError
        When ``home`` holds another lender, or a registry or lake that this function did not make.
    """
    if days < SHORTEST:
        raise ValueError(f"a lender needs at least {SHORTEST} days, not {days}")
    truth = what_happens(end, days, seed)
    parts = [home / name for name in (TRUTH_NAME, "lake", "registry")]
    found = Truth.read(home)
    if found is None and any(part.exists() for part in parts):
        raise FileExistsError(f"{home} holds a registry or lake that is not the demo's")
    if found is not None and found != truth:
        raise FileExistsError(
            f"{home} holds a demo of {found.days} days to {found.end} with seed {found.seed}; "
            "remove it or choose another folder"
        )
    if not all(part.exists() for part in parts):
        # Made aside and moved, so that whatever is seen is complete. The truth comes first: it
        # says that the rest is ours, if this is stopped between two moves.
        aside = home / ".lender"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        _Lender(aside, truth, progress or (lambda done, total, doing: None)).write()
        for part in parts:
            if not part.exists():
                (aside / part.name).rename(part)
        shutil.rmtree(aside)
    return truth


def what_happens(end: dt.date, days: int, seed: int) -> Truth:
    """Tell which events a lender of these parameters has, and when.

    Parameters
    ----------
    end, days, seed
        As for `build`.
    """
    first = end - dt.timedelta(days=days - 1)

    def day_at(share: float) -> dt.date:
        return first + dt.timedelta(days=round(share * days) - 1)

    push = Event(
        "marketing push: poorer applicants, more each day",
        began=day_at(30 / 60),
        ended=None,
        characteristics=population.PUSHED_CHARACTERISTICS,
    )
    broken = Event(
        "feed breaks: income per month, 40% of bureau scores lost",
        began=day_at(37 / 60),
        ended=day_at(37 / 60),
        characteristics=("income", "bureau_score"),
    )
    turned = Event(
        "other people fall into arrears: half of it has nothing to do with the application",
        began=day_at(20 / 60),
        ended=None,
        characteristics=(),
    )
    events = {PUSHED: push, BROKEN: broken, TURNED: turned}
    deployed = {"pd_mortgage.2": day_at(45 / 60)}
    return Truth(
        end,
        days,
        seed,
        tuple(VersionTruth(v.key, deployed.get(v.key, first), events.get(v.key)) for v in VERSIONS),
    )


def maturity(days: int) -> int:
    """Days after which outcomes are known: 14 of the usual 60, so that the demo lives to see it."""
    return round(days * 14 / 60)


@dataclass(frozen=True)
class _Lender:
    """Writes the files of one lender."""

    home: Path
    truth: Truth
    progress: Progress

    def write(self) -> None:
        total = len(VERSIONS) + len(PRODUCTS) * self.truth.days
        graphs: dict[str, bytes] = {}
        for done, version in enumerate(VERSIONS):
            self.progress(done, total, f"training {version.key}")
            graphs[version.key] = self._write_version(version)
        for done, day in enumerate(self.truth.dates):
            for product in PRODUCTS:
                at = len(VERSIONS) + len(PRODUCTS) * done + PRODUCTS.index(product)
                self.progress(at, total, f"applications of {day}")
                self._write_day(product, day, graphs)
        self.truth.write(self.home)
        self.progress(total, total, "the lender is there")

    def _write_version(self, version: Version) -> bytes:
        """Train the version and write its folder, the manifest last."""
        folder = self.home / "registry" / version.name / version.number
        folder.mkdir(parents=True)
        training = self._sample(version, TRAINING_ROWS, purpose=1)
        reference = self._sample(version, REFERENCE_ROWS, purpose=2)
        sql = _sql_text(version)
        inputs = _characteristics(training.table, sql)
        graph = scorecards.train(
            version.method, inputs.drop_columns(KEY), training.default, self.truth.seed
        )
        table = _characteristics(reference.table, sql)
        if version.is_scored_by_production:
            table = table.append_column("score", [scorecards.score(graph, table)])
        else:
            (folder / "model.onnx").write_bytes(graph)
        if version.key == DECIDED:
            rng = self._rng(200, version.product.rows)
            table = self._decided(table, graph, rng, decisions.CUT_OFF)
        table = table.append_column(OUTCOME, [reference.default])
        _write_parquet(table, folder / "reference.parquet")
        if sql is not None:
            (folder / "features.sql").write_text(sql, encoding="utf-8")
        manifest = self._manifest(version, inputs.drop_columns(KEY).column_names, graph)
        text = yaml.safe_dump(manifest, sort_keys=False)
        (folder / MANIFEST_NAME).write_text(text, encoding="utf-8")
        return graph

    def _write_day(self, product: Product, day: dt.date, graphs: dict[str, bytes]) -> None:
        rng = self._rng(PRODUCTS.index(product), day.toordinal())
        rows = int(rng.poisson(product.rows * WEEK[day.weekday()]))
        drawn = product.draw(rng, rows, self._pushed(day) if product is LOANS else 0.0)
        keys = pa.array([f"{product.prefix}-{day:%Y%m%d}-{row:05d}" for row in range(rows)])
        table = drawn.table.add_column(0, KEY, keys)
        if product is AUTO and self._touches(BROKEN, day):
            table = _broken(table, rng)
        if product is CARDS:
            is_stricter = day >= self.truth.dates[round(50 / 60 * self.truth.days) - 1]
            cut_off = decisions.LOWER_CUT_OFF if is_stricter else decisions.CUT_OFF
            rng = self._rng(200, day.toordinal())
            table = self._decided(table, graphs[DECIDED], rng, cut_off)
        default = drawn.default
        if product is OVERDRAFTS and self._touches(TURNED, day):
            default = _turned(default, rng)
        lake, date = self.home / "lake", f"date={day.isoformat()}"
        _write_parquet(table, lake / product.feed / date / "applications.parquet")
        outcomes = pa.table({KEY: keys, OUTCOME: default})
        _write_parquet(outcomes, lake / "outcomes" / product.feed / date / "outcomes.parquet")
        for version in VERSIONS:
            if version.product is product and version.is_scored_by_production:
                scores = scorecards.score(graphs[version.key], table)
                scored = pa.table({KEY: keys, "score": scores})
                _write_parquet(scored, lake / "scores" / product.feed / date / "scores.parquet")

    def _decided(
        self, table: pa.Table, graph: bytes, rng: np.random.Generator, cut_off: float
    ) -> pa.Table:
        """The applications with what was decided of them."""
        scores = scorecards.score(graph, table)
        for name, values in decisions.decide(
            rng, scores, table["requested_limit"], cut_off
        ).items():
            table = table.append_column(name, values)
        return table

    def _touches(self, key: str, day: dt.date) -> bool:
        event = self.truth.of(key).event
        return event is not None and event.touches(day)

    def _pushed(self, day: dt.date) -> float:
        """Share of the applicants whom the marketing push brought: 0, then up to 0.6."""
        touched = [date for date in self.truth.dates if self._touches(PUSHED, date)]
        return 0.6 * sum(date <= day for date in touched) / len(touched)

    def _sample(self, version: Version, rows: int, purpose: int) -> Applications:
        """Applications from before the first day, of no day in particular."""
        rng = self._rng(100 + VERSIONS.index(version), purpose)
        drawn = version.product.draw(rng, rows, 0.0)
        keys = pa.array([f"{version.product.prefix}-{purpose}-{row:05d}" for row in range(rows)])
        return Applications(drawn.table.add_column(0, KEY, keys), drawn.default)

    def _rng(self, *path: int) -> np.random.Generator:
        """A stream of its own for each thing that is drawn, whatever is drawn before it."""
        return np.random.default_rng([self.truth.seed, *path])

    def _manifest(self, version: Version, names: list[str], graph: bytes) -> dict[str, Any]:
        feed = version.product.feed
        reference = {"path": "reference.parquet", "outcome": OUTCOME}
        scoring: dict[str, Any]
        if version.is_scored_by_production:
            reference["score"] = "score"
            path = f"scores/{feed}/date={{date}}/*.parquet"
            scoring = {"flavour": "scored", "path": path, "score": "score"}
        else:
            scoring = {
                "flavour": "onnx",
                "artefact": "model.onnx",
                "sha256": hashlib.sha256(graph).hexdigest(),
                "output": scorecards.SCORE_OUTPUT,
                "output_column": scorecards.SCORE_COLUMN,
            }
        features: dict[str, Any] = {"columns": names}
        if version.sql is not None:
            features["sql"] = "features.sql"
        return {
            "schema_version": 1,
            "name": version.name,
            "version": version.number,
            "owner": version.owner,
            "deployed_at": self.truth.of(version.key).deployed_at,
            "shadow": version.is_shadow,
            "reference": reference,
            "batch": {"path": f"{feed}/date={{date}}/*.parquet", "key": KEY},
            "features": features,
            "scoring": scoring,
            "outcome": {
                "path": f"outcomes/{feed}/date={{date}}/*.parquet",
                "column": OUTCOME,
                "maturity": maturity(self.truth.days),
            },
            "segments": list(version.segments),
            **({"decisions": decisions.SECTION} if version.key == DECIDED else {}),
            "alerts": {"service": version.owner},
        }


def _broken(table: pa.Table, rng: np.random.Generator) -> pa.Table:
    """The applications as a broken feed delivers them."""
    lost = pa.array(rng.random(table.num_rows) < 0.4)
    scores = pc.if_else(lost, None, table["bureau_score"])
    for name, values in (("income", pc.divide(table["income"], 12.0)), ("bureau_score", scores)):
        table = table.set_column(table.column_names.index(name), name, values)
    return table


def _turned(default: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """The outcomes, with those of some people dealt out among them: as many bads, other people."""
    some = np.flatnonzero(rng.random(len(default)) < TURNED_SHARE)
    turned = default.copy()
    turned[some] = default[rng.permutation(some)]
    return turned


def _sql_text(version: Version) -> str | None:
    if version.sql is None:
        return None
    return (resources.files(__package__) / version.sql).read_text(encoding="utf-8")


def _characteristics(batch: pa.Table, sql: str | None) -> pa.Table:
    """The key and what the model takes."""
    if sql is None:
        return batch
    with duckdb.connect() as connection:
        connection.register("batch", batch)
        return connection.sql(sql).to_arrow_table()


def _write_parquet(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd")
