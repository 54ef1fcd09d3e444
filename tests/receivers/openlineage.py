"""A receiver of OpenLineage events on loopback, which refuses what the specification forbids.

Rules: OpenLineage's specification, OpenLineage.json 2-0-2, its definition ``RunEvent``, and that
a run has ended once at most. ``receiver.events`` are the events that were taken.
"""

from __future__ import annotations

import json
from typing import Any

import jsonschema

from tests.receivers.server import Answer, Receiver, ViolationError

URI = {"type": "string", "format": "uri", "pattern": r"^[a-z][a-z0-9+.-]*://\S+$"}
FACETS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["_producer", "_schemaURL"],
        "properties": {"_producer": URI, "_schemaURL": URI},
    },
}
NAMED = {
    "type": "object",
    "required": ["namespace", "name"],
    "properties": {
        "namespace": {"type": "string"},
        "name": {"type": "string"},
        "facets": FACETS,
        "inputFacets": FACETS,
        "outputFacets": FACETS,
    },
}
RUN_EVENT = {
    "type": "object",
    # The specification from version 2 on requires all of these.
    "required": ["eventTime", "producer", "schemaURL", "run", "job"],
    "properties": {
        "eventTime": {"type": "string", "format": "date-time"},
        "producer": URI,
        "schemaURL": URI,
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "run": {
            "type": "object",
            "required": ["runId"],
            "properties": {"runId": {"type": "string", "format": "uuid"}, "facets": FACETS},
        },
        "job": NAMED,
        "inputs": {"type": "array", "items": NAMED},
        "outputs": {"type": "array", "items": NAMED},
    },
}
FORMATS = jsonschema.FormatChecker()
ENDS = {"COMPLETE", "ABORT", "FAIL"}


class OpenLineageReceiver(Receiver):
    """An OpenLineage API, as Marquez and others have it."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []

    @property
    def environment(self) -> dict[str, str]:
        return {"OPENLINEAGE_URL": self.url}

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if (method, path) != ("POST", "/api/v1/lineage"):
            return Answer(404)
        event = json.loads(body)
        try:
            jsonschema.validate(event, RUN_EVENT, format_checker=FORMATS)
        except jsonschema.ValidationError as error:
            raise ViolationError(f"{error.json_path}: {error.message}") from None
        run = event["run"]["runId"]
        if event["eventType"] in ENDS and run in self.ended():
            raise ViolationError(f"{event['job']['name']}: run {run} ends a second time")
        self.events.append(event)
        return Answer(201)

    def refusal(self, violation: ViolationError) -> Answer:
        return Answer(400, {"message": str(violation)})

    def ended(self) -> dict[str, dict[str, Any]]:
        """The last event of each run that has ended, by its id."""
        return {one["run"]["runId"]: one for one in self.events if one["eventType"] in ENDS}


def edges(event: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Datasets that an event reads and makes: ``namespace/name``."""
    reads, makes = (
        {f"{one['namespace']}/{one['name']}" for one in event.get(side, [])}
        for side in ("inputs", "outputs")
    )
    return reads, makes
