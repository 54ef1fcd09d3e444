"""What an ONNX graph gives, and which part of it is the score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resources.scorers.base import ScoringError


def score_output(session: Any, wanted: str | None) -> str:
    """Name of the output that is the score: the one that is wanted, or the last.

    An output of a fixed length, such as the list of the classes, has no row for each row, so it is
    not taken unless it is wanted. One of length 1 is: LightGBM's exporter says so of any.

    Raises
    ------
    ScoringError
        If there is no such output.
    """
    outputs = session.get_outputs()
    names = [item.name for item in outputs]
    if wanted is None:
        lengths = [item.shape[0] if item.shape else None for item in outputs]
        of_rows = [
            name
            for name, length in zip(names, lengths, strict=True)
            if not (isinstance(length, int) and length > 1)
        ]
        return str((of_rows or names)[-1])
    if wanted not in names:
        raise ScoringError(f"scoring.output: found {wanted!r}; the graph has {', '.join(names)}")
    return wanted


def scores(
    result: Any, name: str, rows: int, output_column: int, output_class: str | None
) -> NDArray[np.float64]:
    """The scores in an output.

    Parameters
    ----------
    result
        What onnxruntime gave: a tensor, or of a classifier with ZipMap a map by class for each row.
    name
        The output's name.
    rows
        How many rows went in.
    output_column
        Column of a tensor, or place of a class in the order of the labels.
    output_class
        Label of the class whose probability is the score.

    Raises
    ------
    ScoringError
        If there is not one number for each row.
    """
    if isinstance(result, list) and all(isinstance(one, Mapping) for one in result):
        label = _label(result[0], name, output_column, output_class) if result else None
        result = np.array([one[label] for one in result], dtype=np.float64)
    elif output_class is not None:
        raise ScoringError(
            f"scoring.output_class: found {output_class!r}; {name} has no labels: give the class's "
            "place in scoring.output_column (0 is the first)"
        )
    if not isinstance(result, np.ndarray) or result.dtype.kind not in "fiub":
        raise ScoringError(f"scoring.output: {name} is neither a tensor of numbers nor a ZipMap's")
    if result.ndim == 2:
        if not -result.shape[1] <= output_column < result.shape[1]:
            raise ScoringError(
                f"scoring.output_column: found {output_column}; "
                f"{name} has {result.shape[1]} columns"
            )
        result = result[:, output_column]
    if result.shape != (rows,):
        raise ScoringError(f"the ONNX graph gave scores of shape {result.shape} for {rows} rows")
    numbers: NDArray[np.float64] = result.astype(np.float64)
    return numbers


def _label(
    classes: Mapping[Any, float], name: str, output_column: int, output_class: str | None
) -> Any:
    """The key of the class whose probability is the score."""
    labels: Sequence[Any] = sorted(classes)
    shown = ", ".join(map(str, labels))
    if output_class is not None:
        for label in labels:
            if str(label) == output_class:
                return label
        raise ScoringError(
            f"scoring.output_class: found {output_class!r}; {name} has the classes {shown}"
        )
    if any(isinstance(label, str) for label in labels):
        # The last of `bad` and `good` is the wrong one.
        raise ScoringError(
            f"scoring.output_class: found nothing; {name} has the classes {shown}: say whose "
            "probability is the score"
        )
    if not -len(labels) <= output_column < len(labels):
        raise ScoringError(
            f"scoring.output_column: found {output_column}; {name} has {len(labels)} classes"
        )
    return labels[output_column]
