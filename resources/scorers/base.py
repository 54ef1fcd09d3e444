"""What a scorer of every flavour is: a section of the manifest that can score a job."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from pydantic import Field, field_validator, model_validator

from monitoring_assets.statistics.drift.thresholds import AtOddsError
from resources.errors import InputError
from resources.fields import ColumnName, Number, RelativePath, Section, Sha256
from resources.limits import Limits
from resources.masking import masked
from resources.row_groups import row_writer
from resources.scorers.scale import Scale
from resources.storage_faults import storage_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from dagster import AssetExecutionContext, MetadataValue, PipesExecutionResult
    from pyarrow.fs import FileSystem

    from monitoring_assets.statistics.profiles.score_scale import Direction, ScoreScale
    from resources.kubernetes.pod import Pod
    from resources.storage import DayFiles, Storage

SCORE = "score"
UNKNOWN_DIRECTION = (
    "the score is in points, and neither scoring.scale nor reference.outcome says which way it "
    "runs: a higher one is taken for the riskier one"
)


class ScoringError(InputError):
    """A scorer failed, or wrote something other than one score for each row."""


@dataclass(frozen=True)
class FeatureFile:
    """A local Parquet file of the key and the characteristics, in the model's order."""

    path: Path
    key: str
    characteristics: tuple[str, ...]

    @property
    def key_field(self) -> pa.Field:
        """Name and type of the key."""
        import pyarrow.parquet as pq

        return pq.read_schema(self.path).field(self.key)

    def keys(self) -> pa.ChunkedArray:
        """The key of every row, in their order."""
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.path, page_checksum_verification=True) as file:
            return column_of(file, self.key, range(file.num_row_groups))


class ModelFile(NamedTuple):
    """A file of the version that is the model: fields ``artefact`` and ``sha256`` of a section."""

    path: str
    sha256: str


@dataclass(frozen=True)
class ScoringJob:
    """What a scorer is given: the rows, where their scores go, and what its section asked for.

    Attributes
    ----------
    features
        The rows to score.
    output
        Parquet file to write: the key and ``score``, in the features' order and row groups.
    model
        A local copy of the section's `Scorer.model_file`, whose digest has been checked.
    day_files
        The files of the day, one for each of the section's `Scorer.day_paths`.
    key, day
        The model version and the day; no day for the reference sample.
    pod
        What the model asks of Kubernetes.
    storage
        The store, through which a model in a container of its own is given rows and gives scores.
    context
        The asset's context, for Dagster Pipes; None for a part of a day on a machine of its own.
    limits
        Of time and memory.
    """

    features: FeatureFile
    output: Path
    model: Path | None
    day_files: tuple[DayFiles, ...]
    key: str
    day: dt.date | None
    pod: Pod
    storage: Storage
    context: AssetExecutionContext | None
    limits: Limits = field(default_factory=Limits)  # type: ignore[arg-type]


class Scorer(Section, ABC):
    """Section ``scoring`` of a manifest, of one flavour, and how it scores.

    A flavour is a subclass with a field ``flavour`` of type ``Literal["<name>"]``. Its docstring
    and the descriptions of its fields are in the manifest's JSON schema. Other modules ask what is
    below and never which flavour it is.
    """

    has_model: ClassVar[bool] = True
    """Whether rows can be scored here, so that the reference needs no score of its own."""
    starts_pods: ClassVar[bool] = False
    """Whether the process that scores starts pods, and needs an account that may."""

    takes_parts: ClassVar[bool] = False
    """Whether parts of a day can be scored on machines of their own, without a context."""

    flavour: str
    range: tuple[Number, Number] = Field(
        (0.0, 1.0), description="Lowest and highest score allowed."
    )
    scale: Scale | None = Field(
        None,
        description="Of a score in points, the probability of a bad that it stands for. Without "
        "it, nothing that needs a predicted probability is computed of points.",
    )

    @model_validator(mode="after")
    def _range_ascends(self) -> Scorer:
        if not self.range[0] < self.range[1]:
            raise AtOddsError(("range", list(self.range), "[lowest, highest], ascending"))
        return self

    @model_validator(mode="after")
    def _scale_is_of_points(self) -> Scorer:
        if self.scale is None:
            return self
        lowest, highest = self.range
        if self.is_probability:
            found = f"a scale, and range [{lowest:g}, {highest:g}]"
            allowed = "a range of points: a score within 0 and 1 is the probability itself"
            raise AtOddsError(("scale", found, allowed))
        ends = self.scale.table
        if ends and not (ends[0].points <= lowest and highest <= ends[-1].points):
            found = f"{ends[0].points:g} to {ends[-1].points:g}"
            allowed = f"points that reach from {lowest:g} to {highest:g}, the range"
            raise AtOddsError(("scale.table", found, allowed))
        return self

    @property
    def is_probability(self) -> bool:
        """Whether a score can be a probability of bad; if not, it is in points."""
        return self.range[0] >= 0 and self.range[1] <= 1

    @property
    def predicts_probability(self) -> bool:
        """Whether a score is a probability of bad, or declared to stand for one."""
        return self.is_probability or self.scale is not None

    @property
    def score_scale(self) -> ScoreScale | None:
        """What turns points into probabilities, if it is declared."""
        return None if self.scale is None else self.scale.over(self.range)

    @property
    def direction(self) -> Direction:
        """Which way the score is declared to run; 1, as of a probability, where nothing says so."""
        scale = self.score_scale
        return 1 if scale is None else scale.direction

    @property
    def model_file(self) -> ModelFile | None:
        """The file that is the model, if it is one."""
        return None

    @property
    def reason_columns(self) -> tuple[str, ...]:
        """Columns beside the score that say why it is what it is."""
        return ()

    @property
    def day_score(self) -> str | None:
        """Column of the files of `day_paths` that is the score; None if the model makes it."""
        return None

    @property
    def day_paths(self) -> tuple[str, ...]:
        """Paths in the lake, with ``{date}``, whose files a day needs besides its batch."""
        return ()

    def check(self, model: Path) -> None:
        """Verify, without any rows, that a model gives what the section wants of it.

        Raises
        ------
        ScoringError
            If it does not.
        """

    @abstractmethod
    def run(self, job: ScoringJob) -> dict[str, MetadataValue]:
        """Write the score of every row.

        Returns
        -------
        What the model reported of itself, each name below ``model/``.

        Raises
        ------
        ScoringError
            If there is not exactly one score for every row. It names the field or the file at
            fault and shows no values of a row, except keys.
        """


class FileScoring(Scorer):
    """The scores are in a file that something else writes."""

    score: ColumnName = Field("score", description="Column of that file that is the score.")
    reasons: list[ColumnName] = Field(
        [],
        max_length=100,
        description="Columns of that file that say why a score is what it is: codes, or the "
        "contribution of each characteristic. Each is compared with the reference as a "
        "characteristic is, so the reference has them as well.",
    )

    @field_validator("reasons")
    @classmethod
    def _reasons_differ(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("columns that differ")
        return value

    @property
    def reason_columns(self) -> tuple[str, ...]:
        """The field."""
        return tuple(self.reasons)


class ArtefactScoring(Scorer):
    """The model is a file, which is known by its hash."""

    artefact: RelativePath = Field(description="The model's file, beside the manifest.")
    sha256: Sha256 = Field(description="SHA-256 of the artefact, in hexadecimal.")

    @property
    def model_file(self) -> ModelFile:
        """The artefact."""
        return ModelFile(self.artefact, self.sha256)


def read_scores(
    key: pa.Field,
    score: str,
    file: str,
    filesystem: FileSystem | None,
    source: str,
    row_groups: Sequence[int] | None = None,
    reasons: Sequence[str] = (),
) -> pa.Table:
    """Read the keys, the scores and their reasons of a Parquet file, and nothing else of it.

    Parameters
    ----------
    key
        Name and type that it has in the features.
    score
        The file's column that is the score.
    file, filesystem
        Where the file is; a local one without a file system.
    source
        What to call the file in an error.
    row_groups
        Numbers of those that are read; all by default.
    reasons
        Columns that say why. One that is absent is left out: the scores are good without it.

    Returns
    -------
    The key, of the type that it has in the features, ``score``, a float64, and the reasons.

    Raises
    ------
    ScoringError
        If it is no Parquet file, a column is absent or of another kind.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from monitoring_assets.statistics.profiles.kernel import as_double
    from resources.keys import keys_as

    wanted = (key.name, score)
    try:
        with (
            storage_of(source),
            pq.ParquetFile(file, filesystem=filesystem, page_checksum_verification=True) as scored,
        ):
            names = scored.schema_arrow.names
            absent = [name for name in wanted if names.count(name) != 1]
            if absent:
                raise ScoringError(f"{source}: no column {absent}, or not just one, in {names}")
            groups = range(scored.num_row_groups) if row_groups is None else row_groups
            present = [name for name in reasons if names.count(name) == 1]
            keys, scores, *why = (column_of(scored, name, groups) for name in (*wanted, *present))
    except (pa.ArrowInvalid, OSError) as error:
        raise ScoringError(f"{source}: not a readable Parquet file: {error}") from None
    if not (
        pa.types.is_floating(scores.type)
        or pa.types.is_integer(scores.type)
        or pa.types.is_decimal(scores.type)
    ):
        raise ScoringError(f"{source}: {score} is {scores.type}, not a number")
    where = f"{source}, column {key.name!r}"
    try:
        # Chunk by chunk, as copies of all keys would be the most that a day has in memory.
        plain = [keys_as(one, key.type, where) for one in keys.chunks or [keys.combine_chunks()]]
    except InputError as error:
        raise ScoringError(str(error)) from None
    columns = {
        key.name: pa.chunked_array(plain, key.type),
        SCORE: pa.chunked_array([as_double(one) for one in scores.chunks], pa.float64()),
    }
    return pa.table(columns | dict(zip(present, why, strict=True)))


def column_of(file: pq.ParquetFile, name: str, groups: Iterable[int]) -> pa.ChunkedArray:
    """A column of some row groups, one chunk each: read together they take twice their room."""
    import pyarrow as pa

    parts = [file.read_row_group(group, columns=[name], use_threads=False) for group in groups]
    return pa.concat_tables(parts or [file.read_row_groups([], columns=[name])]).column(0)


def scores_together(tables: Sequence[pa.Table], source: str) -> pa.Table:
    """Put what `read_scores` read of several files together; a reason that one lacks is null there.

    Raises
    ------
    ScoringError
        If a reason is of types that do not go together.
    """
    import pyarrow as pa

    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowTypeError as error:
        raise ScoringError(f"{source} and other files of the day: {error}") from None


def reported_metadata(results: Iterable[PipesExecutionResult]) -> dict[str, MetadataValue]:
    """Metadata that a model's own process reported through Pipes, each name below ``model/``."""
    from dagster import (
        MarkdownMetadataValue,
        MaterializeResult,
        MetadataValue,
        TextMetadataValue,
    )

    return {
        f"model/{masked(name)}": type(value)(masked(value.value))
        if isinstance(value, TextMetadataValue | MarkdownMetadataValue)
        else value
        for result in results
        if isinstance(result, MaterializeResult)
        for name, value in (result.metadata or {}).items()
        if isinstance(value, MetadataValue)  # always: Pipes has made them so
    }


def write_aligned(features: FeatureFile, scored: pa.Table, output: Path, source: str) -> None:
    """Write scores in the features' order and row groups, if every row has exactly one.

    Both files' keys are in memory, and where their order differs an index over them as well.

    Parameters
    ----------
    features
        The rows that were to be scored.
    scored
        What `read_scores` read.
    output
        Where the key, the score and the reasons are written.
    source
        What wrote the scores, for the error message.

    Raises
    ------
    ScoringError
        If keys are missing, doubled or unknown.
    """
    keys = features.keys()
    if len(scored) != len(keys):
        raise ScoringError(f"{source}: {len(scored)} rows scored; the features have {len(keys)}")
    write_scores(features, keys, aligned(keys, scored, source), output)


def write_scores(
    features: FeatureFile, keys: pa.ChunkedArray, scores: pa.Table, output: Path
) -> None:
    """Write the keys of the features and their scores, in the features' row groups."""
    import pyarrow.parquet as pq

    footer = pq.read_metadata(features.path)
    table = scores.add_column(0, features.key, keys)
    with row_writer(output, table.schema) as writer:
        start = 0
        for group in range(footer.num_row_groups):
            rows = footer.row_group(group).num_rows
            writer.write_table(table.slice(start, rows), row_group_size=max(rows, 1))
            start += rows


def aligned(keys: pa.ChunkedArray, scored: pa.Table, source: str) -> pa.Table:
    """The score of each key and its reasons, if each has exactly one and no other key has any.

    Parameters
    ----------
    keys
        Of the rows that were to be scored.
    scored, source
        As `write_aligned` takes them.

    Raises
    ------
    ScoringError
        If keys are missing, doubled or unknown.
    """
    import pyarrow.compute as pc

    found, scores = scored.column(0), scored.remove_column(0)
    if not found.equals(keys):  # written in another order, as a database would
        place = pc.index_in(keys, value_set=found)
        if place.null_count:
            lost = keys.filter(pc.is_null(place))[:3].to_pylist()
            raise ScoringError(f"{source}: {place.null_count} rows without a score, such as {lost}")
        if pc.count_distinct(found).as_py() != len(found):
            raise ScoringError(f"{source}: some keys are scored twice")
        # As many scores as rows may still be of other keys, where a key of the rows repeats.
        unknown = found.filter(pc.invert(pc.is_in(found, value_set=keys)))
        if len(unknown):
            raise ScoringError(
                f"{source}: {len(unknown)} scores of keys that the features do not have, such as "
                f"{unknown[:3].to_pylist()}"
            )
        scores = scores.take(place)
    return scores
