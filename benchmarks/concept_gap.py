"""The gap between realised and estimated AUC where no concept has shifted: its z, and its size.

Real data: US census employment in Massachusetts, which the wheel of NannyML has with a model's
scores: a reference of 2015, 41 chunks of 5,000 rows of 2016 to 2018. Splits are chosen on the
reference alone. Simulated: scores that are right, off by a line and off by a curve; groups within
which the score is off, whose share moves; columns that say nothing. A z should have a standard
deviation of 1. A concept that has shifted must still be found.

Run: python benchmarks/concept_gap.py
"""

from __future__ import annotations

import subprocess
import sys
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measure
import numpy as np
import peers
from scipy.special import expit

from monitoring_assets.statistics.drift.drift import judge_counts
from monitoring_assets.statistics.drift.thresholds import Thresholds
from monitoring_assets.statistics.performance.calibration_map import (
    CalibrationMap,
    concordance,
    fit_calibration,
)
from monitoring_assets.statistics.performance.comparison import Difference
from monitoring_assets.statistics.performance.concept_drift import explain, gap
from monitoring_assets.statistics.performance.estimation import Stratum, estimate_strata
from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.strata import (
    Split,
    choose_splits,
    row_slots,
    strata_of,
    stratum_names,
)
from monitoring_assets.statistics.profiles.binning import fit_bins
from monitoring_assets.statistics.profiles.bins import NumericBins
from monitoring_assets.statistics.profiles.kernel import as_arrow, slot_runs
from monitoring_assets.statistics.profiles.score_grid import count_scores, score_grid
from monitoring_assets.statistics.profiles.source import ParquetSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from monitoring_assets.statistics.profiles.bins import Bins

    Floats = NDArray[np.float64]
    Slots = Mapping[str, NDArray[np.uint8]]

CHUNK = 5_000
DRAWS = 10_000
GROUP_DRAWS = 400
WHEEL = "nannyml/datasets/data/employment_MA_{}.pq"
NOT_FEATURES = {"id", "employed", "year", "prediction", "predicted_probability"}
LEAST = 0.02
"""Gap of AUC that matters, as ``thresholds.performance.auc_drop`` warns."""
SCORES: dict[str, Callable[[Floats], Floats]] = {
    "calibrated": expit,
    "off by a line": lambda odds: expit(0.7 * odds + 0.8),
    "off by little": lambda odds: expit(odds / 0.95 + 0.05),
    "off by a curve": lambda odds: expit(odds + 0.25 * (odds + 2.7) ** 2 - 0.3),
}
"""The score of true log odds."""
DAYS = ((5_000, 5_000, 0.0), (20_000, 2_000, 0.7))
"""Rows of a reference and of a day, and by how much its log odds have moved."""


class Reference:
    """A reference, all of it and by stratum, as the product fits it."""

    def __init__(
        self, score: Floats, bad: Floats, slots: Slots, bins: Mapping[str, Bins], *, split: bool
    ) -> None:
        self.grid = score_grid(score)
        whole = self._fit(score, bad)
        self.splits: tuple[Split, ...] = ()
        if split:
            in_grid = np.concatenate([one for _, one in slot_runs(as_arrow(score), self.grid)])
            self.splits = choose_splits(whole, in_grid, bad, slots, bins)
        self.names = stratum_names(self.splits, bins)
        self.maps = [whole]
        if self.splits:
            strata = strata_of(self.splits, slots, len(score))
            numbers = range(len(self.names))
            self.maps = [self._fit(score[strata == n], bad[strata == n]) for n in numbers]

    def _fit(self, score: Floats, bad: Floats) -> CalibrationMap:
        counted = (count_scores(score, self.grid, summed) for summed in (score, bad))
        return fit_calibration(*counted)

    def gaps(self, score: Floats, bad: Floats, slots: Slots) -> tuple[Difference, Difference]:
        """Return the gaps of AUC and of the bad rate of a day."""
        strata = strata_of(self.splits, slots, len(score))
        found = estimate_strata(
            [
                Stratum(name, one, count_scores(own := score[strata == n], self.grid, own))
                for n, (name, one) in enumerate(zip(self.names, self.maps, strict=True))
            ]
        )
        value = np.unique(score, return_inverse=True)[1]
        auc = concordance(np.bincount(value, 1 - bad), np.bincount(value, bad))
        return gap(Estimate(auc), found.auc), gap(Estimate(float(bad.mean())), found.bad_rate)


def census_file(data: Path, name: str) -> Path:
    """Return a file of the wheel, taken from it at first use."""
    home = data / "census"
    wheel = next(home.glob("nannyml-*.whl"), None)
    if wheel is None:
        package = peers.PEERS["nannyml"][1][0]
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(home), package]
        subprocess.run(pip, check=True)
        (wheel,) = home.glob("nannyml-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(WHEEL.format(name), home))


def census(data: Path) -> None:
    """Publish the census with one calibration for all, and with one for each stratum."""
    import pyarrow.parquet as pq

    files = {name: census_file(data, name) for name in ("reference", "analysis", "analysis_target")}
    reference, analysis = (ParquetSource(files[name]) for name in ("reference", "analysis"))
    tables = {name: pq.read_table(file) for name, file in files.items()}
    score, later = (
        tables[name]["predicted_probability"].to_numpy() for name in ("reference", "analysis")
    )
    bad, outcomes = (
        tables[name]["employed"].to_numpy().astype(float)
        for name in ("reference", "analysis_target")
    )
    features = [name for name in reference.schema.names if name not in NOT_FEATURES]
    bins: dict[str, Any] = fit_bins(reference, features)
    slots, slots_later = (slots_of(one, bins) for one in (reference, analysis))
    rows = []
    for split in (False, True):
        start = time.process_time()
        fitted = Reference(score, bad, slots, bins, split=split)
        seconds = time.process_time() - start
        gaps, shifts = [], []
        for first in range(0, len(later) - CHUNK + 1, CHUNK):
            at = slice(first, first + CHUNK)
            of_chunk = {name: one[at] for name, one in slots_later.items()}
            of_auc, _ = fitted.gaps(later[at], outcomes[at], of_chunk)
            gaps.append(of_auc)
            edges = np.quantile(score, np.arange(1, 10) / 10)
            counts = (
                np.bincount(np.searchsorted(edges, x), minlength=10) for x in (score, later[at])
            )
            moved = judge_counts(*counts, Thresholds())
            shifts.append((moved.value, explain(moved.status, of_auc, LEAST).shift, of_auc.value))
        z = np.array([one.z for one in gaps])
        psi, shift, of_group = max(shifts)
        rows.append(
            {
                "calibrated": "apart for " + "; ".join(fitted.names) if split else "all together",
                "error of AUC, thousandths": 1_000 * float(np.mean([abs(g.value) for g in gaps])),
                "sd of z": float(z.std(ddof=1)),
                "beyond 1.96, %": 100 * float(np.mean(np.abs(z) > 1.96)),
                "PSI of the farthest chunk": psi,
                "its gap, thousandths": 1_000 * of_group,
                "it is": str(shift),
                "fit, CPU s": seconds,
            }
        )
        print(rows[-1], flush=True)
    measure.publish("concept_gap_census", rows)


def slots_of(source: ParquetSource, bins: Mapping[str, Bins]) -> dict[str, NDArray[np.uint8]]:
    """Return the slot of each row, by column."""
    groups = [row_slots(source, bins, group) for group in source.row_groups]
    return {name: np.concatenate([group[name] for group in groups]) for name in bins}


def simulated(job: tuple[str, int, int, float, int]) -> Floats:
    """Return z of AUC and of the bad rate, float64[N, 2], of fresh references and days."""
    name, before, after, shift, seed = job
    rng, found = np.random.default_rng(seed), []
    for _ in range(DRAWS // 20):
        odds = rng.normal(-2.7, 1.0, before)
        bad = (rng.random(before) < expit(odds)).astype(float)
        fitted = Reference(SCORES[name](odds), bad, {}, {}, split=False)
        odds = rng.normal(-2.7 + shift, 1.0, after)
        bad = (rng.random(after) < expit(odds)).astype(float)
        found.append([one.z for one in fitted.gaps(SCORES[name](odds), bad, {})])
    return np.array(found)


def scores(pool: ProcessPoolExecutor) -> None:
    """Publish the z of scores that are right and of ones that are not."""
    rows = []
    for name, (before, after, shift) in product(SCORES, DAYS):
        jobs = [(name, before, after, shift, seed) for seed in range(20)]
        z = np.concatenate(list(pool.map(simulated, jobs)))
        rows.append(
            {
                "score": name,
                "reference": before,
                "day": after,
                "moved by": shift,
                "sd of z, AUC": float(z[:, 0].std()),
                "sd of z, bad rate": float(z[:, 1].std()),
            }
        )
        print(rows[-1], flush=True)
    measure.publish("concept_gap_scores", rows)


def people(
    rng: np.random.Generator, rows: int, share: float, moved: float
) -> tuple[Floats, Floats, Floats]:
    """Return a group (0 or 1), ten correlated columns, and log odds that the columns make."""
    group = (rng.random(rows) < share).astype(float)
    common = rng.normal(moved, 0.7, rows)
    columns = common[:, None] + rng.normal(0, 0.7, (rows, 10))
    return group, columns, -2 + 0.9 * common


GROUPS: dict[str, tuple[float, float, float]] = {
    "nothing": (0.0, 0.05, 0.0),
    "all columns": (0.0, 0.05, 0.7),
    "share of a group that is off": (1.0, 0.6, 0.0),
    "share of a group, and all columns": (1.0, 0.6, 0.7),
}
"""Whether the score is off in the group, its later share, and by how much the columns move."""
CONCEPTS = {"none": 1.0, "half of what the score says": 0.5}
"""Slope of the later log odds."""


def drawn(
    rng: np.random.Generator, rows: int, off: float, share: float, moved: float, slope: float
) -> tuple[Floats, Floats, dict[str, Floats]]:
    """Return scores, outcomes and columns. Within the group a score says a third as much."""
    group, columns, odds = people(rng, rows, share, moved)
    truth = np.where(group == 1, (1 - off) * odds + off * (odds / 3 - 0.3), odds)
    bad = (rng.random(rows) < expit(-2 + slope * (truth + 2))).astype(float)
    return expit(odds), bad, {"group": group} | {str(n): one for n, one in enumerate(columns.T)}


def in_bins(columns: dict[str, Floats], bins: Mapping[str, NumericBins]) -> Slots:
    """Return the slots of columns."""
    return {
        name: np.searchsorted(bins[name].edges, one).astype(np.uint8)
        for name, one in columns.items()
    }


def grouped(job: tuple[str, str, int]) -> list[tuple[int, float, float, float, float]]:
    """Return splits, z and p-value of the gap of AUC together and apart, of fresh references."""
    name, concept, seed = job
    off, share, moved = GROUPS[name]
    rng, found = np.random.default_rng(seed), []
    tenths = np.arange(1, 10) / 10
    for _ in range(GROUP_DRAWS // 20):
        score, bad, columns = drawn(rng, 20_000, off, 0.05, 0.0, 1.0)
        edges = {n: np.unique(np.quantile(one, tenths)) for n, one in columns.items()}
        edges["group"] = np.array([0.5])
        bins = {
            n: NumericBins(tuple(e.tolist()), "numeric", -9.0, 9.0, "double")
            for n, e in edges.items()
        }
        one, apart = (
            Reference(score, bad, in_bins(columns, bins), bins, split=split)
            for split in (False, True)
        )
        score, bad, columns = drawn(rng, 5_000, off, share, moved, CONCEPTS[concept])
        day = score, bad, in_bins(columns, bins)
        (together, _), (by_stratum, _) = one.gaps(*day), apart.gaps(*day)
        found.append(
            (len(apart.splits), together.z, by_stratum.z, together.p_value, by_stratum.p_value)
        )
    return found


def groups(pool: ProcessPoolExecutor) -> None:
    """Publish the z where groups differ, and how often a concept that has shifted is found."""
    rows = []
    for name, concept in product(GROUPS, CONCEPTS):
        jobs = [(name, concept, seed) for seed in range(20)]
        found = np.array([one for part in pool.map(grouped, jobs) for one in part])
        row: dict[str, Any] = {
            "moves": name,
            "shifted concept": concept,
            "references with splits, %": 100 * float(np.mean(found[:, 0] > 0)),
        }
        for at, how in enumerate(("together", "apart"), 1):
            row[f"sd of z, {how}"] = float(found[:, at].std())
            row[f"p <= 0.001, {how}, %"] = 100 * float(np.mean(found[:, at + 2] <= 1e-3))
        rows.append(row)
        print(row, flush=True)
    measure.publish("concept_gap_groups", rows)


def main() -> None:
    """Publish the census, the simulated scores and the simulated groups."""
    data = measure.arguments(__doc__ or "").parse_args().data
    (data / "census").mkdir(parents=True, exist_ok=True)
    census(data)
    with ProcessPoolExecutor(2) as pool:
        groups(pool)
        scores(pool)


if __name__ == "__main__":
    main()
