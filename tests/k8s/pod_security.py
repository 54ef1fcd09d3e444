"""Pod Security Standards, level *restricted*, and what this project asks for besides.

The rules are those of Kubernetes' documentation, "Pod Security Standards", as of 1.34.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
PROFILES = {"RuntimeDefault", "Localhost"}


def restricted(pod: Mapping[str, Any]) -> Iterator[str]:
    """What of a pod's specification the level *restricted* refuses."""
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield name
    for volume in pod.get("volumes", []):
        yield from (f"volume {kind}" for kind in volume.keys() - {"name"} - VOLUMES)
    of_pod = pod.get("securityContext", {})
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        own = container.get("securityContext", {})
        both = {**of_pod, **own}
        if own.get("privileged"):
            yield "privileged"
        if own.get("allowPrivilegeEscalation") is not False:
            yield "allowPrivilegeEscalation"
        if "ALL" not in own.get("capabilities", {}).get("drop", []):
            yield "capabilities.drop"
        if set(own.get("capabilities", {}).get("add", [])) - {"NET_BIND_SERVICE"}:
            yield "capabilities.add"
        if both.get("runAsNonRoot") is not True:
            yield "runAsNonRoot"
        if both.get("runAsUser") == 0:
            yield "runAsUser"
        if both.get("seccompProfile", {}).get("type") not in PROFILES:
            yield "seccompProfile"
        if any("hostPort" in port for port in container.get("ports", [])):
            yield "hostPort"


def ours(pod: Mapping[str, Any]) -> Iterator[str]:
    """What a pod of this project lacks: a root that is read-only, places to write, resources."""
    for container in pod["containers"]:
        if container.get("securityContext", {}).get("readOnlyRootFilesystem") is not True:
            yield "readOnlyRootFilesystem"
        empty = {volume["name"] for volume in pod["volumes"] if "emptyDir" in volume}
        mounts = {
            mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] in empty
        }
        if mounts != {"/tmp", "/opt/dagster/home"}:
            yield f"emptyDir at {mounts}"
        resources = container.get("resources", {})
        if not {"cpu", "memory", "ephemeral-storage"} <= resources.get("requests", {}).keys():
            yield "requests"
        if not {"memory", "ephemeral-storage"} <= resources.get("limits", {}).keys():
            yield "limits"
    for volume in pod["volumes"]:
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield f"sizeLimit of {volume['name']}"
