"""What the pods of a run ask of Kubernetes, from the manifest to dagster-k8s."""

import json
import os

from resources.kubernetes.pod import Pod

# dagster-k8s takes a run's own pod from this tag.
CONFIG_TAG = "dagster-k8s/config"
# What a retry after OOMKilled may ask for, and what a run that is one asks for.
RETRY_MEMORY_TAG = "monitoring/retry_memory"
MEMORY_TAG = "monitoring/memory"
# On a run whose process no run launcher has started, and so none can look after.
EXECUTED_BY_TAG = "monitoring/executed_by"
# Likewise, of a run that a command executes in its own process: which one.
PROCESS_TAG = "monitoring/command_process"
STARTER_ACCOUNT = "MONITORING_STARTER_ACCOUNT"


def pod_resources(pod: Pod, memory: str | None = None) -> dict[str, dict[str, str]]:
    """Requests and limits of a container; ``memory`` is that of a retry, instead of the manifest's.

    Memory is a limit as well, so that a leak ends its own pod and no neighbour's. CPU is not: a
    pod may use what is spare on its node.
    """
    asked = {"cpu": pod.cpu, "memory": memory or pod.memory}
    requests = {name: value for name, value in asked.items() if value}
    limits = {name: value for name, value in requests.items() if name == "memory"}
    return {"requests": requests, "limits": limits} if requests else {}


def pod_config(pod: Pod, memory: str | None = None) -> dict[str, dict[str, object]]:
    """Configuration of a pod that computes, in dagster-k8s' own form."""
    config: dict[str, dict[str, object]] = {}
    if resources := pod_resources(pod, memory):
        config["container_config"] = {"resources": resources}
    if pod.node_selector or pod.tolerations:
        config["pod_spec_config"] = {
            "node_selector": pod.node_selector,
            "tolerations": pod.tolerations,
        }
    return config


def run_pod_tags(pod: Pod, *, starts_pods: bool) -> dict[str, str]:
    """Tags of a run that dagster-k8s and this project's run launcher read.

    Where every step has a pod of its own, the run's pod only starts them: it takes the deployment's
    resources. A run that starts pods needs a service account that may, which the deployment names
    in ``MONITORING_STARTER_ACCOUNT``; the others' may do nothing in the cluster.
    """
    config = pod_config(pod)
    if pod.steps:
        config.pop("container_config", None)
    account = os.environ.get(STARTER_ACCOUNT)
    if account and (pod.steps or starts_pods):
        config["pod_spec_config"] = {
            **config.get("pod_spec_config", {}),
            "service_account_name": account,
            "automount_service_account_token": True,
        }
    tags = {CONFIG_TAG: json.dumps(config)} if config else {}
    return tags | ({RETRY_MEMORY_TAG: pod.retry_memory} if pod.retry_memory else {})
