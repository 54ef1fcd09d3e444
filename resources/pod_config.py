"""What the pods of a run ask of Kubernetes, from the manifest to dagster-k8s."""

import json

from resources.manifest import Pod

# dagster-k8s takes a run's own pod from this tag.
CONFIG_TAG = "dagster-k8s/config"
# What a retry after OOMKilled may ask for, and what a run that is one asks for.
RETRY_MEMORY_TAG = "monitoring/retry_memory"
MEMORY_TAG = "monitoring/memory"


def pod_resources(pod: Pod, memory: str | None = None) -> dict[str, dict[str, str]]:
    """Requests and limits of a container; ``memory`` is that of a retry, instead of the manifest's.

    Memory is a limit as well, so that a leak ends its own pod and no neighbour's. CPU is not: what
    nobody else wants on a node is there to be used.
    """
    asked = {"cpu": pod.cpu, "memory": memory or pod.memory}
    requests = {name: value for name, value in asked.items() if value}
    limits = {name: value for name, value in requests.items() if name == "memory"}
    return {"requests": requests, "limits": limits} if requests else {}


def pod_config(pod: Pod, memory: str | None = None) -> dict[str, object]:
    """Configuration of a pod that computes, in dagster-k8s' own form."""
    resources = pod_resources(pod, memory)
    container = {"container_config": {"resources": resources}} if resources else {}
    return container | _placement(pod)


def run_pod_tags(pod: Pod) -> dict[str, str]:
    """Tags of a run that dagster-k8s and this project's run launcher read.

    Where every step has a pod of its own, the run's pod only starts them: it takes the deployment's
    resources.
    """
    config = _placement(pod) if pod.steps else pod_config(pod)
    tags = {CONFIG_TAG: json.dumps(config)} if config else {}
    return tags | ({RETRY_MEMORY_TAG: pod.retry_memory} if pod.retry_memory else {})


def _placement(pod: Pod) -> dict[str, object]:
    if not (pod.node_selector or pod.tolerations):
        return {}
    spec = {"node_selector": pod.node_selector, "tolerations": pod.tolerations}
    return {"pod_spec_config": spec}
