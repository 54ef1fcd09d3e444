"""Registry sensor: a model version is monitored from the day it lands, without set-up.

Every step may be repeated. A manifest is accepted by writing it to the store; the partition is
added because it is accepted and not there; a run is requested under a key that Dagster starts once.
So a tick that is killed anywhere is made up for by the next one.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache

import dagster as dg

from airflow_bridge.export.settings import bridge_is_on
from monitoring_assets.assets.model_registry import model_registry
from monitoring_assets.code_version import code_version
from monitoring_assets.jobs import monitor_day, onboard_model
from monitoring_assets.partitions import (
    MODEL_DIMENSION,
    MODEL_VERSIONS,
    ModelDay,
    monitored_days,
)
from resources.asset_keys import asset_key
from resources.layout import VERDICTS
from resources.manifest import MANIFEST_NAME, Manifest, is_revisable
from resources.one_line import one_line
from resources.registry import ModelRegistry, Verdict, scan
from resources.store import Landed, Store
from sensors.default_status import default_sensor_status
from sensors.run_requests import (
    request_day,
    request_reference,
    room_for_runs,
    without_report,
)

NAME = "registry_sensor"
# A tick must end within Dagster's limit of a minute; what is left is judged by the next ones.
SCAN_SECONDS = 20.0
# The module whose rules make a verdict.
JUDGE = "resources.registry.judgement"


@dataclass(frozen=True)
class RegistryLine:
    """What the registry sensor has to say of one version folder."""

    folder: str
    status: str
    why: str = ""


@dg.sensor(
    name=NAME,
    jobs=[onboard_model, monitor_day],
    minimum_interval_seconds=30,
    default_status=default_sensor_status(),
    description="Adds the partition of every complete and valid model version and requests its "
    "reference profile, then the days since its deployment.",
)
def registry_sensor(
    context: dg.SensorEvaluationContext, registry: ModelRegistry, store: Store
) -> dg.SensorResult:
    """Scan the registry, accept what is valid, request what is due."""
    cursor = json.loads(context.cursor or "{}")
    known = _known_verdicts(store)
    verdicts, left = scan(registry, known, seconds=SCAN_SECONDS)
    if verdicts != known:
        _remember_verdicts(store, verdicts)
    profiled = store.profiled_keys()
    landed, lines = accept(store, verdicts, left, profiled, now=dt.datetime.now(dt.UTC))

    known_keys = set(context.instance.get_dynamic_partitions(MODEL_DIMENSION))
    new_keys = sorted(landed.keys() - known_keys)
    room = room_for_runs(context.instance, NAME)
    # Of those that have a profile by now no memory is needed.
    onboarded: dict[str, str] = {
        key: fingerprint
        for key, fingerprint in cursor.get("onboarded", {}).items()
        if key not in profiled
    }
    new = [
        key
        for key, item in landed.items()
        if key not in profiled
        and not item.is_retired
        # A sample that cannot be profiled must not take the room of others for ever.
        and onboarded.get(key) != item.fingerprint
    ][:room]
    requests = [request_reference(landed[key], NAME) for key in new]
    onboarded |= {key: landed[key].fingerprint for key in new}
    # With the bridge on the days are Airflow's, those before a version landed too.
    backlog = {} if bridge_is_on() else {k: v for k, v in landed.items() if k in profiled}
    days, requested = due_days(backlog, cursor.get("requested", {}), room - len(requests))
    requests += [
        request_day(landed[one.key].manifest, one.day, NAME)
        for one in without_report(context.instance, days)
    ]

    digest = hashlib.sha256(json.dumps([asdict(line) for line in lines]).encode()).hexdigest()
    events = [_registry_event(lines)] if digest != cursor.get("digest") else []
    events += _unrecorded(context.instance, store, landed.keys() & profiled)
    counts = _counts(lines, left)
    for line in lines:
        if line.status in ("rejected", "changed", "gone"):
            context.log.warning(one_line(f"{line.folder} is {line.status}: {line.why}"))
    context.log.info(counts)
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else counts,
        cursor=json.dumps({"requested": requested, "onboarded": onboarded, "digest": digest}),
        dynamic_partitions_requests=[MODEL_VERSIONS.build_add_request(new_keys)]
        if new_keys
        else [],
        asset_events=events,
    )


def accept(
    store: Store,
    verdicts: Mapping[str, Verdict],
    left: Collection[str],
    profiled: Collection[str],
    now: dt.datetime,
) -> tuple[dict[str, Landed], list[RegistryLine]]:
    """Accept valid versions for monitoring, and say what became of every folder.

    Parameters
    ----------
    store
        Where accepted manifests are kept; runs read them there, not from the registry.
    verdicts
        By folder.
    left
        Folders that are there and have not been judged.
    profiled
        Keys of versions that have a reference profile. Of one that has none yet, whatever is
        mended is taken over: nothing was measured with it.
    now
        Becomes `Landed.landed_at` of new versions.

    Returns
    -------
    Accepted versions by partition key, and one line for each folder.
    """
    landed, changed, lines = store.all_landed(), set[str](), list[RegistryLine]()
    for folder, verdict in sorted(verdicts.items()):
        if verdict.manifest is None:
            lines.append(_unusable(verdict, landed))
            continue
        try:
            line, item = _accepted(verdict.manifest, verdict, landed, profiled, now)
        except Exception as error:  # what cannot be taken over must not stop the others
            why = f"cannot be taken over: {type(error).__name__}: {error}"
            lines.append(RegistryLine(folder, "rejected", why))
            continue
        if item is not None:
            landed[item.manifest.key] = item
            changed.add(item.manifest.key)
        lines.append(line)
    for item in landed.values():
        if item.folder not in verdicts and item.folder not in left:
            why = "its folder is no longer in the registry; it is still monitored"
            lines.append(RegistryLine(item.folder, "gone", why))
    store.land(landed, changed)
    return landed, lines


def _accepted(
    manifest: Manifest,
    verdict: Verdict,
    landed: Mapping[str, Landed],
    profiled: Collection[str],
    now: dt.datetime,
) -> tuple[RegistryLine, Landed | None]:
    """What becomes of a valid version, and what is recorded of it if it is new or has changed."""
    before, is_profiled = landed.get(manifest.key), manifest.key in profiled
    is_new = before is None or (before.manifest, before.digests) != (manifest, verdict.digests)
    refused = before.refused_changes(manifest, verdict.digests) if before and is_new else []
    if refused and is_profiled:
        why = f"changed after it landed: {', '.join(refused)}; {_remedy(refused)}"
        return RegistryLine(verdict.folder, "changed", why), None
    item = before
    if item is None or is_new:
        item = Landed(
            manifest=manifest,
            folder=verdict.folder,
            landed_at=before.landed_at if before else now,
            digests=dict(verdict.digests),
        )
        json.dumps(item.model_dump(mode="json"), allow_nan=False)  # as it will be written
    status = "monitored" if is_profiled else "onboarding"
    if item.is_retired:
        status = "retired"
    said = [*(() if is_profiled else (item.why_unprofiled,)), *verdict.warnings]
    return RegistryLine(verdict.folder, status, "; ".join(said)), item if is_new else None


def due_days(
    landed: Mapping[str, Landed], requested: Mapping[str, str], room: int
) -> tuple[list[ModelDay], dict[str, str]]:
    """Days between deployment and landing that have not been requested, the oldest first.

    Later days are requested by the batch sensor when their batch arrives.

    Parameters
    ----------
    landed
        Versions that have a reference profile, by key.
    requested
        Last day requested, by key.
    room
        Most days to return.

    Returns
    -------
    The days, and ``requested`` brought up to date.
    """
    due = []
    for key, item in landed.items():
        first = item.manifest.deployed_at
        if key in requested:
            first = dt.date.fromisoformat(requested[key]) + dt.timedelta(days=1)
        last = item.landed_at.date() - dt.timedelta(days=1)
        due += [ModelDay(day, key) for day in monitored_days(item.manifest, first, last)]
    due = sorted(due)[:room]
    return due, dict(requested) | {one.key: one.day.isoformat() for one in due}


def _unusable(verdict: Verdict, landed: Mapping[str, Landed]) -> RegistryLine:
    why = "; ".join(map(str, verdict.faults)) or f"waits for its {MANIFEST_NAME}"
    if any(item.folder == verdict.folder for item in landed.values()):
        why = f"changed after it landed, monitored as it was: {why}"
        return RegistryLine(verdict.folder, "changed", why)
    return RegistryLine(verdict.folder, "rejected" if verdict.faults else "incomplete", why)


def _remedy(refused: Iterable[str]) -> str:
    if all(map(is_revisable, refused)):
        return "raise its revision to have the change taken over"
    return "undo the change, or publish it as a new version"


def _known_verdicts(store: Store) -> dict[str, Verdict]:
    """Earlier verdicts, if the same rules made them: others may judge differently.

    One that cannot be read is left out: its folder is simply judged again.
    """
    try:
        return dict(_verdicts(store.storage.read(VERDICTS)))
    except FileNotFoundError:
        return {}


@lru_cache(maxsize=2)
def _verdicts(text: bytes) -> Mapping[str, Verdict]:
    content = json.loads(text)
    if content.get("code_version") != code_version(JUDGE):
        return {}
    verdicts = {}
    for folder, item in content["verdicts"].items():
        with suppress(LookupError, TypeError, ValueError):
            verdicts[folder] = Verdict.from_json(folder, item)
    return verdicts


def _remember_verdicts(store: Store, verdicts: Mapping[str, Verdict]) -> None:
    content = {folder: verdict.to_json() for folder, verdict in verdicts.items()}
    text = json.dumps({"code_version": code_version(JUDGE), "verdicts": content})
    store.storage.write(VERDICTS, text.encode())


def _counts(lines: list[RegistryLine], left: Collection[str]) -> str:
    statuses = sorted({line.status for line in lines})
    counted = [f"{sum(line.status == s for line in lines)} {s}" for s in statuses]
    waiting = [f"{len(left)} to be judged by the next ticks"] if left else []
    return "; ".join(counted + waiting) or "the registry is empty"


def _unrecorded(
    instance: dg.DagsterInstance, store: Store, profiled: Collection[str]
) -> list[dg.AssetMaterialization]:
    """Profiles that Dagster does not know of: it was killed before it was told, or is new.

    Days of Airflow's pods wait for the event, so without it they would wait for ever.
    """
    asset = asset_key("reference_profile")
    recorded = instance.get_materialized_partitions(asset)
    return [
        dg.AssetMaterialization(
            asset, partition=key, metadata={"path": store.url("reference_profile", key)}
        )
        for key in sorted({*profiled} - recorded)
    ]


def _registry_event(lines: list[RegistryLine]) -> dg.AssetMaterialization:
    columns = [dg.TableColumn(name, "string") for name in ("folder", "status", "why")]
    order = ["rejected", "changed", "gone", "incomplete", "onboarding", "monitored", "retired"]
    shown = sorted(lines, key=lambda line: (order.index(line.status), line.folder))
    return dg.AssetMaterialization(
        model_registry.key,
        metadata={
            "versions": dg.MetadataValue.table(
                [dg.TableRecord(asdict(line)) for line in shown], dg.TableSchema(columns)
            ),
            "monitored": sum(line.status == "monitored" for line in lines),
            "rejected": sum(line.status in ("rejected", "changed", "gone") for line in lines),
        },
    )
