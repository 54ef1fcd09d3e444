"""Section ``scoring``: how a version's score is computed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    model_validator,
)

from monitoring_assets.statistics.drift.thresholds import AtOddsError
from resources.manifest.fields import (
    DatedPath,
    RelativePath,
    Section,
    Sha256,
    command_part,
    image_command_part,
)


class _Scoring(Section):
    range: tuple[float, float] = Field((0.0, 1.0), description="Lowest and highest score allowed.")

    @model_validator(mode="after")
    def _range_ascends(self) -> _Scoring:
        if not self.range[0] < self.range[1]:
            raise AtOddsError(("range", list(self.range), "[lowest, highest], ascending"))
        return self

    @property
    def is_probability(self) -> bool:
        """Whether a score can be a probability of bad; if not, it is in points."""
        return self.range[0] >= 0 and self.range[1] <= 1


class ArtefactScoring(_Scoring):
    """The model is a file, which is known by its hash."""

    artefact: RelativePath = Field(description="The model's file, beside the manifest.")
    sha256: Sha256 = Field(description="SHA-256 of the artefact, in hexadecimal.")


class OnnxScoring(ArtefactScoring):
    """The model is an ONNX graph, run by onnxruntime."""

    flavour: Literal["onnx"]
    output: str | None = Field(
        None, description="Name of the graph's output that is the score; default: its last."
    )
    output_column: int = Field(
        -1, description="Column of a two-dimensional output, such as a class's probability."
    )


class CommandScoring(ArtefactScoring):
    """The model is a program that reads Parquet and writes Parquet."""

    flavour: Literal["command"]
    command: list[Annotated[str, AfterValidator(command_part)]] = Field(
        min_length=1,
        description="{artefact}, {input} and {output} become paths: "
        "['python', '{artefact}', '{input}', '{output}'].",
    )
    score: str = Field("score", description="Column of the output that is the score.")
    timeout_seconds: int = Field(3600, ge=1)


class ImageScoring(_Scoring):
    """The model is a container image, which reads Parquet and writes Parquet."""

    flavour: Literal["image"]
    image: str = Field(
        pattern=r"^[a-z0-9][a-zA-Z0-9._:/-]*@sha256:[0-9a-f]{64}$",
        description="Image by its digest: a tag may be given to another image later.",
        examples=[f"registry.lender.example/pd_cards@sha256:{'0' * 64}"],
    )
    command: list[Annotated[str, AfterValidator(image_command_part)]] = Field(
        min_length=1,
        description="{input} and {output} become paths, or URLs where the store is on S3: "
        "['score', '{input}', '{output}'].",
    )
    score: str = Field("score", description="Column of the output that is the score.")
    timeout_seconds: int = Field(3600, ge=1)


class ScoredScoring(_Scoring):
    """Production has already written the scores."""

    flavour: Literal["scored"]
    path: DatedPath = Field(description="Parquet with {date}, under the lake's root, or a URL.")
    score: str = Field("score", description="Column that is the score; the key is the batch's.")


Scoring = Annotated[
    OnnxScoring | CommandScoring | ImageScoring | ScoredScoring, Field(discriminator="flavour")
]
