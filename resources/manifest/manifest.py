"""A version's manifest: its sections, the rules between them, and reading one from YAML."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from monitoring_assets.statistics.drift.thresholds import AtOddsError
from resources.arrow_types import type_family
from resources.fields import (
    WITH_DATE,
    ColumnName,
    DatedPath,
    Day,
    Days,
    FileName,
    Number,
    RelativePath,
    Section,
    Share,
    TablePath,
    Text,
    TypeName,
    VersionText,
    daily_cron,
    not_the_score,
    one_or_many,
    says_a_day,
    short_or_full,
    timezone_name,
    with_horizon,
)
from resources.file_formats import is_text
from resources.kubernetes.pod import Pod
from resources.limits import Limits
from resources.manifest.alerts import Alerts
from resources.manifest.checks import Checks
from resources.manifest.decisions import Decisions
from resources.manifest.fairness import Fairness
from resources.manifest.faults import ManifestError, faults_from, refuse
from resources.manifest.text import line_of, read_yaml
from resources.manifest.thresholds import ThresholdPolicy
from resources.outcomes import OutcomeKind
from resources.scorers import Scoring
from resources.scorers.base import Scorer

MANIFEST_NAME = "model.yaml"


# Fields that say how a version is watched, not what it is: a higher `revision` may change them.
# All else (artefact, features, reference, batch) is the version's identity and needs a new version.
REVISABLE = frozenset(
    {
        "owner",
        "shadow",
        "reference.outcome",  # a column of a sample that stays what it is
        "outcome",
        "segments",
        "decisions",
        "fairness",
        "thresholds",
        "checks",
        "schedule",
        "limits",
        "engine",
        "pod",
        "alerts",
    }
)


def is_revisable(field: str) -> bool:
    """Whether a field, by its dotted name, says how a version is watched."""
    return not REVISABLE.isdisjoint((field, field.partition(".")[0]))


def _not_features(
    field: str, names: Iterable[str], info: ValidationInfo, others: Sequence[str] = ()
) -> Iterator[tuple[str, object, str]]:
    """Names that are neither a feature's, if the manifest's features are known, nor another's."""
    features: Features | None = info.data.get("features")
    if features is not None:
        known = [*features.names, *others]
        allowed = f"a feature{' or reason' if others else ''}: {', '.join(known)}"
        yield from ((field, name, allowed) for name in sorted({*names} - {*known}))


def _taken(info: ValidationInfo) -> dict[str, str]:
    """Names that no column of the model may have, and what they are."""
    taken = {"score": "the model's output"}
    if "batch" in info.data:
        taken[info.data["batch"].key] = "the batch's key"
    return taken


def _taken_names(
    field: str, names: Iterable[str], taken: Mapping[str, str]
) -> Iterator[tuple[str, object, str]]:
    return (
        (field, name, f"another name; this is {taken[name]}") for name in names if name in taken
    )


def _roles(info: ValidationInfo) -> dict[str | None, str]:
    """What columns of a batch are, by name, as far as the manifest's fields are known."""
    taken: dict[str | None, str] = dict(_taken(info).items())
    if features := info.data.get("features"):
        taken |= dict.fromkeys(features.names, "a feature")
    if reference := info.data.get("reference"):
        taken[reference.score] = "the score"
    if scoring := info.data.get("scoring"):
        taken |= dict.fromkeys(scoring.reason_columns, "a reason of the score")
    if batch := info.data.get("batch"):
        taken[batch.date_column] = "the batch's date"
    return taken


class Grade(Section):
    """A grade of the lender's master scale."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    to: Number | None = Field(
        None, description="Highest score of the grade; the last grade has none."
    )


class Reference(Section):
    """The sample that the model was built or approved on; every day is compared with it."""

    path: RelativePath = Field(
        description="Parquet, CSV, JSON lines or the folder of a Delta Lake or Iceberg table, "
        "beside the manifest or a URL. It has the features as the model takes them: "
        "`features.sql` is not run on it."
    )
    score: ColumnName | None = Field(
        None,
        description="Column that already holds the score; without it the model scores the sample.",
    )
    outcome: Annotated[ColumnName, AfterValidator(with_horizon)] | None = Field(
        None,
        description="Column that says what became of each row, as `outcome.column` does of a "
        "day's: after the last horizon of `maturity`, or with {horizon} after each. Performance "
        "is compared with the sample's, and the score calibrated on it.",
    )
    bins: int = Field(10, ge=2, le=50, description="Bins of a numeric characteristic.")
    grades: list[Grade] = Field(
        [],
        max_length=50,
        description="The lender's master scale, by ascending score: the bins of the score, for PSI "
        "and for performance and validation by grade. Default: as many bins as `bins` says.",
        examples=[[{"name": "A", "to": 0.01}, {"name": "B", "to": 0.05}, {"name": "C"}]],
    )

    @model_validator(mode="after")
    def _grades_ascend(self) -> Reference:
        names = [one.name for one in self.grades]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise AtOddsError(("grades", f"{', '.join(twice)} twice", "names that differ"))
        *tops, last = [one.to for one in self.grades] or [None]
        below = -math.inf
        for name, top in zip(names, tops, strict=False):
            if top is None or top <= below:
                raise AtOddsError(("grades", f"{name} to {top}", f"a `to` over {below:g}"))
            below = top
        if last is not None or len(names) == 1:
            allowed = "two grades or more, the last without `to`"
            raise AtOddsError(("grades", f"{names[-1]} to {last}", allowed))
        return self


class Batch(Section):
    """Where a day's rows arrive in the lake."""

    path: TablePath = Field(
        description="File, folder or glob with {date}, in Parquet, CSV or JSON lines; under the "
        "lake's root, or a URL. {date:%Y/%m/%d} is the day in another form. Of a Delta Lake or "
        "Iceberg table, <folder>/<column>={date}."
    )
    date_column: ColumnName | None = Field(
        None,
        description="Column that says the day of a row, where `path` holds many days in Parquet, "
        "Delta Lake or Iceberg; it then needs no {date}.",
    )
    key: Annotated[ColumnName, AfterValidator(not_the_score)] = Field(
        description="Column that identifies a row."
    )
    marker: FileName | None = Field(
        None, description="File in the batch's folder that says the batch is complete: _SUCCESS."
    )

    @model_validator(mode="after")
    def _says_the_day(self) -> Batch:
        if self.date_column is None and not says_a_day(self.path):
            raise AtOddsError(("path", self.path, WITH_DATE))
        if self.date_column is not None and is_text(self.path):
            raise AtOddsError(("path", self.path, "Parquet, where there is a `date_column`"))
        return self


class Characteristic(Section):
    """A feature of the model: a column of the batch, or of the SQL's result."""

    name: ColumnName
    type: TypeName | None = Field(
        None, description="Arrow type, such as double or string; default: that of the reference."
    )


class Features(Section):
    """The model's characteristics and how a batch becomes them."""

    columns: list[
        Annotated[
            Characteristic,
            BeforeValidator(short_or_full, json_schema_input_type=str | Characteristic),
        ]
    ] = Field(min_length=1, max_length=10_000)
    sql: RelativePath | None = Field(
        None,
        description="DuckDB query over the table `batch`; its result has the key and the columns. "
        "It is not run on the reference sample, which holds what it makes of a batch; a column "
        "that it changes needs another name than the batch's.",
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Features:
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise AtOddsError(("columns", f"{', '.join(twice)} twice", "names that differ"))
        return self

    @property
    def names(self) -> list[str]:
        """Names of the characteristics, in the order the model takes them."""
        return [column.name for column in self.columns]


class Outcome(Section):
    """Where it is written, later, what became of the applicants.

    A row means that the applicant was accepted; null, that it is not known yet.
    """

    kind: OutcomeKind = Field(
        "binary",
        description="binary: good or bad. continuous: a number that the score predicts, such as a "
        "loss given default (LGD), a conversion factor (CCF) or an exposure (EAD).",
    )
    path: DatedPath = Field(
        description="File, folder or glob under the lake's root, or a URL, as `batch.path`; {date} "
        "is the day of the batch that the applicants were in."
    )
    column: Annotated[ColumnName, AfterValidator(with_horizon)] = Field(
        description="Column that is 1 or true for a bad, 0 or false for a good, or the number that "
        "was realised; null where not known yet. {horizon} is the days of `maturity`: one column "
        "for each of several.",
        examples=["defaulted", "dpd_{horizon}"],
    )
    maturity: Annotated[
        list[Days],
        BeforeValidator(one_or_many, json_schema_input_type=Days | list[Days]),
        Field(min_length=1, max_length=12),
    ] = Field(description="Days after the batch at which an outcome counts: 90, or [30, 60, 90].")
    key: ColumnName | None = Field(
        None, description="Column that identifies an applicant; default: the batch's key."
    )
    min_share: float = Field(
        0.95,
        gt=0,
        le=1,
        description="Share of the accepted whose outcome must be known before a cohort is mature.",
    )
    max_unmatched: Share = Field(
        0.05,
        description="Share of the keys in the outcome files that may match no score of the day; 1 "
        "for any.",
    )
    cut_offs: list[Number] = Field(
        [],
        max_length=100,
        description="Scores at which the lender decides; for precision and recall.",
    )

    @model_validator(mode="after")
    def _horizons_differ(self) -> Outcome:
        if self.maturity != sorted(set(self.maturity)):
            raise AtOddsError(("maturity", self.maturity, "days that ascend"))
        if len(self.maturity) > 1 and "{horizon}" not in self.column:
            allowed = "a name with {horizon}, as `maturity` has several"
            raise AtOddsError(("column", self.column, allowed))
        return self

    @model_validator(mode="after")
    def _cut_offs_part_goods_and_bads(self) -> Outcome:
        if self.kind == "continuous" and self.cut_offs:
            allowed = "none where `kind` is continuous: they part goods and bads"
            raise AtOddsError(("cut_offs", self.cut_offs, allowed))
        return self

    def column_at(self, horizon: int) -> str:
        """Column of the outcome after so many days."""
        return self.column.format(horizon=horizon)


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


class Schedule(Section):
    """Which days have a batch, and when a day's run is due, on the day after."""

    days: list[Weekday] = Field(
        list(WEEKDAYS),
        min_length=1,
        max_length=7,
        description="Days of the week that have a batch.",
    )
    cron: Annotated[Text, AfterValidator(daily_cron)] = "0 6 * * *"
    timezone: Annotated[Text, AfterValidator(timezone_name)] = "UTC"

    def deadline(self, day: dt.date) -> dt.datetime:
        """When the batch of ``day`` must have arrived: the cron time of the day after."""
        minute, hour = self.cron.split()[:2]
        at = dt.time(int(hour), int(minute), tzinfo=ZoneInfo(self.timezone))
        return dt.datetime.combine(day + dt.timedelta(days=1), at)


class Manifest(Section):
    """A model version, as its ``model.yaml`` describes it."""

    schema_version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,50}$", examples=["pd_cards"])
    version: VersionText
    revision: int = Field(
        1,
        ge=1,
        le=1_000_000,
        description="Raise it to change how the version is watched, after it has landed.",
    )
    owner: Text
    deployed_at: Day = Field(description="First day that is monitored.")
    retired_at: Day | None = Field(None, description="First day that is no longer monitored.")
    shadow: bool = Field(
        False,
        description="Whether the version runs beside the one that decides, its champion, and "
        "decides nothing itself. It is monitored in full, and never pages.",
    )
    reference: Reference
    batch: Batch
    features: Features
    scoring: Scoring
    outcome: Outcome | None = None
    segments: list[ColumnName] = Field(
        [],
        max_length=100,
        description="Columns whose values are watched apart: characteristics, or other columns of "
        "the batch (of the SQL's result), which the reference has as well.",
    )
    decisions: Decisions | None = None
    fairness: Fairness | None = None
    thresholds: ThresholdPolicy = ThresholdPolicy()  # type: ignore[call-arg]
    checks: Checks = Checks()  # type: ignore[call-arg]
    schedule: Schedule = Schedule()  # type: ignore[call-arg]
    limits: Limits = Limits()  # type: ignore[call-arg]
    engine: Literal["one_machine", "spark"] = Field(
        "one_machine",
        description="What goes over the rows of a day: one machine, or the executors of Apache "
        "Spark, for batches in Parquet that one machine takes too long for.",
    )
    pod: Pod = Pod()  # type: ignore[call-arg]
    # An empty `alerts:` is YAML's null, and what landed before there were policies has one.
    alerts: Annotated[
        Alerts,
        BeforeValidator(lambda v: {} if v is None else v, json_schema_input_type=Alerts | None),
    ] = Alerts()

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
        refuse(_taken_names("columns", value.names, _taken(info)))
        return value

    @field_validator("scoring")
    @classmethod
    def _reasons_have_free_names(cls, value: Scorer, info: ValidationInfo) -> Scorer:
        features: Features | None = info.data.get("features")
        taken = _taken(info) | dict.fromkeys(features.names if features else (), "a feature")
        refuse(_taken_names("reasons", value.reason_columns, taken))
        return value

    @field_validator("outcome")
    @classmethod
    def _is_what_the_scale_predicts(
        cls, value: Outcome | None, info: ValidationInfo
    ) -> Outcome | None:
        scoring = info.data.get("scoring")
        if value is not None and value.kind == "continuous" and scoring and scoring.scale:
            allowed = "binary, where there is a scoring.scale: it declares probabilities of a bad"
            raise AtOddsError(("kind", value.kind, allowed))
        return value

    @field_validator("segments")
    @classmethod
    def _segments_are_columns(cls, value: list[str], info: ValidationInfo) -> list[str]:
        taken = {"score"} | ({info.data["batch"].key} if "batch" in info.data else set())
        if len({*value} - taken) < len(value):
            raise ValueError("columns that differ, none of them the score or the batch's key")
        return value

    @field_validator("decisions")
    @classmethod
    def _decisions_are_columns(
        cls, value: Decisions | None, info: ValidationInfo
    ) -> Decisions | None:
        if value is None:
            return None
        taken = _roles(info)
        refuse(
            (field, name, f"a column of decisions; this is {taken[name]}")
            for field, name in value.columns.items()
            if name in taken
        )
        names = list(value.columns.values())
        refuse(
            (field, name, "columns that differ")
            for field, name in value.columns.items()
            if names.count(name) > 1
        )
        return value

    @field_validator("fairness")
    @classmethod
    def _protected_columns_are_apart(
        cls, value: Fairness | None, info: ValidationInfo
    ) -> Fairness | None:
        if value is None:
            return None
        taken = _roles(info)
        taken |= dict.fromkeys(info.data.get("segments", []), "a segment")
        if decisions := info.data.get("decisions"):
            taken |= dict.fromkeys(decisions.columns.values(), "a column of decisions")
        horizons: list[int] = []
        outcomes = []
        if reference := info.data.get("reference"):
            outcomes.append(reference.outcome or "")
        if outcome := info.data.get("outcome"):
            if outcome.kind == "continuous":
                raise ValueError(
                    "none where outcome.kind is continuous: approval, bad rates and AUC of groups "
                    "are of goods and bads"
                )
            taken[outcome.key] = "the key of outcomes"
            outcomes.append(outcome.column)
            horizons = outcome.maturity
        for name in outcomes:
            taken |= {name.format(horizon=days): "an outcome" for days in horizons or [0]}
        refuse(
            ("columns", name, f"a column that nothing else reads; this is {taken[name]}")
            for name in value.columns
            if name in taken
        )
        return value

    @field_validator("thresholds")
    @classmethod
    def _limits_features(cls, value: ThresholdPolicy, info: ValidationInfo) -> ThresholdPolicy:
        scoring: Scorer | None = info.data.get("scoring")
        reasons = scoring.reason_columns if scoring else ()
        refuse(_not_features("characteristics", value.characteristics, info, reasons))
        return value

    @field_validator("checks")
    @classmethod
    def _checks_features(cls, value: Checks, info: ValidationInfo) -> Checks:
        refuse(_not_features("max_missing", value.max_missing, info))
        return value

    @field_validator("engine")
    @classmethod
    def _can_be_in_parts(cls, value: str, info: ValidationInfo) -> str:
        if value == "one_machine":
            return value
        batch, scoring = info.data.get("batch"), info.data.get("scoring")
        if batch is not None and batch.date_column is not None:
            raise ValueError("one_machine, where there is a batch.date_column")
        if batch is not None and is_text(batch.path):
            raise ValueError(f"one_machine, where batch.path is {batch.path}, which is no Parquet")
        if scoring is not None and not scoring.takes_parts:
            raise ValueError(f"one_machine, where scoring.flavour is {scoring.flavour}")
        return value

    @property
    def declared_types(self) -> dict[str, str]:
        """Families of types that hold whatever the reference sample says; a key is a text."""
        declared = {one.name: type_family(one.type) for one in self.features.columns if one.type}
        decided = self.decisions.types if self.decisions else {}
        return {self.batch.key: "string"} | declared | decided

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
    def outcome_kind(self) -> OutcomeKind:
        """What outcomes are."""
        return self.outcome.kind if self.outcome else "binary"

    @property
    def predicts_probability(self) -> bool:
        """Whether a score is a probability of bad, or declared to stand for one."""
        return self.outcome_kind == "binary" and self.scoring.predicts_probability

    @property
    def cut_offs(self) -> list[float]:
        """Scores at which the lender decides, if it says any."""
        return self.outcome.cut_offs if self.outcome else []

    @property
    def carried(self) -> list[str]:
        """Segment columns that are no characteristics."""
        return [name for name in self.segments if name not in self.features.names]

    @property
    def decision_columns(self) -> list[str]:
        """Columns of the section ``decisions`` that are no segments."""
        found = self.decisions.columns.values() if self.decisions else ()
        return [name for name in found if name not in self.carried]

    @property
    def maturities(self) -> list[int]:
        """Days after which outcomes count, the shortest first; empty if it does not say."""
        return self.outcome.maturity if self.outcome else []

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
        With one `FieldFault` for each field at fault.
    """
    content, lines = read_yaml(text, file)
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        faults = [fault for item in error.errors() for fault in faults_from(file, item)]
        raise ManifestError(
            [replace(fault, line=line_of(fault.field, lines)) for fault in faults]
        ) from None
