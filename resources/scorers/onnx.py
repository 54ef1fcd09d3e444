"""Flavour ``onnx``: the model is a graph, run by onnxruntime batch by batch."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resources.manifest import OnnxScoring
from resources.scorers.base import SCORE, FeatureFile, ScoringError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

BATCH_ROWS = 65_536


def score_onnx(features: FeatureFile, scoring: OnnxScoring, model: bytes, output: Path) -> None:
    """Score a file of features.

    The graph takes either one float tensor ``[N, characteristics]`` in the manifest's order, or one
    input ``[N, 1]`` for each characteristic, by name. A missing number is NaN, a missing text "".

    Parameters
    ----------
    features
        What to score.
    scoring
        The manifest's section.
    model
        The serialised graph.
    output
        Parquet file to write: the key and ``score``.

    Raises
    ------
    ScoringError
        If the graph cannot be loaded, its inputs do not fit the characteristics, or it fails.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    session = _session(model)
    names = [item.name for item in session.get_outputs()]
    wanted = scoring.output or names[-1]
    if wanted not in names:
        raise ScoringError(f"scoring.output: found {wanted!r}; the graph has {', '.join(names)}")
    file = pq.ParquetFile(features.path)
    schema = pa.schema([file.schema_arrow.field(features.key), pa.field(SCORE, pa.float64())])
    with pq.ParquetWriter(output, schema) as writer:
        for group in range(file.num_row_groups):
            parts = []
            for batch in file.iter_batches(BATCH_ROWS, row_groups=[group]):
                try:
                    result = session.run([wanted], _inputs(session, features, batch))[0]
                except Exception as error:  # onnxruntime has no common base class
                    raise ScoringError(f"the ONNX graph failed: {error}") from error
                score = result if result.ndim == 1 else result[:, scoring.output_column]
                parts.append(
                    pa.record_batch([batch[features.key], pa.array(score, pa.float64())], schema)
                )
            # One row group for each of the features': they are read side by side later.
            table = pa.Table.from_batches(parts, schema)
            writer.write_table(table, row_group_size=max(len(table), 1))


@lru_cache(maxsize=4)
def _session(model: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ScoringError(f"scoring.artefact is not an ONNX graph that can be run: {error}") from (
            error
        )


def _inputs(session: Any, features: FeatureFile, batch: pa.RecordBatch) -> dict[str, np.ndarray]:
    import numpy as np

    declared = session.get_inputs()
    if len(declared) == 1 and len(features.characteristics) > 1:
        columns = [_tensor(batch[name], "tensor(float)") for name in features.characteristics]
        return {declared[0].name: np.hstack(columns)}
    known = {item.name for item in declared}
    if known != set(features.characteristics):
        raise ScoringError(
            "the ONNX graph's inputs are not the characteristics: "
            f"only in the graph {sorted(known - set(features.characteristics))}, "
            f"only in the manifest {sorted(set(features.characteristics) - known)}"
        )
    return {item.name: _tensor(batch[item.name], item.type) for item in declared}


def _tensor(column: pa.Array, kind: str) -> np.ndarray:
    """A column as ``[N, 1]`` of the type the graph asks for."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if kind == "tensor(string)":
        filled, dtype = column.cast(pa.string()).fill_null(""), np.dtype(object)
    elif kind == "tensor(bool)":
        filled, dtype = column.fill_null(False), np.dtype(bool)
    elif kind == "tensor(int64)":
        filled, dtype = column.cast(pa.int64()).fill_null(0), np.dtype(np.int64)
    else:
        filled = column.cast(pa.float64(), safe=False)
        dtype = np.dtype(np.float64 if kind == "tensor(double)" else np.float32)
    values: np.ndarray = filled.to_numpy(zero_copy_only=False).astype(dtype, copy=False)
    return values.reshape(-1, 1)
