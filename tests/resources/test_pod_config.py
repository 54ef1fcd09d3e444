"""What a run asks of Kubernetes, as dagster-k8s itself reads it."""

import json

import pytest
from dagster_k8s.job import UserDefinedDagsterK8sConfig

from resources.manifest import Pod
from resources.pod_config import CONFIG_TAG, RETRY_MEMORY_TAG, pod_config, run_pod_tags

PLACE = {
    "node_selector": {"pool": "batch"},
    "tolerations": [{"key": "batch", "operator": "Exists", "effect": "NoSchedule"}],
}


def read(config):
    """The resources and the placement that dagster-k8s takes from a configuration."""
    taken = UserDefinedDagsterK8sConfig.from_dict(config)
    return taken.container_config.get("resources"), dict(taken.pod_spec_config)


def test_memory_is_a_limit_and_cpu_is_none():
    resources, place = read(pod_config(Pod(cpu="500m", memory="2Gi", **PLACE)))
    assert resources == {
        "requests": {"cpu": "500m", "memory": "2Gi"},
        "limits": {"memory": "2Gi"},
    }
    assert place == PLACE


def test_a_retry_asks_for_its_own_memory_and_the_same_otherwise():
    resources, place = read(pod_config(Pod(cpu="500m", memory="2Gi", **PLACE), "4Gi"))
    assert resources == {
        "requests": {"cpu": "500m", "memory": "4Gi"},
        "limits": {"memory": "4Gi"},
    }
    assert place == PLACE


@pytest.mark.parametrize("pod", [Pod(), Pod(steps=True)])
def test_who_asks_for_nothing_has_no_tag(pod):
    assert run_pod_tags(pod) == {}


def test_the_pod_of_a_run_that_only_starts_steps_is_placed_and_not_sized():
    tags = run_pod_tags(Pod(memory="2Gi", retry_memory="4Gi", steps=True, **PLACE))
    assert read(json.loads(tags[CONFIG_TAG])) == (None, PLACE)
    assert tags[RETRY_MEMORY_TAG] == "4Gi"
