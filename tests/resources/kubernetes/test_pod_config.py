"""What a run asks of Kubernetes, as dagster-k8s itself reads it."""

import json

import pytest
from dagster_k8s.job import UserDefinedDagsterK8sConfig

from resources.kubernetes.pod_config import CONFIG_TAG, RETRY_MEMORY_TAG, pod_config, run_pod_tags
from resources.manifest import Manifest, Pod

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


IMAGE = {
    "flavour": "image",
    "image": f"lender.example/pd_cards@sha256:{'0' * 64}",
    "command": ["score"],
}


def tags_of(lender, **changes):
    manifest = Manifest.model_validate(lender.manifest("pd_cards", "1", **changes))
    return run_pod_tags(manifest.pod, starts_pods=manifest.scoring.starts_pods)


@pytest.mark.parametrize("changes", [{}, {"pod": {"steps": True}}, {"scoring": IMAGE}])
def test_who_asks_for_nothing_has_no_tag(lender, changes):
    assert tags_of(lender, **changes) == {}


def test_the_pod_of_a_run_that_only_starts_steps_is_placed_and_not_sized(lender):
    pod = {"memory": "2Gi", "retry_memory": "4Gi", "steps": True, **PLACE}
    tags = tags_of(lender, pod=pod)
    assert read(json.loads(tags[CONFIG_TAG])) == (None, PLACE)
    assert tags[RETRY_MEMORY_TAG] == "4Gi"


@pytest.mark.parametrize(
    ("changes", "may_start"),
    [
        ({}, False),
        ({"pod": {"memory": "2Gi"}}, False),
        ({"pod": {"memory": "2Gi", "steps": True}}, True),
        ({"scoring": IMAGE, "pod": {"memory": "2Gi"}}, True),
    ],
)
def test_only_runs_that_start_pods_have_the_account_that_may(
    lender, monkeypatch, changes, may_start
):
    monkeypatch.setenv("MONITORING_STARTER_ACCOUNT", "starter")
    tags = tags_of(lender, **changes)
    _, place = read(json.loads(tags.get(CONFIG_TAG, "{}")))
    expected = {"service_account_name": "starter", "automount_service_account_token": True}
    assert place == (expected if may_start else {})
