"""The scores of a sample: those that its column holds, and those that the model gives it."""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from monitoring_assets.statistics.profiles.kernel import as_double
from resources.arrow_types import SCORE_FAMILIES, type_family
from resources.scorers.base import SCORE, FeatureFile, ScoringError
from resources.scorers.onnx import OnnxScoring

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 0.01
"""Share of the scores' range by which a model may miss the sample's score: one may be rounded."""


@dataclass(frozen=True)
class Scores:
    """The scores of the sample: the range that a day's may have, and what the user should hear."""

    lowest: float
    highest: float
    why: str
    warnings: tuple[str, ...] = ()


def sample_scores(
    sample: Path, score: str | None, model: bytes | None, columns: Sequence[str]
) -> Scores:
    """Read the scores, run the model, and compare.

    Parameters
    ----------
    sample
        The reference sample, a local Parquet file.
    score
        Its column that holds the score, if one does.
    model
        The ONNX graph, if there is one.
    columns
        The model's characteristics, in its order.
    """
    column = _numbers(sample, score) if score is not None else None
    given, failure = None, None
    if model is not None:
        try:
            given = _run(model, sample, columns)
        except ScoringError as error:
            failure = str(error)
    found = [one[np.isfinite(one)] for one in (column, given) if one is not None]
    values = np.concatenate(found) if found else np.array([])
    if not len(values):
        why = f"the model did not run on the sample: {failure}" if failure else "no number is in it"
        return Scores(0.0, 1.0, f"a probability, as {why}")
    lowest, highest = float(values.min()), float(values.max())
    seen = f"the sample's scores are {lowest:.4g} to {highest:.4g}"
    warnings = score_differences(score, column, given, highest - lowest)
    if failure:  # the judgement does not run a model whose sample has its score
        warnings = (f"the model does not run on the sample: {failure}",)
    if lowest >= 0 and highest <= 1:
        return Scores(0.0, 1.0, f"{seen}, so they are taken for probabilities", warnings)
    width = highest - lowest or 1.0
    step = 10.0 ** math.floor(math.log10(width))
    low = math.floor((lowest - width) / step) * step
    if lowest >= 0:
        low = max(low, 0.0)
    high = math.ceil((highest + width) / step) * step
    why = (
        f"{seen}, and as much again is left on each side; better are the ends of the scale. "
        "scoring.scale says what points stand for"
    )
    return Scores(round(low, 9), round(high, 9), why, warnings)


def score_differences(
    score: str | None,
    column: NDArray[np.float64] | None,
    model: NDArray[np.float64] | None,
    width: float,
) -> tuple[str, ...]:
    """A warning if the model does not give what the sample's column ``score`` says.

    ``width`` is that of the scores' range.
    """
    if column is None or model is None:
        return ()
    differ = ~(np.abs(column - model) <= TOLERANCE * (width or 1.0))
    differ &= ~(np.isnan(column) & np.isnan(model))
    if not differ.any():
        return ()
    row = int(differ.argmax())
    return (
        f"the model does not give the sample's {score} in {differ.sum():,} of {len(differ):,} "
        f"rows; row {row} has {column[row]:.4g}, the model says {model[row]:.4g}: are the "
        "characteristics those of the model, in its order, and is its last output the score?",
    )


def _numbers(file: Path, column: str) -> NDArray[np.float64] | None:
    """A column's numbers, missing ones NaN; None if it has others, which the judgement says."""
    values = pq.ParquetFile(file).read(columns=[column]).column(0)
    if type_family(values.type) not in SCORE_FAMILIES:
        return None
    numbers: NDArray[np.float64] = as_double(values.combine_chunks()).to_numpy(zero_copy_only=False)
    return numbers


def _run(model: bytes, sample: Path, columns: Sequence[str]) -> NDArray[np.float64] | None:
    digest = hashlib.sha256(model).hexdigest()
    section = {"flavour": "onnx", "artefact": "model.onnx", "sha256": digest}
    scoring = OnnxScoring.model_validate(section)
    with tempfile.TemporaryDirectory(prefix="monitoring-draft-") as folder:
        output = Path(folder) / "scores.parquet"
        scoring.write_scores(model, FeatureFile(sample, columns[0], tuple(columns)), output)
        return _numbers(output, SCORE)
