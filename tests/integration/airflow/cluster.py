"""A real Kubernetes that runs pods on this machine, as the rig of ``KRIG`` does."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.airflow.dagster_side import ROOT


@dataclass(frozen=True)
class Cluster:
    """A namespace of the tests' own.

    Parameters
    ----------
    kubeconfig
        An administrator's.
    """

    kubeconfig: Path
    namespace: str

    def kubectl(self, *arguments: str, given: Any = None) -> str:
        """Run ``kubectl`` in the namespace; ``given`` is written to its standard input as JSON."""
        done = subprocess.run(
            ["kubectl", "--kubeconfig", self.kubeconfig, "-n", self.namespace, *arguments],
            input=json.dumps(given) if given is not None else None,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"kubectl {arguments}: {done.stderr}"
        return done.stdout

    def node_address(self) -> str:
        """Where pods reach this machine."""
        return self.kubectl(
            "get",
            "nodes",
            "-o",
            'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}',
        )

    def pods(self, **labels: str) -> list[dict[str, Any]]:
        """Pods with these labels."""
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        found = json.loads(self.kubectl("get", "pods", "-l", selector, "-o", "json"))
        pods: list[dict[str, Any]] = found["items"]
        return pods


def find_cluster() -> Cluster:
    """The rig's cluster, started if it is down; skips with the reason where none can be had."""
    rig, kubeconfig = os.environ.get("KRIG"), os.environ.get("KUBECONFIG")
    if rig is None:
        pytest.skip("no cluster whose pods see this machine's files: KRIG names no rig's folder")
    if kubeconfig is None:
        started = subprocess.run([f"{rig}/up.sh"], capture_output=True, text=True, check=True)
        line = next(one for one in started.stdout.split() if one.startswith("KUBECONFIG="))
        kubeconfig = line.partition("=")[2]
    return Cluster(Path(kubeconfig), f"airflow-{secrets.token_hex(4)}")


def pod_settings(cluster: Cluster, folder: Path, environment: dict[str, str]) -> dict[str, Any]:
    """``kubernetes`` of ``airflow.yaml``: pods with the product mounted from this machine.

    Parameters
    ----------
    folder
        The deployment's, which pods write to.
    environment
        Variables that say where the lender is.
    """
    environment = environment | {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/tmp",
    }
    read = {"environment": sys.prefix, "python": sys.base_prefix, "product": str(ROOT)}
    places = {**read, "deployment": str(folder)}
    return {
        "image": "krig.local/base:1",
        "namespace": cluster.namespace,
        "connection": "kubernetes_default",
        "home_config_map": "dagster-home",
        "labels": {"app": "model-monitoring"},
        "volumes": [
            {"name": name, "hostPath": {"path": path, "type": "Directory"}}
            for name, path in places.items()
        ],
        "volume_mounts": [
            {"name": name, "mountPath": path, "readOnly": name in read}
            for name, path in places.items()
        ],
        "env": environment,
        "command": [str(Path(sys.executable).parent / "monitoring")],
    }
