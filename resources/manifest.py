"""The model manifest: the contract between a team that ships a model and this project.

A version lands in the registry as a folder whose last file to be written is ``model.yaml``. Its
JSON Schema is published in ``docs/model.schema.json``; an annotated example is
``docs/model.example.yaml``.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

MANIFEST_NAME = "model.yaml"

WORDS = {
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "model_type": "a mapping of fields",
    "model_attributes_type": "a mapping of fields",
    "dict_type": "a mapping of fields",
    "list_type": "a list",
    "tuple_type": "a list",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "date_type": "a date, YYYY-MM-DD",
    "date_parsing": "a date, YYYY-MM-DD",
    "date_from_datetime_parsing": "a date, YYYY-MM-DD",
    "date_from_datetime_inexact": "a date, YYYY-MM-DD",
    "invalid_key": "a name that is text",
}
"""What may stand in a field, by pydantic's name for the error."""

# Fields that say how a version is watched, not what it is: a higher `revision` may change them.
# All else (artefact, features, reference, batch) is the version's identity and needs a new version.
REVISABLE = frozenset(
    {
        "owner",
        "reference.outcome",  # a column of a sample that stays what it is
        "outcome",
        "segments",
        "thresholds",
        "checks",
        "schedule",
        "pod",
        "alerts",
    }
)


def is_revisable(field: str) -> bool:
    """Whether a field, by its dotted name, says how a version is watched."""
    return not REVISABLE.isdisjoint((field, field.partition(".")[0]))


@dataclass(frozen=True)
class Fault:
    """One thing wrong with one file of a version, in words a person can act on.

    Parameters
    ----------
    file
        Path of the file, as the registry names it.
    field
        Dotted path of the field, empty when the fault is the file itself.
    found
        What stands there.
    allowed
        What may stand there.
    """

    file: str
    field: str
    found: str
    allowed: str

    def __str__(self) -> str:
        where = f"{self.file}: {self.field}" if self.field else self.file
        return f"{where}: found {self.found}; allowed: {self.allowed}"


class ManifestError(ValueError):
    """A manifest that cannot be used; ``faults`` names everything that is wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(map(str, faults)))


def _relative_or_url(value: str) -> str:
    if "://" not in value and ".." in PurePosixPath(value).parts:
        raise ValueError("a path that does not leave its folder (no '..')")
    return value


class _AtOddsError(ValueError):
    """Fields that are fine one by one but not together: each with what it holds and what it may."""

    def __init__(self, *faults: tuple[str, object, str]) -> None:
        self.faults = faults
        super().__init__("; ".join(allowed for _, _, allowed in faults))


def _refuse(faults: Iterable[tuple[str, object, str]]) -> None:
    if found := tuple(faults):
        raise _AtOddsError(*found)


def _not_features(
    field: str, names: Iterable[str], info: ValidationInfo
) -> Iterator[tuple[str, object, str]]:
    """Names that are no feature's, if the manifest's features are known."""
    features: Features | None = info.data.get("features")
    if features is not None:
        allowed = f"a feature: {', '.join(features.names)}"
        yield from ((field, name, allowed) for name in sorted({*names} - {*features.names}))


def _fills(value: str, **names: str) -> bool:
    """Whether these names, and no others, can be put into the braces of a text."""
    try:
        value.format(**names)
    except (LookupError, ValueError, AttributeError):
        return False
    return True


def _with_date(value: str) -> str:
    if "{date}" not in value or not _fills(value, date=""):
        raise ValueError("a path with {date}, the day as YYYY-MM-DD, and no other braces")
    return value


def _with_horizon(value: str) -> str:
    if not _fills(value, horizon=""):
        raise ValueError("a column's name with no braces but {horizon}; {{ and }} for themselves")
    return value


def _not_the_score(value: str) -> str:
    if value == "score":
        raise ValueError("another name; this is the model's output")
    return value


def _command_part(value: str) -> str:
    if not _fills(value, artefact="", input="", output=""):
        raise ValueError("no braces but {artefact}, {input} and {output}; {{ and }} for themselves")
    return value


def _image_command_part(value: str) -> str:
    if not _fills(value, input="", output=""):
        raise ValueError("no braces but {input} and {output}; {{ and }} for themselves")
    return value


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())  # walks a folder of files


def _timezone(value: str) -> str:
    if value not in _timezones():
        raise ValueError("a name of the IANA time zone database, such as Europe/London")
    return value


def _daily_cron(value: str) -> str:
    if not re.fullmatch(r"([0-5]?\d) ([01]?\d|2[0-3]) \* \* \*", value):
        raise ValueError("a daily cron line 'MINUTE HOUR * * *', such as '0 6 * * *'")
    return value


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, int) else value


def _short_or_full(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


# `20260901` or `3` without quotes is a number to YAML; a version is a string to us.
_VersionPattern = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,40}$")]
VersionText = Annotated[
    _VersionPattern,
    BeforeValidator(
        lambda v: str(v) if isinstance(v, int | float | dt.date) else v,
        json_schema_input_type=_VersionPattern | int | float,
    ),
    Field(examples=["3", "2026-09-01"]),
]
RelativePath = Annotated[str, Field(min_length=1), AfterValidator(_relative_or_url)]
DatedPath = Annotated[
    str, Field(min_length=1), AfterValidator(_relative_or_url), AfterValidator(_with_date)
]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Days = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    # Finite: a manifest is stored and hashed as JSON, which has neither infinity nor NaN.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Reference(_Section):
    """The sample that the model was built or approved on; every day is compared with it."""

    path: RelativePath = Field(description="Parquet, beside the manifest or a URL.")
    score: str | None = Field(
        None,
        description="Column that already holds the score; without it the model scores the sample.",
    )
    outcome: Annotated[str, Field(min_length=1), AfterValidator(_with_horizon)] | None = Field(
        None,
        description="Column that says what became of each row, as `outcome.column` does of a "
        "day's: after the last horizon of `maturity`, or with {horizon} after each. Performance "
        "is compared with the sample's, and the score calibrated on it.",
    )
    bins: int = Field(10, ge=2, le=50, description="Bins of a numeric characteristic.")


class Batch(_Section):
    """Where a day's rows arrive in the lake."""

    path: DatedPath = Field(
        description="Parquet file, folder or glob with {date}; under the lake's root, or a URL."
    )
    key: Annotated[str, AfterValidator(_not_the_score)] = Field(
        description="Column that identifies a row."
    )
    marker: str | None = Field(
        None, description="File in the batch's folder that says the batch is complete: _SUCCESS."
    )


class Characteristic(_Section):
    """A feature of the model: a column of the batch, or of the SQL's result."""

    name: str = Field(min_length=1)
    type: str | None = Field(
        None, description="Arrow type, such as double or string; default: that of the reference."
    )


class Features(_Section):
    """The model's characteristics and how a batch becomes them."""

    columns: list[
        Annotated[
            Characteristic,
            BeforeValidator(_short_or_full, json_schema_input_type=str | Characteristic),
        ]
    ] = Field(min_length=1)
    sql: RelativePath | None = Field(
        None,
        description="DuckDB query over the table `batch`; its result has the key and the columns.",
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Features:
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise _AtOddsError(("columns", f"{', '.join(twice)} twice", "names that differ"))
        return self

    @property
    def names(self) -> list[str]:
        """Names of the characteristics, in the order the model takes them."""
        return [column.name for column in self.columns]


class _Scoring(_Section):
    range: tuple[float, float] = Field((0.0, 1.0), description="Lowest and highest score allowed.")

    @model_validator(mode="after")
    def _range_ascends(self) -> _Scoring:
        if not self.range[0] < self.range[1]:
            raise _AtOddsError(("range", list(self.range), "[lowest, highest], ascending"))
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
    command: list[Annotated[str, AfterValidator(_command_part)]] = Field(
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
    command: list[Annotated[str, AfterValidator(_image_command_part)]] = Field(
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


class Outcome(_Section):
    """Where it is written, later, what became of the applicants.

    A row means that the applicant was accepted; null, that it is not known yet.
    """

    path: DatedPath = Field(
        description="Parquet file, folder or glob under the lake's root, or a URL; {date} is the "
        "day of the batch that the applicants were in."
    )
    column: Annotated[str, Field(min_length=1), AfterValidator(_with_horizon)] = Field(
        description="Column that is 1 or true for a bad, 0 or false for a good, null where not "
        "known yet. {horizon} is the days of `maturity`: one column for each of several.",
        examples=["defaulted", "dpd_{horizon}"],
    )
    maturity: Annotated[
        list[Days],
        BeforeValidator(_one_or_many, json_schema_input_type=Days | list[Days]),
        Field(min_length=1),
    ] = Field(description="Days after the batch at which an outcome counts: 90, or [30, 60, 90].")
    key: str | None = Field(
        None, description="Column that identifies an applicant; default: the batch's key."
    )
    min_share: float = Field(
        0.95,
        gt=0,
        le=1,
        description="Share of the accepted whose outcome must be known before a cohort is mature.",
    )
    cut_offs: list[float] = Field(
        [], description="Scores at which the lender decides; for precision and recall."
    )

    @model_validator(mode="after")
    def _horizons_differ(self) -> Outcome:
        if self.maturity != sorted(set(self.maturity)):
            raise _AtOddsError(("maturity", self.maturity, "days that ascend"))
        if len(self.maturity) > 1 and "{horizon}" not in self.column:
            allowed = "a name with {horizon}, as `maturity` has several"
            raise _AtOddsError(("column", self.column, allowed))
        return self

    def column_at(self, horizon: int) -> str:
        """Column of the outcome after so many days."""
        return self.column.format(horizon=horizon)


class _Limits(_Section):
    warn: float
    fail: float

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        if self.warn > self.fail:
            raise _AtOddsError(("warn", self.warn, f"at most `fail`, {self.fail}"))
        return self


class IndexThresholds(_Limits):
    """When a stability index warns, when it fails, and how sure it must be."""

    warn: float = Field(0.1, gt=0)
    fail: float = Field(0.25, gt=0)
    level: float = Field(
        1e-3, gt=0, lt=1, description="Chance of a value this large without any drift."
    )


class AucDrop(_Limits):
    """How far AUC may fall."""

    warn: float = Field(0.03, gt=0, le=1)
    fail: float = Field(0.05, gt=0, le=1)


class BadRateRatio(_Limits):
    """How many times more, or fewer, bads there may be than expected."""

    warn: float = Field(1.25, gt=1)
    fail: float = Field(1.5, gt=1)


class PerformanceThresholds(_Section):
    """When performance warns, when it fails, and how sure that must be."""

    auc_drop: AucDrop = AucDrop()  # type: ignore[call-arg]
    bad_rate_ratio: BadRateRatio = BadRateRatio()  # type: ignore[call-arg]
    level: float = Field(
        1e-3, gt=0, lt=1, description="Chance of a difference this large without any change."
    )


class ThresholdPolicy(_Section):
    """Thresholds of the score (PSI), of the characteristics (CSI) and of performance."""

    psi: IndexThresholds = IndexThresholds()  # type: ignore[call-arg]
    csi: IndexThresholds = IndexThresholds()  # type: ignore[call-arg]
    characteristics: dict[str, IndexThresholds] = Field(
        default_factory=dict, description="CSI thresholds of single characteristics."
    )
    smoothing: Literal["jeffreys"] | Annotated[float, Field(gt=0, lt=0.1)] = Field(
        "jeffreys", description="+0.5 a count; or the share that an empty bin gets, such as 1e-4."
    )
    performance: PerformanceThresholds = PerformanceThresholds()  # type: ignore[call-arg]


CheckName = Literal["batch_quality", "csi", "score_range", "psi"]


class Checks(_Section):
    """Limits of the batch quality check, and which failed checks stop what is downstream."""

    min_rows: int = Field(1, ge=1)
    max_missing_increase: Share = Field(
        0.2, description="How far a share of missing values may rise over the reference's."
    )
    max_missing: dict[str, Share] = Field(
        default_factory=dict, description="Largest missing share of single characteristics."
    )
    blocking: list[CheckName] = Field(
        ["batch_quality", "score_range"],
        description="Checks whose ERROR keeps the partition from going further.",
    )


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


class Schedule(_Section):
    """Which days have a batch, and when a day's run is due, on the day after."""

    days: list[Weekday] = Field(
        list(WEEKDAYS), min_length=1, description="Days of the week that have a batch."
    )
    cron: Annotated[str, AfterValidator(_daily_cron)] = "0 6 * * *"
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"

    def deadline(self, day: dt.date) -> dt.datetime:
        """When the batch of ``day`` must have arrived: the cron time of the day after."""
        minute, hour = self.cron.split()[:2]
        at = dt.time(int(hour), int(minute), tzinfo=ZoneInfo(self.timezone))
        return dt.datetime.combine(day + dt.timedelta(days=1), at)


# Kubernetes' quantities: 0.5 or 500m of a core; bytes in powers of 1024 (Mi) or of 1000 (M).
Cpu = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+|m)?$")]
Memory = Annotated[str, Field(pattern=r"^[1-9][0-9]*(Ki|Mi|Gi|Ti|k|M|G|T)?$")]


_UNITS: dict[str, int] = {"": 1} | {
    prefix + suffix: base**power
    for suffix, base in (("", 1000), ("i", 1024))
    for power, prefix in enumerate(("K" if suffix else "k", "M", "G", "T"), 1)
}


def _bytes(memory: str) -> int:
    digits = memory.rstrip("kKMGTi")
    return int(digits) * _UNITS[memory.removeprefix(digits)]


class Pod(_Section):
    """What a run of this model asks of Kubernetes: for its pod, or for that of each of its steps.

    The container of flavour `image` asks for the same.
    """

    cpu: Cpu | None = Field(None, examples=["500m"])
    memory: Memory | None = Field(None, examples=["2Gi"], description="Request and limit.")
    retry_memory: Memory | None = Field(
        None,
        examples=["4Gi"],
        description="What the retry of a run that was out of memory (OOMKilled) asks for.",
    )
    steps: bool = Field(False, description="A pod for each step of a day's run, not one for all.")
    node_selector: dict[str, str] = {}
    tolerations: list[dict[str, str]] = []

    @model_validator(mode="after")
    def _retry_has_more(self) -> Pod:
        if self.retry_memory is not None:
            if self.memory is None:
                raise _AtOddsError(("memory", "nothing", "given, as `retry_memory` is"))
            if _bytes(self.retry_memory) <= _bytes(self.memory):
                allowed = f"more than `memory`, {self.memory}"
                raise _AtOddsError(("retry_memory", self.retry_memory, allowed))
        return self


Family = Literal["data quality", "population", "characteristics", "performance", "pipeline"]
"""What an incident is about; the first four are about a version's data, the last about our runs."""


class Opening(_Section):
    """How many breached days open an incident."""

    days: int = Field(2, ge=1, le=14)
    of: int = Field(3, ge=1, le=14, description="The last days with a report.")

    @model_validator(mode="after")
    def _days_fit(self) -> Opening:
        if self.days > self.of:
            raise _AtOddsError(("days", self.days, f"at most `of`, {self.of}"))
        return self


class Mute(_Section):
    """Days on which nobody is paged: a planned migration, say. What is still wrong after it pages.

    ``families`` are those that are muted; none for all.
    """

    first: dt.date
    last: dt.date
    why: str = Field(min_length=1)
    families: list[Family] = []

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Mute:
        if self.last < self.first:
            raise _AtOddsError(("last", self.last, f"a day from `first` on, {self.first}"))
        return self


class Alerts(_Section):
    """Who hears of a breach, and when it is worth a page."""

    service: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,60}$",
        description="The on-call service that owns this model.",
        examples=["card-models"],
    )
    team: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,60}$")
    open: Opening = Opening()  # type: ignore[call-arg]
    resolve: int = Field(3, ge=1, le=14, description="Good days in a row that resolve an incident.")
    at_once: float = Field(
        1.0, gt=0, description="Index from which a single day opens an incident."
    )
    pool_days: int = Field(
        7, ge=1, le=28, description="Days whose counts are also judged together; whole weeks."
    )
    false_discovery_rate: float = Field(
        1e-3, gt=0, lt=1, description="Share of false ones among characteristics in breach."
    )
    dependence: Literal["positive", "any"] = Field(
        "positive",
        description="Of the characteristics: positive for Benjamini-Hochberg, any for "
        "Benjamini-Yekutieli.",
    )
    min_score_shift: float = Field(
        0.05,
        ge=0,
        description="Standard deviations of the score; a characteristic that moves the mean score "
        "by less warns and does not page.",
    )
    first_days: int = Field(
        7, ge=0, le=60, description="Days after deployment on which drift does not page."
    )
    max_age_days: int = Field(
        3, ge=1, le=60, description="Days after which a partition no longer pages."
    )
    mute: list[Mute] = []


class Manifest(_Section):
    """A model version, as its ``model.yaml`` describes it."""

    schema_version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,50}$", examples=["pd_cards"])
    version: VersionText
    revision: int = Field(
        1, ge=1, description="Raise it to change how the version is watched, after it has landed."
    )
    owner: str = Field(min_length=1)
    deployed_at: dt.date = Field(description="First day that is monitored.")
    retired_at: dt.date | None = Field(None, description="First day that is no longer monitored.")
    reference: Reference
    batch: Batch
    features: Features
    scoring: Scoring
    outcome: Outcome | None = None
    segments: list[Annotated[str, Field(min_length=1)]] = Field(
        [],
        description="Columns whose values are watched apart: characteristics, or other columns of "
        "the batch (of the SQL's result), which the reference has as well.",
    )
    thresholds: ThresholdPolicy = ThresholdPolicy()  # type: ignore[call-arg]
    checks: Checks = Checks()  # type: ignore[call-arg]
    schedule: Schedule = Schedule()  # type: ignore[call-arg]
    pod: Pod = Pod()  # type: ignore[call-arg]
    # An empty `alerts:` is YAML's null, and what landed before there were policies has one.
    alerts: Annotated[
        Alerts,
        BeforeValidator(lambda v: {} if v is None else v, json_schema_input_type=Alerts | None),
    ] = Alerts()  # type: ignore[call-arg]

    # The rules between fields are those of the later field, not of the whole: a rule is then
    # checked as soon as its own fields are right, whatever is wrong elsewhere.

    @field_validator("retired_at")
    @classmethod
    def _retires_after_deployment(
        cls, value: dt.date | None, info: ValidationInfo
    ) -> dt.date | None:
        deployed_at = info.data.get("deployed_at")
        if value is not None and deployed_at is not None and value < deployed_at:
            raise ValueError(f"a day from deployed_at on, {deployed_at}")
        return value

    @field_validator("features")
    @classmethod
    def _has_free_names(cls, value: Features, info: ValidationInfo) -> Features:
        taken = {"score": "the model's output"}
        if "batch" in info.data:
            taken[info.data["batch"].key] = "the batch's key"
        _refuse(
            ("columns", name, f"another name; this is {what}")
            for name, what in taken.items()
            if name in value.names
        )
        return value

    @field_validator("segments")
    @classmethod
    def _segments_are_columns(cls, value: list[str], info: ValidationInfo) -> list[str]:
        taken = {"score"} | ({info.data["batch"].key} if "batch" in info.data else set())
        if len({*value} - taken) < len(value):
            raise ValueError("columns that differ, none of them the score or the batch's key")
        return value

    @field_validator("thresholds")
    @classmethod
    def _limits_features(cls, value: ThresholdPolicy, info: ValidationInfo) -> ThresholdPolicy:
        _refuse(_not_features("characteristics", value.characteristics, info))
        return value

    @field_validator("checks")
    @classmethod
    def _checks_features(cls, value: Checks, info: ValidationInfo) -> Checks:
        _refuse(_not_features("max_missing", value.max_missing, info))
        return value

    @property
    def reference_outcomes(self) -> dict[int | None, str]:
        """Columns of the reference's outcomes, by horizon; None where `outcome` says none."""
        column = self.reference.outcome
        if column is None:
            return {}
        if self.outcome is None:
            return {None: column.format(horizon="{horizon}")}
        horizons = self.outcome.maturity
        by_horizon = column.format(horizon=0) != column.format(horizon=1)
        return {h: column.format(horizon=h) for h in (horizons if by_horizon else horizons[-1:])}

    @property
    def cut_offs(self) -> list[float]:
        """Scores at which the lender decides, if it says any."""
        return self.outcome.cut_offs if self.outcome else []

    @property
    def carried(self) -> list[str]:
        """Segment columns that are no characteristics."""
        return [name for name in self.segments if name not in self.features.names]

    @property
    def key(self) -> str:
        """The partition key, ``name.version``: the same in Dagster, storage and metric tags.

        A name has no dot, so the key splits at its first one and two versions never share it.
        """
        return f"{self.name}.{self.version}"

    @property
    def sha256(self) -> str:
        """SHA-256 of the manifest's content, whatever its layout and comments."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def is_retired(self, day: dt.date) -> bool:
        """Whether the version was no longer in production on ``day``."""
        return self.retired_at is not None and self.retired_at <= day

    def is_monitored(self, day: dt.date) -> bool:
        """Whether ``day`` is between deployment and retirement, and one that has a batch."""
        return (
            self.deployed_at <= day
            and not self.is_retired(day)
            and WEEKDAYS[day.weekday()] in self.schedule.days
        )

    def changes_from(self, landed: Manifest) -> list[str]:
        """Dotted names of the fields whose value differs from the manifest as it landed."""
        ours, theirs = _flat(self.model_dump(mode="json")), _flat(landed.model_dump(mode="json"))
        return sorted(
            field for field in ours.keys() | theirs.keys() if ours.get(field) != theirs.get(field)
        )


def _flat(value: Any, at: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        parts = (_flat(item, f"{at}.{name}" if at else name) for name, item in value.items())
        return {field: item for part in parts for field, item in part.items()}
    return {at: value}


def parse_manifest(text: str, file: str) -> Manifest:
    """Read a manifest, or say everything that is wrong with it at once.

    Parameters
    ----------
    text
        The YAML text.
    file
        What to call the file in an error.

    Raises
    ------
    ManifestError
        With one `Fault` for each field at fault.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "unreadable text"
        raise ManifestError([Fault(file, line, problem, "YAML")]) from None
    if not isinstance(content, dict):
        raise ManifestError([Fault(file, "", type(content).__name__, "a mapping of fields")])
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        faults = [fault for item in error.errors() for fault in _faults(file, item)]
        raise ManifestError(faults) from None


def _faults(file: str, error: Any) -> Iterator[Fault]:
    """Say a pydantic error in this project's words."""
    place, context = list(error["loc"]), error.get("ctx", {})
    kind, found = error["type"], error["input"]
    if place[:1] == ["scoring"]:
        del place[1:2]  # the union's tag, a level that the file does not have
    if place[:2] == ["thresholds", "smoothing"]:  # one error for the text, one for the number
        if kind == "literal_error":
            allowed = "'jeffreys' or a share over 0 and under 0.1"
            yield Fault(file, "thresholds.smoothing", _shown(found), allowed)
        return
    field = ".".join(map(str, place))
    if isinstance(context.get("error"), _AtOddsError):
        for name, value, allowed in context["error"].faults:
            yield Fault(file, f"{field}.{name}" if field else name, _shown(value), allowed)
    elif kind == "missing":
        yield Fault(file, field, "nothing", "this field must be given")
    elif kind == "extra_forbidden":
        yield Fault(file, field, "a field that is not known", "no such field (a typing error?)")
    elif kind == "union_tag_not_found":
        yield Fault(file, f"{field}.flavour", "nothing", "'onnx', 'command', 'image' or 'scored'")
    elif kind == "union_tag_invalid":
        yield Fault(file, f"{field}.flavour", repr(context["tag"]), context["expected_tags"])
    elif kind == "value_error":
        yield Fault(file, field, _shown(found), str(context["error"]))
    elif kind == "string_pattern_mismatch":
        yield Fault(file, field, _shown(found), f"text that matches {context['pattern']}")
    elif kind in ("too_short", "too_long"):
        bound = "at least" if kind == "too_short" else "at most"
        number = context["min_length" if kind == "too_short" else "max_length"]
        yield Fault(file, field, _shown(found), f"a list of {bound} {number}")
    elif kind in WORDS:
        yield Fault(file, field, _shown(found), WORDS[kind])
    else:  # a bound or a choice: what follows is the value itself
        allowed = error["msg"].removeprefix("Input should be ")
        yield Fault(file, field, _shown(found), allowed)


def _shown(found: object) -> str:
    if isinstance(found, dict):
        return "a mapping"
    # A date is written in YAML without quotes, and its `repr` is Python.
    shown = repr(str(found) if isinstance(found, dt.date) else found)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
