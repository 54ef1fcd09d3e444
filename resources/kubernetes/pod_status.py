"""Why a pod ended, in words: OOMKilled, Evicted, DeadlineExceeded, or its exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster_k8s.client import DagsterKubernetesClient
    from kubernetes.client import (  # type: ignore[import-untyped]
        V1ContainerStatus,
        V1Pod,
    )

OUT_OF_MEMORY = "OOMKilled"


class LostPodError(Exception):
    """A pod was lost, through no fault of what ran in it: out of memory, evicted, deleted.

    The run is tried again, as for a lost process.
    """


def why_job_ended(client: DagsterKubernetesClient, job: str, namespace: str | None) -> list[str]:
    """What ended the pods of a Job, as far as something has gone wrong with them."""
    pods = client.get_pods_in_job(job, namespace)  # type: ignore[no-untyped-call]
    return [reason for pod in pods if (reason := why_pod_ended(pod)) is not None]


def why_pod_ended(pod: V1Pod) -> str | None:
    """What ended a pod's first container, in Kubernetes' own word and with what was allowed.

    Parameters
    ----------
    pod
        The pod as the API server returns it.

    Returns
    -------
    None if nothing went wrong so far.
    """
    if pod.status.reason:  # the whole pod's: Evicted, DeadlineExceeded, NodeLost
        return f"{pod.status.reason}: {pod.status.message or 'pod ' + pod.metadata.name}"
    statuses: list[V1ContainerStatus] = pod.status.container_statuses or []
    ended = statuses[0].state.terminated if statuses else None
    if ended is None or ended.exit_code == 0:
        return None
    if ended.reason == OUT_OF_MEMORY:
        resources = pod.spec.containers[0].resources
        limit = ((resources and resources.limits) or {}).get("memory", "the node's")
        return f"{OUT_OF_MEMORY}: out of memory, the limit of its pod is {limit}"
    return f"{ended.reason or 'Error'}: its container ended with code {ended.exit_code}"
