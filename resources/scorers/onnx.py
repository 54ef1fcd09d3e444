"""Flavour ``onnx``: the model is a graph, run by onnxruntime batch by batch."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resources.scorers.base import SCORE, ArtefactScoring, FeatureFile, ScoringError, ScoringJob

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from dagster import MetadataValue

BATCH_ROWS = 65_536
# By type of the graph's input: Arrow's type, numpy's, and what a missing value becomes.
TENSORS: dict[str, tuple[str, Any, Any]] = {
    "tensor(float)": ("double", np.float32, float("nan")),
    "tensor(double)": ("double", np.float64, float("nan")),
    "tensor(int64)": ("int64", np.int64, None),
    "tensor(int32)": ("int32", np.int32, None),
    "tensor(bool)": ("bool", np.bool_, None),
    "tensor(string)": ("string", np.object_, ""),
}
_LISTED = ", ".join(TENSORS)


class OnnxScoring(ArtefactScoring):
    """The model is an ONNX graph, run by onnxruntime.

    The graph takes either one tensor ``[N, characteristics]`` in the manifest's order, or one
    input ``[N, 1]`` for each characteristic, by name. A missing number is NaN, a missing text "";
    whole numbers and booleans have no such value, so none may be missing.
    """

    flavour: Literal["onnx"]
    output: str | None = Field(
        None, description="Name of the graph's output that is the score; default: its last."
    )
    output_column: int = Field(
        -1, description="Column of a two-dimensional output, such as a class's probability."
    )

    def run(self, job: ScoringJob) -> dict[str, MetadataValue]:
        """Run the graph over the features."""
        assert job.model is not None
        self.write_scores(job.model.read_bytes(), job.features, job.output)
        return {}

    def write_scores(self, model: bytes, features: FeatureFile, output: Path) -> None:
        """Run a graph over a file, batch by batch, and write the key and the score of every row.

        Raises
        ------
        ScoringError
            If the graph cannot be run, or gives something other than one score for each row.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        session = _session(model)
        names = [item.name for item in session.get_outputs()]
        wanted = self.output or names[-1]
        if wanted not in names:
            raise ScoringError(
                f"scoring.output: found {wanted!r}; the graph has {', '.join(names)}"
            )
        file = pq.ParquetFile(features.path)
        absent = sorted(set(features.characteristics) - set(file.schema_arrow.names))
        if absent:
            raise ScoringError(f"the features have no column {', '.join(absent)}")
        inputs = _inputs(session, features)
        schema = pa.schema([file.schema_arrow.field(features.key), pa.field(SCORE, pa.float64())])
        with pq.ParquetWriter(output, schema) as writer:
            for group in range(file.num_row_groups):
                parts = []
                for batch in file.iter_batches(BATCH_ROWS, row_groups=[group]):
                    tensors = {
                        name: np.hstack([_tensor(batch, column, kind) for column in columns])
                        for name, kind, columns in inputs
                    }
                    try:
                        result = session.run([wanted], tensors)[0]
                    except Exception as error:  # onnxruntime has no common base class
                        raise ScoringError(f"the ONNX graph failed: {error}") from error
                    score = _score(result, self, wanted, batch.num_rows)
                    parts.append(pa.record_batch([batch[features.key], score], schema))
                # One row group for each of the features': they are read side by side later.
                table = pa.Table.from_batches(parts, schema)
                writer.write_table(table, row_group_size=max(len(table), 1))


class GraphInput(NamedTuple):
    """An input of a graph; ``columns`` is None where it takes any number of them."""

    name: str
    takes_text: bool
    columns: int | None


def graph_inputs(model: bytes) -> list[GraphInput]:
    """What a graph takes.

    Raises
    ------
    ScoringError
        If it cannot be run.
    """
    inputs = []
    for item in _session(model).get_inputs():
        columns = item.shape[1] if len(item.shape) == 2 else None
        width = columns if isinstance(columns, int) else None  # a dimension may have a name
        inputs.append(GraphInput(item.name, item.type == "tensor(string)", width))
    return inputs


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


def _inputs(session: Any, features: FeatureFile) -> list[tuple[str, str, tuple[str, ...]]]:
    """Name and type of each input of the graph, and the columns that go into it."""
    declared = session.get_inputs()
    columns = features.characteristics
    if len(declared) == 1 and (len(columns) > 1 or declared[0].name != columns[0]):
        inputs = [(declared[0].name, declared[0].type, columns)]
    else:
        known = {item.name for item in declared}
        if known != set(columns):
            raise ScoringError(
                "the ONNX graph's inputs are not the characteristics: "
                f"only in the graph {sorted(known - set(columns))}, "
                f"only in the manifest {sorted(set(columns) - known)}"
            )
        inputs = [(item.name, item.type, (item.name,)) for item in declared]
    for name, kind, _ in inputs:
        if kind not in TENSORS:
            raise ScoringError(f"the ONNX graph's input {name} is a {kind}, not {_LISTED}")
    return inputs


def _tensor(batch: pa.RecordBatch, name: str, kind: str) -> NDArray[Any]:
    """A column as ``[N, 1]`` of the type the graph asks for."""
    import pyarrow as pa

    column = batch[name]
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    arrow_type, dtype, missing = TENSORS[kind]
    if missing is None and column.null_count:
        raise ScoringError(
            f"{name}: {column.null_count} values are missing; the ONNX graph takes a {kind}, "
            "which cannot say so"
        )
    try:
        column = column.cast(arrow_type, safe=arrow_type != "double")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # Without the value that does not fit: it is a person's.
        raise ScoringError(
            f"{name}: {column.type} does not fit the ONNX graph, which takes a {kind}"
        ) from None
    filled = column.fill_null(missing) if column.null_count else column
    values: NDArray[Any] = filled.to_numpy(zero_copy_only=False).astype(dtype, copy=False)
    return values.reshape(-1, 1)


def _score(result: Any, scoring: OnnxScoring, name: str, rows: int) -> pa.Array:
    """The column of the graph's output that is the score."""
    import pyarrow as pa

    if not isinstance(result, np.ndarray) or result.dtype.kind not in "fiub":
        raise ScoringError(
            f"scoring.output: {name} is no tensor of numbers (export a classifier without ZipMap)"
        )
    if result.ndim == 2:
        if not -result.shape[1] <= scoring.output_column < result.shape[1]:
            raise ScoringError(
                f"scoring.output_column: found {scoring.output_column}; "
                f"{name} has {result.shape[1]} columns"
            )
        result = result[:, scoring.output_column]
    if result.shape != (rows,):
        raise ScoringError(f"the ONNX graph gave scores of shape {result.shape} for {rows} rows")
    return pa.array(result.astype(np.float64))
