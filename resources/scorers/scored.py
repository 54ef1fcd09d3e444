"""Flavour ``scored``: production has already written the scores to the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from resources.fields import ColumnName, DatedPath
from resources.scorers.base import Scorer, ScoringJob, read_scores, write_aligned
from resources.text_tables import as_parquet

if TYPE_CHECKING:
    from dagster import MetadataValue


class ScoredScoring(Scorer):
    """Production has already written the scores."""

    has_model: ClassVar[bool] = False
    takes_parts: ClassVar[bool] = True

    flavour: Literal["scored"]
    path: DatedPath = Field(
        description="File, folder or glob with {date} under the lake's root, or a URL, as "
        "`batch.path`."
    )
    score: ColumnName = Field(
        "score", description="Column that is the score; the key is the batch's."
    )

    @property
    def day_score(self) -> str:
        """The field."""
        return self.score

    @property
    def day_paths(self) -> tuple[str, ...]:
        """Where production writes the scores."""
        return (self.path,)

    def run(self, job: ScoringJob) -> dict[str, MetadataValue]:
        """Take over the scores of the day."""
        import pyarrow as pa

        (files,) = job.day_files
        with as_parquet(files, {self.score: "number"}) as readable:
            storage = readable.storage
            tables = [
                read_scores(
                    job.features.key_field,
                    self.score,
                    storage.location(path),
                    storage.filesystem,
                    storage.url(path),
                )
                for path in readable.paths
            ]
        write_aligned(
            job.features, pa.concat_tables(tables), job.output, storage.url(files.paths[0])
        )
        return {}
