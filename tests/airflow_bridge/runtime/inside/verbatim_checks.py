"""Nothing of a manifest is rendered: what looks like a template arrives as it was written."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from environment import BUNDLES, context, manifest, runtime
from templates import TEMPLATES

DAG_ID = "monitor_day.pd_cards.1"


@pytest.fixture(params=["dagster", "kubernetes"])
def dag(request):
    return runtime("dags").of_bundle(manifest(BUNDLES / "hostile" / request.param))[DAG_ID]


def test_what_a_dag_says_of_itself(dag):
    assert dag.description == TEMPLATES["a variable"]
    assert set(TEMPLATES.values()) <= set(dag.tags)
    assert {task.owner for task in dag.tasks} == {TEMPLATES["a sum"]}
    assert "49" not in dag.doc_md


def test_no_field_of_a_task_is_rendered(dag):
    for task in dag.tasks:
        task.render_template_fields(context(task))
        if hasattr(task, "model"):
            assert task.model["owner"] == TEMPLATES["a sum"]
            assert task.model["pod"]["node_selector"] == TEMPLATES
        for field in task.template_fields:
            assert "49" not in str(getattr(task, field))


def test_the_pod_asks_for_what_the_manifest_says():
    dag = runtime("dags").of_bundle(manifest(BUNDLES / "hostile" / "kubernetes"))[DAG_ID]
    task = dag.get_task("features")
    task.render_template_fields(context(task))
    task.__dict__["hook"] = SimpleNamespace(is_in_cluster=True)  # there is no cluster to ask
    pod = task.build_pod_request_obj()
    assert pod.spec.node_selector == TEMPLATES
    assert [one.key for one in pod.spec.tolerations] == [*TEMPLATES.values()]
    tag = f"monitoring/model={TEMPLATES['a variable']}"
    assert tag in pod.spec.containers[0].args


@pytest.mark.parametrize("mode", ["dagster", "kubernetes"])
def test_what_a_manifest_says_comes_through_registry_and_export_as_it_was_written(mode):
    dags = runtime("dags").of_bundle(manifest(BUNDLES / "landed" / mode))
    assert {*dags} == {f"monitor_day.pd_cards.{number}" for number in range(1, 6)}
    for dag, text in zip(dags.values(), TEMPLATES.values(), strict=True):
        label = text if text == TEMPLATES["a file"] else "plain"
        assert label in dag.tags
        assert {task.owner for task in dag.tasks} == {text}
        for task in dag.tasks:
            task.render_template_fields(context(task))
            if hasattr(task, "model"):
                assert task.model["owner"] == text
                assert task.model["pod"]["node_selector"] == {label: label}
