"""Performance estimated without outcomes: this project beside NannyML's CBPE.

The same references, rows, chunks and cut-offs for both; NannyML runs in a process and an
environment of its own. The data are its own car-loan set, in ten chunks of 5,000 rows, and
simulated ones whose true chance of bad is known: a score that is calibrated and one that is not,
references of 5,000 rows, chunks of 5,000 rows whose scores move by up to a standard deviation.
An error is the distance from the metric realised by the outcomes (car loan), or from the one to be
expected of the true chances (simulated). Here everything is computed from counts in a score grid.

Run: python benchmarks/estimated_performance.py
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measure
import peers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK = 5_000
REPLICAS = 10
SIMULATED = {"calibrated score": (1.0, 0.0), "score that is off": (0.7, 0.8)}
"""Slope and intercept of the score's log-odds on the true ones."""
FLAGGED_FROM = 0.2
METRICS = ("auc", "f1", "precision", "recall", "specificity", "accuracy", "value")
VALUES = [[0.0, -1.0], [-5.0, 1.0]]
"""What a row is worth: true negative and false positive, false negative and true positive."""


def export_car_loan(folder: str) -> None:
    """Write NannyML's data set: its positive class, repaid, takes the place of bad."""
    from nannyml import load_synthetic_car_loan_dataset

    names = {"y_pred_proba": "score", "y_pred": "flagged", "repaid": "bad"}
    reference, analysis, targets = load_synthetic_car_loan_dataset()
    tables = {"reference": reference, "analysis": analysis.merge(targets, on="id")}
    for name, table in tables.items():
        table = table[list(names)].rename(columns=names)
        table.assign(truth=table["bad"]).to_parquet(Path(folder) / f"{name}.parquet")


def nannyml(folder: str) -> dict[str, Any]:
    """Return what CBPE estimates for each chunk, and its CPU seconds."""
    import pandas as pd
    from nannyml import CBPE

    names = dict(zip(METRICS, ("roc_auc", *METRICS[1:-1], "business_value"), strict=True))
    reference, analysis = (
        pd.read_parquet(Path(folder) / f"{name}.parquet") for name in ("reference", "analysis")
    )
    start = time.process_time()
    estimator = CBPE(
        metrics=list(names.values()),
        y_pred_proba="score",
        y_pred="flagged",
        y_true="bad",
        problem_type="classification_binary",
        chunk_size=CHUNK,
        business_value_matrix=VALUES,
    ).fit(reference)
    fitted = time.process_time()
    found = estimator.estimate(analysis.drop(columns=["bad", "truth"]))
    estimated = time.process_time()
    table = found.filter(period="analysis").to_df()
    table[("business_value", "value")] /= CHUNK  # of a row, as the other metrics are
    return {
        "fit_s": fitted - start,
        "estimate_s": (estimated - fitted) / len(table),
        "chunks": [
            {metric: float(table[name]["value"].iloc[i]) for metric, name in names.items()}
            for i in range(len(table))
        ],
    }


def simulate(folder: Path, slope: float, intercept: float, replica: int) -> None:
    """Write a reference and ten chunks, later ones with riskier scores; 9 % are bad at first."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from scipy.special import expit

    rng = np.random.default_rng(replica)
    for name, shifts in (("reference", [0.0]), ("analysis", np.linspace(0, 1, 10))):
        log_odds = np.concatenate([rng.normal(-2.7 + shift, 1.0, CHUNK) for shift in shifts])
        score = expit(slope * log_odds + intercept)
        columns = {
            "score": score,
            "flagged": (score >= FLAGGED_FROM).astype(np.int64),
            "bad": (rng.random(len(score)) < expit(log_odds)).astype(np.int64),
            "truth": expit(log_odds),
        }
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")


def of_matrix(auc: float, tp: float, fp: float, fn: float, tn: float) -> dict[str, float]:
    """Return every metric, from AUC and a confusion matrix."""
    rows = tp + fp + fn + tn
    worth = tn * VALUES[0][0] + fp * VALUES[0][1] + fn * VALUES[1][0] + tp * VALUES[1][1]
    metrics = (
        auc,
        2 * tp / (2 * tp + fp + fn),
        tp / (tp + fp),
        tp / (tp + fn),
        tn / (tn + fp),
        (tp + tn) / rows,
        worth / rows,
    )
    return dict(zip(METRICS, metrics, strict=True))


def row_by_row(
    score: NDArray[np.float64], flagged: NDArray[np.int64], truth: NDArray[np.float64]
) -> dict[str, float]:
    """Return the metrics of rows, whose truth is an outcome or a chance."""
    import numpy as np

    from monitoring_assets.statistics.performance.calibration_map import concordance

    value = np.unique(score, return_inverse=True)[1]
    auc = concordance(np.bincount(value, 1 - truth), np.bincount(value, truth))
    cells = [
        float((side * part).sum()) for side in (flagged, 1 - flagged) for part in (truth, 1 - truth)
    ]
    return of_matrix(auc, *cells)


def ours(folder: Path) -> dict[str, Any]:
    """Return what is estimated from counts for each chunk, the truth, and CPU seconds."""
    import numpy as np
    import pyarrow.parquet as pq

    from monitoring_assets.statistics.performance.calibration_map import fit_calibration
    from monitoring_assets.statistics.performance.estimation import estimate
    from monitoring_assets.statistics.profiles.score_grid import count_scores, score_grid

    def read(name: str) -> dict[str, Any]:
        table = pq.read_table(folder / f"{name}.parquet")
        return {column: table[column].to_numpy() for column in table.column_names}

    reference, analysis = read("reference"), read("analysis")
    cut_off = float(analysis["score"][analysis["flagged"] == 1].min())
    start = time.process_time()
    grid = score_grid(reference["score"], [cut_off])
    calibration = fit_calibration(
        count_scores(reference["score"], grid, reference["score"]),
        count_scores(reference["score"], grid, reference["bad"].astype(np.float64)),
    )
    spent = {"fit_s": time.process_time() - start, "count_s": 0.0, "estimate_s": 0.0}
    chunks, truths = [], []
    for first in range(0, len(analysis["score"]), CHUNK):
        rows = slice(first, first + CHUNK)
        score = analysis["score"][rows]
        start = time.process_time()
        counted = count_scores(score, grid, score)
        counting = time.process_time()
        found = estimate(calibration, counted, [cut_off])
        spent["count_s"] += counting - start
        spent["estimate_s"] += time.process_time() - counting
        (at,) = found.cut_offs
        assert found.auc.value is not None
        cells = at.true_positives, at.false_positives, at.false_negatives, at.true_negatives
        chunks.append(of_matrix(found.auc.value, *cells) | {"error": found.auc.outcome_error})
        truths.append(row_by_row(score, analysis["flagged"][rows], analysis["truth"][rows]))
    for step in ("count_s", "estimate_s"):
        spent[step] /= len(chunks)
    return spent | {"chunks": chunks, "truths": truths}


def mean_error(runs: list[dict[str, Any]], truths: list[dict[str, Any]], metric: str) -> float:
    """Return the mean absolute error over all chunks of all runs, in thousandths."""
    errors = [
        abs(found[metric] - true[metric])
        for run, truth in zip(runs, truths, strict=True)
        for found, true in zip(run["chunks"], truth["truths"], strict=True)
    ]
    return 1_000 * sum(errors) / len(errors)


def main(data: Path) -> None:
    """Write the data, estimate by both, publish errors and times."""
    python = peers.environment("nannyml")
    home = data / "estimated_performance"
    folders = {"car loan": [home / "car_loan"]}
    for name in SIMULATED:
        folders[name] = [home / f"{name}-{replica}" for replica in range(REPLICAS)]
    for folder in (folder for group in folders.values() for folder in group):
        folder.mkdir(parents=True, exist_ok=True)
    measure.run(__file__, "export", home / "car_loan", python=python)
    for name, (slope, intercept) in SIMULATED.items():
        for replica, folder in enumerate(folders[name]):
            simulate(folder, slope, intercept, replica)
    rows, times = [], []
    for name, group in folders.items():
        theirs = measure.run(__file__, "measure", *group, python=python)
        mine = [ours(folder) for folder in group]
        if name == "car loan":
            side_by_side(mine[0], theirs[0])
        for metric in METRICS:
            errors = [mean_error(runs, mine, metric) for runs in (theirs, mine)]
            row = {"data": name, "metric": metric, "nannyml": errors[0], "ours": errors[1]}
            rows.append(row | {"ours / nannyml": errors[1] / errors[0]})
        for step in ("fit_s", "count_s", "estimate_s"):
            both = [[run[step] for run in runs if step in run] for runs in (theirs, mine)]
            means = [1_000 * sum(one) / len(one) if one else None for one in both]
            row = {"data": name, "CPU ms": step.removesuffix("_s")}
            times.append(row | dict(zip(("nannyml", "ours"), means, strict=True)))
    measure.publish("estimated_performance", rows)
    measure.publish("estimated_performance_times", times)


def side_by_side(mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Publish the AUC of each chunk of the car loans, in per cent."""
    rows = [
        {
            "chunk": number,
            "realised": 100 * truth["auc"],
            "nannyml": 100 * their["auc"],
            "ours": 100 * own["auc"],
            "ours, error by outcomes": 100 * own["error"],
        }
        for number, (truth, their, own) in enumerate(
            zip(mine["truths"], theirs["chunks"], mine["chunks"], strict=True), 1
        )
    ]
    measure.publish("estimated_performance_chunks", rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["export"]:
        export_car_loan(sys.argv[2])
        print("\nnull")
    elif sys.argv[1:2] == ["measure"]:
        found = [nannyml(folder) for folder in sys.argv[2:]]
        print("\n" + json.dumps(found))
    else:
        main(measure.arguments(__doc__ or "").parse_args().data)
