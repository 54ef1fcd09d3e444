"""A bundle as the exporter writes it, of models that a test makes up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow_bridge.export.bundle import Bundle
from airflow_bridge.export.write import write_bundle
from resources.storage import open_storage
from tests.airflow_bridge.runtime.inside.templates import TEMPLATES
from tests.conftest import Lender

KUBERNETES = {
    "image": "registry.example/monitoring:1",
    "namespace": "monitoring",
    "service_account": "monitoring",
    "connection": None,
    "config_maps": ["roots"],
    "secrets": ["keys"],
    "home_config_map": "dagster-instance",
    "labels": {"team": "risk"},
    "image_pull_policy": "IfNotPresent",
    "volumes": [{"name": "lake", "hostPath": {"path": "/lake"}}],
    "volume_mounts": [{"name": "lake", "mountPath": "/lake"}],
    "env": {"MONITORING_STORE": "s3://store"},
    "deferrable": True,
    "command": ["monitoring"],
    "run_as_user": 10001,
}


def asset(name: str, upstream: list[str], checks: list[str], **more: Any) -> dict[str, Any]:
    """An asset of the job."""
    return {
        "name": name,
        "key": f"monitoring/{name}",
        "upstream": upstream,
        "waits_for": [] if upstream else ["monitoring/reference_profile"],
        "checks": checks,
        "description": f"What {name} holds,\nby day | model.",
        "group": "monitoring",
        "kinds": ["parquet"],
        "code_version": "1",
        "retries": None,
    } | more


def model(version: int = 1, **changes: Any) -> dict[str, Any]:
    """A model version."""
    return {
        "dag_id": f"monitor_day.pd_cards.{version}",
        "key": f"pd_cards.{version}",
        "name": "pd_cards",
        "version": str(version),
        "owner": "card-models",
        "tags": ["model-monitoring", "pd_cards"],
        "cron": "0 6 * * *",
        "timezone": "Europe/London",
        "start": "2026-09-01T18:00:00+01:00",
        "end": None,
        "retired": False,
        "description": "Probability of default of credit cards",
        "manifest_sha256": "0123456789ab" + "0" * 52,
        "run_tags": {"monitoring/model": "pd_cards"},
        "pod": {
            "cpu": "500m",
            "memory": "2Gi",
            "node_selector": {"pool": "batch"},
            "tolerations": [{"key": "spot", "operator": "Exists"}],
        },
    } | changes


def hostile_model() -> dict[str, Any]:
    """A model version whose every text is a template, or the name of one.

    The manifest refuses most of it; the bundle is to be safe by itself.
    """
    return model(
        owner=TEMPLATES["a sum"],
        description=TEMPLATES["a variable"],
        tags=[*TEMPLATES.values()],
        run_tags={"monitoring/model": TEMPLATES["a variable"]},
        pod={
            "cpu": "500m",
            "memory": "2Gi",
            "node_selector": TEMPLATES,
            "tolerations": [{"key": text, "operator": "Exists"} for text in TEMPLATES.values()],
        },
    )


def publish_hostile(lender: Lender) -> None:
    """Publish a version for each template, which has it in every text that takes one.

    Names and a node's labels take only that of a template's file. A last version, whose labels are
    templates, is to be refused.
    """
    for number, text in enumerate(TEMPLATES.values(), 1):
        label = text if text == TEMPLATES["a file"] else "plain"
        days = {"first": "2026-12-01", "last": "2026-12-03", "why": text}
        lender.publish(
            version=str(number),
            owner=text,
            outcome={"path": "o/{date}.parquet", "column": "bad", "maturity": 30, "key": text},
            alerts={
                "service": label,
                "team": label,
                "mute": [days],
                "expected": [days],
                "accepted": [days | {"by": text}],
            },
            pod={"node_selector": {label: label}, "tolerations": [{"key": label}]},
        )
    lender.publish(version="refused", pod={"node_selector": {"pool": TEMPLATES["a variable"]}})


def bundle(models: list[dict[str, Any]], mode: str = "dagster", **settings: Any) -> dict[str, Any]:
    """A bundle's manifest; ``settings`` replace those it has."""
    return {
        "schema_version": 1,
        "mode": mode,
        "job": "monitor_day",
        "settings": {
            "dagster": {
                "connection": "dagster_default",
                "location": "model_monitoring",
                "repository": "__repository__",
                "url": "https://dagster.lender.example",
                "poll_seconds": 15,
            },
            "kubernetes": KUBERNETES if mode == "kubernetes" else None,
            "dag_id_prefix": "",
            "paused_at_creation": False,
            "pool": None,
            "max_active_runs": 4,
            "max_active_tasks": 16,
            "retries": 3,
            "retry_delay_seconds": 120,
            "max_retry_delay_seconds": 3600,
            "timeout_seconds": 14400,
            "on_failure": None,
            "on_success": None,
            "deadline_seconds": None,
            "on_deadline": None,
            "asset_partitions": False,
        }
        | settings,
        "assets": [
            asset("features", [], ["batch_quality", "csi"], retries=5),
            asset("scores", ["features"], ["score_range", "psi"]),
            asset("drift_report", ["features", "scores"], []),
            asset("alerts", ["drift_report"], ["delivered"]),
        ],
        "models": models,
    }


def write(content: dict[str, Any], folder: Path) -> Path:
    """Write a bundle into a folder."""
    folder.mkdir(parents=True)
    write_bundle(Bundle.model_validate(content), open_storage(str(folder)))
    return folder
