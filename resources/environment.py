"""Where this deployment's registry, lake and store are: from the environment, and nowhere else."""

import os
from typing import TypedDict

from resources.lake import Lake
from resources.registry import ModelRegistry, open_registry
from resources.store import Store


class Resources(TypedDict):
    """The resources of the graph, by the names that assets and sensors ask for them."""

    registry: ModelRegistry
    lake: Lake
    store: Store


def resources_from_environment() -> Resources:
    """Resources at ``MONITORING_REGISTRY``, ``MONITORING_LAKE`` and ``MONITORING_STORE``.

    Each is a local folder or ``s3://bucket/prefix``; by default folders of the same name here. The
    registry may also be an MLflow tracking server, ``mlflow+http://host:port``.
    """
    return {
        "registry": open_registry(os.environ.get("MONITORING_REGISTRY", "registry")),
        "lake": Lake(root=os.environ.get("MONITORING_LAKE", "lake")),
        "store": Store(root=os.environ.get("MONITORING_STORE", "store")),
    }
