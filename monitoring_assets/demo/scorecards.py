"""Probability-of-default models: trained with scikit-learn, exported to ONNX, run by onnxruntime.

A graph has one input of shape (rows, 1) for each characteristic, named like it. A missing number
comes as NaN, a missing text as ''.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from resources.onnx_runtime import load_onnxruntime

SCORE_OUTPUT = "probabilities"
SCORE_COLUMN = 1  # of the two classes, default

Method = Literal["logistic", "boosting"]


def train(method: Method, inputs: pa.Table, default: NDArray[np.bool_], seed: int) -> bytes:
    """Train a model and export it.

    Parameters
    ----------
    method
        Logistic regression, or gradient boosting.
    inputs
        The characteristics: float64, int64, string or bool columns, without a key.
    default
        Bool, shape (rows,): who defaulted.
    seed
        Seed of the gradient boosting.

    Returns
    -------
    The ONNX graph; its output ``probabilities`` is float32 of shape (rows, 2).
    """
    # Imported here: scikit-learn takes seconds, and scoring needs none of it.
    import pandas as pd
    from skl2onnx import convert_sklearn
    from skl2onnx.common import data_types
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, PowerTransformer, StandardScaler
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    texts = [f.name for f in inputs.schema if pa.types.is_string(f.type)]
    floats = [f.name for f in inputs.schema if pa.types.is_floating(f.type)]
    counts = [f.name for f in inputs.schema if pa.types.is_integer(f.type)]
    classifier: Any
    numeric: Any
    if method == "logistic":
        numeric = make_pipeline(SimpleImputer(strategy="median"), PowerTransformer())
        classifier = LogisticRegression(max_iter=1000)
    else:
        numeric = "passthrough"  # trees take NaN
        classifier = HistGradientBoostingClassifier(
            max_iter=60, max_leaf_nodes=12, min_samples_leaf=40, random_state=seed
        )
    steps = [
        ("floats", numeric, floats),
        ("counts", StandardScaler(), counts),
        ("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts),
    ]
    # The exporter takes no step without columns.
    prepare = ColumnTransformer([s for s in steps if s[2]], remainder="passthrough")
    pipeline = make_pipeline(prepare, classifier)
    arrays = as_inputs(inputs)
    # One thread: sums in a fixed order, so that the same seed gives the same bytes.
    with threadpool_limits(1):
        pipeline.fit(pd.DataFrame({name: array[:, 0] for name, array in arrays.items()}), default)
    tensors = {
        "f": data_types.FloatTensorType,
        "i": data_types.Int64TensorType,
        "b": data_types.BooleanTensorType,
        "O": data_types.StringTensorType,
    }
    graph = convert_sklearn(
        pipeline,
        name=method,
        initial_types=[(name, tensors[a.dtype.kind]([None, 1])) for name, a in arrays.items()],
        options={"zipmap": False},
        target_opset=17,
    )
    return bytes(graph.SerializeToString())


def score(graph: bytes, inputs: pa.Table) -> NDArray[np.float64]:
    """Run a graph that `train` made.

    Returns
    -------
    Shape (rows,): probabilities of default, in [0, 1].
    """
    session = load_onnxruntime().InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    (probabilities,) = session.run([SCORE_OUTPUT], as_inputs(inputs.select(names)))
    return np.asarray(probabilities[:, SCORE_COLUMN], dtype=np.float64)


def as_inputs(table: pa.Table) -> dict[str, NDArray[Any]]:
    """Columns as a graph takes them: float32, int64, bool or object arrays of shape (rows, 1)."""
    return {name: _as_input(table[name]) for name in table.column_names}


def _as_input(column: pa.ChunkedArray) -> NDArray[Any]:
    array: NDArray[Any]
    if pa.types.is_string(column.type):
        array = column.fill_null("").to_numpy().astype(object)
    elif pa.types.is_floating(column.type):
        array = column.to_numpy().astype(np.float32)
    else:
        array = column.to_numpy()
    return array.reshape(-1, 1)
