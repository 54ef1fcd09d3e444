"""Why a pod ended, from what the Kubernetes API says of it."""

import pytest
from kubernetes.client import (
    V1Container,
    V1ContainerState,
    V1ContainerStateRunning,
    V1ContainerStateTerminated,
    V1ContainerStatus,
    V1ObjectMeta,
    V1Pod,
    V1PodSpec,
    V1PodStatus,
    V1ResourceRequirements,
)

from resources.kubernetes.pod_status import why_pod_ended


def pod(state=None, limits=None, **status):
    container = V1Container(name="model", resources=V1ResourceRequirements(limits=limits))
    statuses = state and [
        V1ContainerStatus(
            name="model", image="i", image_id="", ready=False, restart_count=0, state=state
        )
    ]
    return V1Pod(
        metadata=V1ObjectMeta(name="dagster-run-1"),
        spec=V1PodSpec(containers=[container]),
        status=V1PodStatus(container_statuses=statuses, **status),
    )


def ended(code, reason):
    return V1ContainerState(terminated=V1ContainerStateTerminated(exit_code=code, reason=reason))


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (pod(), None),
        (pod(V1ContainerState(running=V1ContainerStateRunning())), None),
        (pod(ended(0, "Completed")), None),
        (
            pod(ended(137, "OOMKilled"), {"memory": "2Gi"}),
            "OOMKilled: out of memory, the limit of its pod is 2Gi",
        ),
        (
            pod(ended(137, "OOMKilled")),
            "OOMKilled: out of memory, the limit of its pod is the node's",
        ),
        (pod(ended(3, "Error")), "Error: its container ended with code 3"),
        (
            pod(reason="Evicted", message="The node was low on resource: memory."),
            "Evicted: The node was low on resource: memory.",
        ),
        (pod(ended(137, None), reason="NodeLost"), "NodeLost: pod dagster-run-1"),
    ],
)
def test_a_pods_end_is_said_in_kubernetes_own_word(one, why):
    assert why_pod_ended(one) == why
