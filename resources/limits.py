"""Section ``limits``: the most that a model's own computations may take."""

from __future__ import annotations

import os
from typing import NamedTuple

from pydantic import Field, TypeAdapter, ValidationError

from resources.errors import InputError
from resources.fields import Seconds, Section
from resources.isolation import Ended
from resources.kubernetes.pod import Memory, memory_bytes

MAX_SECONDS, MAX_MEMORY = "MONITORING_MAX_SECONDS", "MONITORING_MAX_MEMORY"
DEFAULT_SECONDS, DEFAULT_MEMORY = "3600", "4Gi"
MEMORY: TypeAdapter[str] = TypeAdapter(Memory)


class Bounds(NamedTuple):
    """Seconds and bytes of memory of one computation, and the field that the seconds are of."""

    seconds: float
    memory: int
    field: str = "limits.seconds"

    def in_words(self, ended: Ended) -> str:
        """What ended a computation, and what may be changed where that was a limit."""
        fields = {
            "time": f"{self.field}, at most {MAX_SECONDS}",
            "memory": f"limits.memory, at most {MAX_MEMORY}",
        }
        if ended.limit is None:
            return ended.why
        return f"{ended.why} and was ended; allowed: {fields[ended.limit]}"


class Limits(Section):
    """The most that the version's SQL may take, and its scoring; no more than the deployment's."""

    seconds: Seconds | None = Field(
        None, description="Of the SQL, and of scoring; default: the deployment's."
    )
    memory: Memory | None = Field(
        None, examples=["2Gi"], description="Of each of their processes; default: the deployment's."
    )

    @property
    def bounds(self) -> Bounds:
        """These limits, capped by the deployment's.

        Raises
        ------
        InputError
            If the deployment's cannot be read.
        """
        seconds = os.environ.get(MAX_SECONDS, DEFAULT_SECONDS)
        if not seconds.isdecimal() or not int(seconds):
            raise InputError(f"{MAX_SECONDS}: found {seconds!r}; allowed: seconds, such as 3600")
        memory = os.environ.get(MAX_MEMORY, DEFAULT_MEMORY)
        try:
            MEMORY.validate_python(memory)
        except ValidationError:
            raise InputError(f"{MAX_MEMORY}: found {memory!r}; allowed: such as 4Gi") from None
        most = memory_bytes(memory)
        return Bounds(
            min(self.seconds or int(seconds), int(seconds)),
            min(memory_bytes(self.memory), most) if self.memory else most,
        )
