"""Dagster's GraphQL API, as far as a task needs it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import requests
from airflow.providers.http.hooks.http import HttpHook

from .compat import AirflowException, BaseHook
from .next_step import Run
from .tags import GENERATION, STARTED, TASK_ID, TRY_NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DAGSTER_TYPE = "dagster"
"""dagster-airflow's type of connection."""
TIMEOUT_SECONDS = 60
MAX_RUNS = 1000
BUSY = frozenset({408, 425, 429})
"""Statuses under 500 that mean: not now."""
FINAL_ERRORS = frozenset({"DagsterAssetCheckFailedError", "Failure"})
"""Dagster's exceptions that end a run for what its input is, so that it ends again like that."""
MAY_STILL_ARRIVE = "may_still_arrive"
"""Metadata of a failure for files that are late: the same failure may be none the next time."""

RUNS = """
query TaskRuns($filter: RunsFilter!, $limit: Int!) {
  answer: runsOrError(filter: $filter, limit: $limit) {
    __typename
    ... on Runs { results { runId status creationTime tags { key value } } }
    ... on Error { message }
  }
}
"""

LAUNCH = """
mutation LaunchTask($params: ExecutionParams!) {
  answer: launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on InvalidStepError { invalidStepKey }
    ... on InvalidOutputError { stepKey invalidOutputName }
    ... on Error { message }
  }
}
"""

TERMINATE = """
mutation TerminateTask($runId: String!) {
  answer: terminateRun(runId: $runId) {
    __typename
    ... on TerminateRunFailure { message }
    ... on Error { message }
  }
}
"""

MATERIALISED = """
query Materialised($asset: AssetKeyInput!, $partition: String!) {
  answer: assetNodeOrError(assetKey: $asset) {
    __typename
    ... on AssetNode { assetMaterializations(partitions: [$partition], limit: 1) { runId } }
    ... on Error { message }
  }
}
"""

EVENTS = """
query TaskEvents($runId: ID!, $after: String) {
  answer: logsForRun(runId: $runId, afterCursor: $after) {
    __typename
    ... on EventConnection {
      cursor
      hasMore
      events {
        __typename
        ... on MaterializationEvent {
          assetKey { path }
          partition
          metadataEntries {
            label
            ... on FloatMetadataEntry { floatValue }
            ... on IntMetadataEntry { intRepr }
          }
        }
        ... on AssetCheckEvaluationEvent {
          evaluation {
            assetKey { path } checkName partition success severity description
            metadataEntries { label ... on TextMetadataEntry { text } }
          }
        }
        ... on ExecutionStepFailureEvent {
          stepKey
          error { className message causes { className message } }
          failureMetadata {
            description
            metadataEntries { label ... on BoolMetadataEntry { boolValue } }
          }
        }
        ... on EngineEvent { error { className message causes { className message } } }
        ... on RunFailureEvent { message error { className message causes { className message } } }
        ... on RunCanceledEvent { message }
      }
    }
    ... on Error { message }
  }
}
"""


class DagsterUnreachableError(Exception):
    """Dagster gave no answer, or one that says that it cannot at the moment."""


class DagsterRefusedError(AirflowException):  # type: ignore[misc]
    """Dagster answered, and its answer is no."""


@dataclass(frozen=True)
class CheckEvaluation:
    """An evaluation of a check of the asset of that name, whatever its key begins with."""

    asset: str
    name: str
    partition: str | None
    success: bool
    severity: str
    description: str

    @property
    def is_error(self) -> bool:
        """Whether it failed, and not as a warning."""
        return not self.success and self.severity == "ERROR"

    def __str__(self) -> str:
        """What a person needs to know of it."""
        word = "passed" if self.success else "failed"
        return f"check {self.name} of {self.asset} {word} ({self.severity}): {self.description}"


@dataclass(frozen=True)
class RunEvents:
    """What a run recorded.

    Attributes
    ----------
    materialised
        Numbers in the metadata of each asset and partition that was materialised.
    checks
        The last evaluation of each check and partition.
    reason
        Why the run failed or was cancelled; empty if it was not.
    retry_helps
        False if it failed in a way that is the same the next time: a blocking check, or a
        ``dagster.Failure``, by which an asset says that its input is at fault, and not only late.
    """

    materialised: Mapping[tuple[str, str | None], Mapping[str, float]]
    checks: Sequence[CheckEvaluation]
    reason: str = ""
    retry_helps: bool = True


@dataclass(frozen=True)
class DagsterClient:
    """Dagster behind an Airflow connection.

    Parameters
    ----------
    connection
        Id of a connection of type ``http`` (host, or an URL as the host; extra: headers), or of
        dagster-airflow's type ``dagster`` where that is installed.
    location, repository
        The code location and its repository.
    """

    connection: str
    location: str
    repository: str

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> DagsterClient:
        """Dagster as the settings of a bundle's manifest have it."""
        return cls(settings["connection"], settings["location"], settings["repository"])

    def runs(self, tags: Mapping[str, str]) -> list[Run]:
        """Runs that have all these tags, newest first."""
        answer = self._ask(RUNS, {"filter": {"tags": _pairs(tags)}, "limit": MAX_RUNS}, "Runs")
        return [_run(found) for found in answer["results"]]

    def launch(self, job: str, asset: str, checks: Sequence[str], tags: Mapping[str, str]) -> str:
        """Launch a run of one asset and its checks; return its id.

        Raises
        ------
        DagsterRefusedError
            If Dagster does not launch it, in its words.
        """
        key = {"path": asset.split("/")}
        selector = {
            "repositoryLocationName": self.location,
            "repositoryName": self.repository,
            "jobName": job,
            "assetSelection": [key],
            "assetCheckSelection": [{"assetKey": key, "name": name} for name in checks],
        }
        params = {
            "selector": selector,
            "runConfigData": "{}",
            "mode": "default",
            "executionMetadata": {"tags": _pairs(tags)},
        }
        run_id: str = self._ask(LAUNCH, {"params": params}, "LaunchRunSuccess")["run"]["runId"]
        return run_id

    def terminate(self, run_id: str) -> None:
        """Ask Dagster to end a run; a run that has ended since is none of our concern."""
        self._ask(TERMINATE, {"runId": run_id}, "TerminateRunSuccess", "TerminateRunFailure")

    def is_materialised(self, asset: str, partition: str) -> bool:
        """Whether a partition of an asset was ever materialised."""
        variables = {"asset": {"path": asset.split("/")}, "partition": partition}
        return bool(self._ask(MATERIALISED, variables, "AssetNode")["assetMaterializations"])

    def events(self, run_id: str) -> RunEvents:
        """Read what a run recorded."""
        materialised: dict[tuple[str, str | None], dict[str, float]] = {}
        checks: dict[tuple[str, str, str | None], CheckEvaluation] = {}
        reasons: list[str] = []
        engine = ending = ""
        retry_helps = True
        for event in self._event_log(run_id):
            kind = event["__typename"]
            if kind == "MaterializationEvent":
                key = ("/".join(event["assetKey"]["path"]), event["partition"])
                materialised[key] = _numbers(event["metadataEntries"])
            elif kind == "AssetCheckEvaluationEvent":
                check = _check(event["evaluation"])
                checks[check.asset, check.name, check.partition] = check
            elif kind == "ExecutionStepFailureEvent":
                errors = _errors(event["error"])
                said = event["failureMetadata"] or {}
                is_late = any(
                    entry["label"] == MAY_STILL_ARRIVE and entry["boolValue"]
                    for entry in said.get("metadataEntries", ())
                )
                retry_helps &= is_late or FINAL_ERRORS.isdisjoint(e["className"] for e in errors)
                reasons.append(
                    f"{event['stepKey']}: {said.get('description') or _message(event['error'])}"
                )
            elif kind == "EngineEvent":
                engine = _message(event["error"]) or engine
            elif kind == "RunFailureEvent":
                ending = _message(event["error"]) or event["message"]
            elif kind == "RunCanceledEvent":
                ending = event["message"]
        if reasons:  # that a run failed for a step says no more than the step does
            reasons = [str(check) for check in checks.values() if check.is_error] + reasons
        reason = "\n".join(reasons or filter(None, (engine, ending)))
        return RunEvents(materialised, tuple(checks.values()), reason, retry_helps)

    @property
    def url(self) -> str:
        """Dagster's webserver, as the connection has it."""
        if self._connection.conn_type == DAGSTER_TYPE:
            return _dagster_airflow(self.connection)[0].removesuffix("/graphql")
        hook = HttpHook(http_conn_id=self.connection)
        hook.get_conn()  # reads the connection
        return str(hook.base_url)

    @property
    def organisation(self) -> dict[str, str]:
        """What dagster-airflow's link to Dagster+ wants to know; empty for any other Dagster."""
        if self._connection.conn_type != DAGSTER_TYPE or not self._connection.host:
            return {}
        return {
            "organization_id": self._connection.description,
            "deployment_name": self._connection.host,
        }

    @cached_property
    def _connection(self) -> Any:
        return BaseHook.get_connection(self.connection)

    def _event_log(self, run_id: str) -> Iterator[dict[str, Any]]:
        after = None
        while True:
            page = self._ask(EVENTS, {"runId": run_id, "after": after}, "EventConnection")
            yield from page["events"]
            if not page["hasMore"]:
                return
            after = page["cursor"]

    def _ask(self, query: str, variables: Mapping[str, Any], *expected: str) -> dict[str, Any]:
        """Post a query; return the answer if it is of an expected type, else say what it is."""
        response = self._post({"query": query, "variables": variables})
        status = f"HTTP {response.status_code} {response.reason}"
        try:
            reply = response.json()
            errors = reply.get("errors")
            answer: dict[str, Any] = {} if errors else reply["data"]["answer"]
            kind = "" if errors else answer["__typename"]
        except (ValueError, KeyError, TypeError, AttributeError):
            if response.status_code >= 500 or response.status_code in BUSY:
                raise DagsterUnreachableError(status) from None
            raise DagsterRefusedError(
                f"connection {self.connection}: {status} and no answer in GraphQL; its host must "
                "be that of the Dagster webserver"
            ) from None
        if kind in expected:
            return answer
        words = "; ".join(e["message"] for e in errors) if errors else f"{kind}: {_refusal(answer)}"
        # With its 500 Dagster says why. A launch may fail for what is asked; a question that
        # cannot be answered fails for what is the matter with Dagster, its database first of all.
        if response.status_code >= 500 and query != LAUNCH:
            raise DagsterUnreachableError(f"{status}: {words}")
        raise DagsterRefusedError(words)

    def _post(self, body: Mapping[str, Any]) -> requests.Response:
        try:
            if self._connection.conn_type == DAGSTER_TYPE:
                url, headers = _dagster_airflow(self.connection)
                return requests.post(url, json=body, headers=headers, timeout=TIMEOUT_SECONDS)
            hook = HttpHook(method="POST", http_conn_id=self.connection)
            options = {"check_response": False, "timeout": TIMEOUT_SECONDS}
            response: requests.Response = hook.run("/graphql", extra_options=options, json=body)
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
        ) as error:
            raise DagsterUnreachableError(f"{type(error).__name__}: {error}") from error
        return response


def _dagster_airflow(connection: str) -> tuple[str, dict[str, str]]:
    """URL and headers that dagster-airflow's hook reads from a connection of its type."""
    from dagster_airflow.hooks.dagster_hook import DagsterHook

    # Without a token of its own the hook refuses a Dagster that is not Dagster+.
    hook = DagsterHook(dagster_conn_id=connection, user_token="")
    url = hook.url.rstrip("/")
    return (
        url if url.endswith("/graphql") else f"{url}/graphql",
        {"Dagster-Cloud-Api-Token": hook.user_token} if hook.user_token else {},
    )


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _run(found: Mapping[str, Any]) -> Run:
    tags = {tag["key"]: tag["value"] for tag in found["tags"]}
    return Run(
        run_id=found["runId"],
        status=found["status"],
        generation=int(tags[GENERATION]),
        try_number=int(tags[TRY_NUMBER]),
        created=found["creationTime"],
        task_id=tags[TASK_ID],
        started=tags.get(STARTED),
    )


def _check(evaluation: Mapping[str, Any]) -> CheckEvaluation:
    said = {one["label"]: one.get("text") for one in evaluation.get("metadataEntries", ())}
    return CheckEvaluation(
        asset=evaluation["assetKey"]["path"][-1],
        name=evaluation["checkName"],
        # Evaluations of release 0.1 have it as a field.
        partition=evaluation["partition"] or said.get("partition"),
        success=evaluation["success"],
        severity=evaluation["severity"],
        description=evaluation["description"] or "",
    )


def _numbers(entries: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Metadata that are numbers: an integer comes as text, because JSON's are too small for it."""
    numbers: dict[str, float] = {}
    for entry in entries:
        if entry.get("intRepr") is not None:
            numbers[entry["label"]] = int(entry["intRepr"])
        elif entry.get("floatValue") is not None:
            numbers[entry["label"]] = entry["floatValue"]
    return numbers


def _errors(error: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return [] if error is None else [error, *error["causes"]]


def _message(error: Mapping[str, Any] | None) -> str:
    """The message of the first cause: what wraps it says only where it came from."""
    return _errors(error)[-1]["message"].strip() if error else ""


def _refusal(answer: Mapping[str, Any]) -> str:
    if "errors" in answer:
        return "; ".join(error["message"] for error in answer["errors"])
    return answer.get("message") or ", ".join(
        str(value) for name, value in answer.items() if name != "__typename"
    )
