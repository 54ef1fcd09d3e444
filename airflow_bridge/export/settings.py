"""The bridge's settings: one YAML file, ``airflow.yaml``, which ``MONITORING_AIRFLOW`` names."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from resources.errors import InputError
from resources.manifest import WORDS, FieldFault

VARIABLE = "MONITORING_AIRFLOW"
BRIDGE_IS_ON = f"Airflow schedules the days: {VARIABLE} is set"
"""Why a sensor that requests days requests none."""

Mode = Literal["dagster", "kubernetes"]
Name = Annotated[str, Field(min_length=1)]
Seconds = Annotated[int, Field(ge=1)]
Callback = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="`module:function`, importable where Airflow parses.",
        examples=["lender.oncall:page"],
    ),
]


def _place(value: str) -> str:
    if not value.startswith(("/", "s3://", "file:///")):
        raise ValueError("an absolute path, or s3://bucket/prefix")
    return value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DagsterSettings(_Section):
    """Where Airflow finds Dagster."""

    connection: Name = Field(
        "dagster_default",
        description="Airflow connection of type http, or of dagster-airflow's type dagster.",
    )
    location: Name = Field("model_monitoring", description="Code location of the jobs.")
    repository: Name = "__repository__"
    url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = Field(
        default_factory=lambda: os.environ.get("MONITORING_DAGSTER_URL"),
        validate_default=True,
        description="Dagster's UI, for links; default: MONITORING_DAGSTER_URL.",
    )
    # A shorter wait may end before Airflow 3 has noticed that the worker had; it then takes the
    # task for lost, and a try is used up.
    poll_seconds: int = Field(15, ge=15, description="Between two looks at a run.")


class KubernetesSettings(_Section):
    """How a task's pod is made."""

    image: Name = Field(description="This project's image.")
    namespace: Name
    service_account: Name | None = None
    connection: Name | None = Field(
        None, description="Airflow connection to the cluster; default: the one Airflow is in."
    )
    config_maps: list[Name] = Field([], description="ConfigMaps put into the environment.")
    secrets: list[Name] = Field([], description="Secrets put into the environment, by name.")
    home_config_map: Name | None = Field(
        None, description="ConfigMap whose dagster.yaml becomes the pod's DAGSTER_HOME."
    )
    run_as_user: int | None = Field(
        None, ge=1, description="The pods' user id; default: the image's, which may not be root."
    )
    labels: dict[str, str] = {}
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    volumes: list[dict[str, Any]] = []
    volume_mounts: list[dict[str, Any]] = []
    env: dict[str, str] = Field({}, description="Plain values; secrets go into `secrets`.")
    deferrable: bool = Field(True, description="Wait in Airflow's triggerer, not in a worker.")
    command: list[Name] = Field(["monitoring"], min_length=1)


class Settings(_Section):
    """What every DAG of a bundle has in common."""

    dagster: DagsterSettings = Field(default_factory=lambda: DagsterSettings())  # type: ignore[call-arg]
    kubernetes: KubernetesSettings | None = None
    dag_id_prefix: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_.-]{0,40}$",
        description="Begins the ids of DAGs and the names of Airflow's assets: an Airflow of two "
        "environments tells them apart by it.",
        examples=["staging."],
    )
    paused_at_creation: bool | None = Field(
        False,
        description="Whether a new DAG waits until a person unpauses it; null for what Airflow's "
        "`dags_are_paused_at_creation` says. Default: it does not, so that a version that lands is "
        "monitored from its first day.",
    )
    pool: Name | None = Field(None, description="Airflow pool of the tasks.")
    max_active_runs: int = Field(4, ge=1)
    max_active_tasks: int = Field(16, ge=1)
    retries: int = Field(
        8, ge=0, description="Of a batch that is late too: about four hours with these delays."
    )
    retry_delay_seconds: Seconds = Field(120, description="Before the first retry; then it grows.")
    max_retry_delay_seconds: Seconds = Field(3600, validate_default=True)
    timeout_seconds: Seconds = Field(14_400, description="For a task, all its waiting included.")
    on_failure: Callback | None = None
    on_success: Callback | None = None
    deadline_seconds: Seconds | None = Field(
        None, description="For a day, from when its run is queued; Airflow 3.2 and later."
    )
    on_deadline: Callback | None = Field(None, validate_default=True)
    asset_partitions: bool = Field(
        False,
        description="Whether each asset has another one beside it, which ends in `/days` and whose "
        "events have the day as partition key; Airflow 3.2 and later.",
    )

    @field_validator("on_deadline")
    @classmethod
    def _has_its_deadline(cls, value: str | None, info: ValidationInfo) -> str | None:
        if (value is None) != (info.data.get("deadline_seconds") is None):
            raise ValueError("a callback with `deadline_seconds`, and nothing without it")
        return value

    @field_validator("max_retry_delay_seconds")
    @classmethod
    def _grows(cls, value: int, info: ValidationInfo) -> int:
        first = info.data.get("retry_delay_seconds", 0)
        if value < first:
            raise ValueError(f"at least `retry_delay_seconds`, {first}")
        return value


class BridgeSettings(Settings):
    """The content of ``airflow.yaml``."""

    # Before `mode`, whose rule needs it.
    bundle: Annotated[str, AfterValidator(_place)] | None = Field(
        None, description="Folder or s3://bucket/prefix of the bundle."
    )
    tags: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        [], description="Airflow tags of every DAG, beside its own.", examples=[["staging"]]
    )
    first_day: dt.date | None = Field(
        None,
        description="No DAG monitors a day before it: for versions whose days Dagster has made "
        "already.",
        examples=["2026-11-01"],
    )
    mode: Mode = Field("dagster", validate_default=True)

    @field_validator("mode")
    @classmethod
    def _has_its_section(cls, value: Mode, info: ValidationInfo) -> Mode:
        if value == "kubernetes" and info.data.get("kubernetes", ...) is None:
            raise ValueError(
                "dagster; or kubernetes with a section `kubernetes` (image, namespace)"
            )
        return value

    def of_bundle(self) -> Settings:
        """What of it is written into a bundle."""
        return Settings.model_validate(self.model_dump(include=set(Settings.model_fields)))


def bridge_is_on() -> bool:
    """Whether Airflow schedules the days of this deployment."""
    return bool(os.environ.get(VARIABLE))


def load_settings(path: Path, **changes: Any) -> BridgeSettings:
    """Read ``airflow.yaml``.

    Parameters
    ----------
    path
        The file.
    changes
        Fields that replace the file's.

    Raises
    ------
    InputError
        With a line for each field at fault: file, field, what was found, what is allowed.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as YAML: {error}") from error
    if not isinstance(content, dict | None):
        raise InputError(
            str(FieldFault(str(path), "", type(content).__name__, "a mapping of fields"))
        )
    return read_settings({**(content or {}), **changes}, str(path))


def read_settings(content: dict[str, Any], file: str) -> BridgeSettings:
    """Validate settings; ``file`` is what an error calls them.

    Raises
    ------
    InputError
        With a line for each field at fault.
    """
    try:
        return BridgeSettings.model_validate(content)
    except ValidationError as error:
        faults = [_fault(file, item) for item in error.errors(include_url=False)]
        raise InputError("\n".join(map(str, faults))) from None


def _fault(file: str, error: Any) -> FieldFault:
    field, kind = ".".join(map(str, error["loc"])), error["type"]
    if kind == "missing":
        return FieldFault(file, field, "nothing", "this field must be given")
    if kind == "extra_forbidden":
        return FieldFault(file, field, "an unknown field", "no such field (a typing error?)")
    if kind == "string_pattern_mismatch":
        return FieldFault(
            file, field, repr(error["input"]), f"text that matches {error['ctx']['pattern']}"
        )
    allowed = WORDS.get(kind) or error["msg"].removeprefix("Value error, ").removeprefix(
        "Input should be "
    )
    # An environment may hold what a log must not.
    found = type(error["input"]).__name__ if ".env." in field else repr(error["input"])
    return FieldFault(file, field, found, allowed)
