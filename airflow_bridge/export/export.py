"""The whole export: what has landed in the store becomes the bundle that Airflow reads."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from airflow_bridge.export.bundle import Bundle, build_bundle
from airflow_bridge.export.settings import BridgeSettings
from airflow_bridge.export.write import DAG_FILE, Changes, write_bundle
from resources.errors import InputError
from resources.storage import open_storage
from resources.store import Store


@dataclass(frozen=True)
class Export:
    """A bundle and what writing it changed.

    ``left_out`` are keys of versions that have landed and cannot be read: they have no DAG.
    """

    bundle: Bundle
    changes: Changes
    left_out: list[str]


def export_bundle(
    job: dg.JobDefinition, store: Store, settings: BridgeSettings, root: str
) -> Export:
    """Bring the bundle at ``root``, a folder or ``s3://bucket/prefix``, up to date.

    Raises
    ------
    InputError
        If nothing has landed, the job cannot be DAGs over days, or another program owns the folder.
    """
    landed = store.all_landed()
    if not landed:  # rather than replace the DAGs by none, for a wrong root say
        raise InputError(
            f"MONITORING_STORE: no model version that can be read has landed in {store.root}; the "
            "registry sensor, or `monitoring onboard`, takes them over"
        )
    # One that had been retired before it landed is never onboarded: its days would wait for ever.
    ours = [
        item
        for key, item in landed.items()
        if not item.manifest.is_retired(item.landed_at.date())
        or store.has("reference_profile", key)
    ]
    bundle = build_bundle(job, ours, settings)
    changes = write_bundle(bundle, open_storage(root))
    left_out = {item.manifest.key for item in ours} - {model.key for model in bundle.models}
    return Export(bundle, changes, sorted(left_out | store.unreadable_keys()))


def begin_bundle(job: dg.JobDefinition, settings: BridgeSettings, root: str) -> None:
    """Write a bundle without DAGs where there is none, for Airflow to know before a version lands.

    Airflow looks for new files every few minutes only; a change of one that it knows it sees at
    once.
    """
    target = open_storage(root)
    if not target.exists(DAG_FILE):
        write_bundle(build_bundle(job, [], settings), target)
