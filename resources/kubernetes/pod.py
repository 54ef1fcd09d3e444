"""Section ``pod``: what a run asks of Kubernetes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    Field,
    model_validator,
)

from monitoring_assets.statistics.drift.thresholds import AtOddsError
from resources.fields import Section

# Kubernetes' quantities: 0.5 or 500m of a core; bytes in powers of 1024 (Mi) or of 1000 (M).
Cpu = Annotated[str, Field(pattern=r"^[0-9]{1,6}(\.[0-9]{1,3}|m)?$")]


# Kubernetes' labels, which have no braces: Airflow's templates render nothing of them.
_LABEL = "[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
LabelKey = Annotated[str, Field(pattern=rf"^([a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_LABEL}$")]


LabelValue = Annotated[str, Field(pattern=f"^({_LABEL})?$")]


Memory = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,15}(Ki|Mi|Gi|Ti|k|M|G|T)?$")]


_UNITS: dict[str, int] = {"": 1} | {
    prefix + suffix: base**power
    for suffix, base in (("", 1000), ("i", 1024))
    for power, prefix in enumerate(("K" if suffix else "k", "M", "G", "T"), 1)
}


def memory_bytes(memory: str) -> int:
    """Bytes of a quantity of memory."""
    digits = memory.rstrip("kKMGTi")
    return int(digits) * _UNITS[memory.removeprefix(digits)]


TolerationField = Literal["key", "operator", "value", "effect"]


class Pod(Section):
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
    node_selector: dict[LabelKey, LabelValue] = Field({}, max_length=50)
    tolerations: list[dict[TolerationField, LabelKey | LabelValue]] = Field([], max_length=50)

    @model_validator(mode="after")
    def _retry_has_more(self) -> Pod:
        if self.retry_memory is not None:
            if self.memory is None:
                raise AtOddsError(("memory", "nothing", "given, as `retry_memory` is"))
            if memory_bytes(self.retry_memory) <= memory_bytes(self.memory):
                allowed = f"more than `memory`, {self.memory}"
                raise AtOddsError(("retry_memory", self.retry_memory, allowed))
        return self
