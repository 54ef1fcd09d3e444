"""Flavour ``onnx``: the model is a graph, run by onnxruntime batch by batch."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from resources.fields import Text
from resources.limited import run_limited
from resources.onnx_runtime import load_onnxruntime
from resources.row_groups import row_writer
from resources.scorers.base import SCORE, ArtefactScoring, FeatureFile, ScoringError, ScoringJob
from resources.scorers.onnx_inputs import columns_by_input, graph_inputs, tensor
from resources.scorers.onnx_outputs import score_output, scores

if TYPE_CHECKING:
    from pathlib import Path

    from dagster import MetadataValue

BATCH_ROWS = 65_536


class OnnxScoring(ArtefactScoring):
    """The model is an ONNX graph, run by onnxruntime.

    An input ``[N, 1]`` or ``[N]`` with a characteristic's name takes that characteristic. Other
    inputs ``[N, columns]``, such as the one of a graph with one input, take the rest in the
    manifest's order. A missing number is NaN; whole numbers and booleans have no such value, so
    none may be missing.
    """

    takes_parts: ClassVar[bool] = True

    flavour: Literal["onnx"]
    output: Text | None = Field(
        None,
        description="Name of the graph's output that is the score; default: its last, but no list "
        "of the classes.",
    )
    output_column: int = Field(
        -1,
        ge=-1_000_000,
        le=1_000_000,
        description="Column of a two-dimensional output, such as a class's probability; of a "
        "ZipMap the class's place in ascending order.",
    )
    output_class: Text | None = Field(
        None,
        description="Label of the class whose probability is the score, where the output is a "
        "ZipMap: instead of `output_column`, and needed if labels are texts.",
    )
    missing_text: str = Field(
        "",
        max_length=1000,
        description="What the graph takes for a missing text: 'nan' or 'None' where scikit-learn's "
        "encoder has learnt NaN or None as a category.",
    )

    def check(self, model: Path) -> None:
        """Open the graph and look for the output."""
        score_output(open_graph(model.read_bytes()), self.output)

    def run(self, job: ScoringJob) -> dict[str, MetadataValue]:
        """Run the graph over the features."""
        assert job.model is not None
        run_limited(
            "the ONNX graph",
            job.limits.bounds,
            ScoringError,
            self.write_scores,
            job.model.read_bytes(),
            job.features,
            job.output,
        )
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

        session = open_graph(model)
        wanted = score_output(session, self.output)
        file = pq.ParquetFile(features.path, page_checksum_verification=True)
        absent = sorted(set(features.characteristics) - set(file.schema_arrow.names))
        if absent:
            raise ScoringError(f"the features have no column {', '.join(absent)}")
        inputs = columns_by_input(graph_inputs(session), features.characteristics)
        schema = pa.schema([file.schema_arrow.field(features.key), pa.field(SCORE, pa.float64())])
        with row_writer(output, schema) as writer:
            for group in range(file.num_row_groups):
                parts = []
                for batch in file.iter_batches(BATCH_ROWS, row_groups=[group]):
                    tensors = {
                        one.name: tensor(batch, one, columns, self.missing_text)
                        for one, columns in inputs
                    }
                    try:
                        result = session.run([wanted], tensors)[0]
                    except Exception as error:  # onnxruntime has no common base class
                        raise ScoringError(f"the ONNX graph failed: {error}") from error
                    score = scores(
                        result, wanted, batch.num_rows, self.output_column, self.output_class
                    )
                    parts.append(pa.record_batch([batch[features.key], pa.array(score)], schema))
                # One row group for each of the features': they are read side by side later.
                table = pa.Table.from_batches(parts, schema)
                writer.write_table(table, row_group_size=max(len(table), 1))


@lru_cache(maxsize=4)
def open_graph(model: bytes) -> Any:
    """A session of onnxruntime with a graph.

    Raises
    ------
    ScoringError
        If it cannot be run.
    """
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ScoringError(f"scoring.artefact is not an ONNX graph that can be run: {error}") from (
            error
        )
