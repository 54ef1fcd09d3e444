"""Flavour ``scored``: production has already written the scores to the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from resources.fields import DatedPath
from resources.scorers.base import (
    FileScoring,
    ScoringJob,
    read_scores,
    scores_together,
    write_aligned,
)
from resources.text_tables import as_parquet

if TYPE_CHECKING:
    from dagster import MetadataValue


class ScoredScoring(FileScoring):
    """Production has already written the scores."""

    has_model: ClassVar[bool] = False
    takes_parts: ClassVar[bool] = True

    flavour: Literal["scored"]
    path: DatedPath = Field(
        description="File, folder or glob with {date} under the lake's root, or a URL, as "
        "`batch.path`."
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
                    reasons=self.reasons,
                )
                for path in readable.paths
            ]
        source = storage.url(files.paths[0])
        write_aligned(job.features, scores_together(tables, source), job.output, source)
        return {}
