"""Flavour ``command``: the model is a program of its own, run through Dagster Pipes.

The contract is the same as a container's: it is told where its input lies and where its output
goes, both Parquet. Through Pipes a Python program is told more and may write to
the run's log; one in any other language need not know of it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections import deque
from threading import Thread
from typing import IO, TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from resources.fields import Seconds, Text, command_part
from resources.isolation import LOOK_SECONDS, Ended, over_limit
from resources.limits import Bounds
from resources.masking import masked
from resources.scorers.base import (
    ArtefactScoring,
    FileScoring,
    ScoringError,
    ScoringJob,
    read_scores,
    reported_metadata,
    write_aligned,
)

if TYPE_CHECKING:
    from dagster import MetadataValue

SHOWN_LINES = 40
# What a model's program sees of this process's environment: where things are, and how to compute.
# All else stays here, as it may be a secret whatever its name.
PASSED_ON = re.compile(
    r"PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|VIRTUAL_ENV|PYTHON\w+|\w+_NUM_THREADS"
)


class CommandScoring(FileScoring, ArtefactScoring):
    """The model is a program that reads Parquet and writes Parquet."""

    flavour: Literal["command"]
    command: list[Annotated[Text, AfterValidator(command_part)]] = Field(
        min_length=1,
        max_length=1000,
        description="{artefact}, {input} and {output} become paths: "
        "['python', '{artefact}', '{input}', '{output}'].",
    )
    timeout_seconds: Seconds = Field(3600, description="Seconds after which the program is ended.")

    def run(self, job: ScoringJob) -> dict[str, MetadataValue]:
        """Run the program, with the end of its own stderr in the error if it fails."""
        from dagster import (
            PipesTempFileContextInjector,
            PipesTempFileMessageReader,
            open_pipes_session,
        )

        features = job.features
        assert job.context is not None
        written = job.output.with_name(f"program-{job.output.name}")
        paths = {"artefact": str(job.model), "input": str(features.path), "output": str(written)}
        command = [part.format(**paths) for part in self.command]
        with open_pipes_session(
            context=job.context,
            context_injector=PipesTempFileContextInjector(),
            message_reader=PipesTempFileMessageReader(),
            extras={
                **paths,
                "key": features.key,
                "characteristics": list(features.characteristics),
            },
        ) as session:
            ours = {name: value for name, value in os.environ.items() if PASSED_ON.fullmatch(name)}
            _run(command, {**ours, **session.get_bootstrap_env_vars()}, self._bounds(job))
        if not written.exists():
            raise ScoringError(f"{command[0]} succeeded but wrote no {{output}} file")
        source = f"the {{output}} of {command[0]}"
        scored = read_scores(
            features.key_field, self.score, str(written), None, source, reasons=self.reasons
        )
        write_aligned(features, scored, job.output, source)
        return reported_metadata(session.get_results(implicit_materializations=False))

    def _bounds(self, job: ScoringJob) -> Bounds:
        bounds = job.limits.bounds
        if bounds.seconds < self.timeout_seconds:
            return bounds
        return Bounds(self.timeout_seconds, bounds.memory, "scoring.timeout_seconds")


def _run(command: list[str], environment: dict[str, str], bounds: Bounds) -> None:
    try:
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # so that its children end with it
        )
    except OSError as error:
        raise ScoringError(f"scoring.command: {command[0]!r} cannot be started: {error}") from None
    errors: deque[str] = deque(maxlen=SHOWN_LINES)
    readers = [
        Thread(target=_forward, args=(process.stdout, 1, None), daemon=True),
        Thread(target=_forward, args=(process.stderr, 2, errors), daemon=True),
    ]
    for reader in readers:
        reader.start()

    try:
        code = _wait(process, bounds)
        if isinstance(code, Ended):
            raise ScoringError(f"{command[0]} {bounds.in_words(code)}")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for reader in readers:
            reader.join(5)
    if code:
        said = "".join(errors) or "(nothing on stderr)\n"
        raise ScoringError(f"{command[0]} ended with code {code}; its stderr:\n{said}")


def _wait(process: subprocess.Popen[str], bounds: Bounds) -> int | Ended:
    until = time.monotonic() + bounds.seconds
    while True:
        try:
            return process.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if over := over_limit(process.pid, until, bounds.seconds, bounds.memory):
                return over


def _forward(stream: IO[str] | None, target: int, kept: deque[str] | None) -> None:
    """Pass a program's lines on to the run's own log, keeping the last ones."""
    for line in stream or ():
        shown = masked(line)
        os.write(target, shown.encode())
        if kept is not None:
            kept.append(shown)
