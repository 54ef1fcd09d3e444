"""Beside another code location: a company's own assets `features` and `scores` stay its own."""

import sys
import time

import dagster as dg
import pytest
import yaml
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_graphql.test.utils import execute_dagster_graphql

from tests.conftest import YESTERDAY, tick

PARTITION = f"{YESTERDAY}|pd_cards.1"
DUPLICATES = "in multiple code locations"
NAMES = ("model_registry", "reference_profile", "features", "scores", "drift_report", "alerts")
COMPANY = '''\
import dagster as dg


@dg.asset
def features() -> None:
    """The company's own."""


@dg.asset(deps=[features])
def scores() -> None:
    """The company's own."""


@dg.asset_check(asset=scores)
def psi() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


defs = dg.Definitions(
    assets=[features, scores],
    asset_checks=[psi],
    jobs=[dg.define_asset_job("score_customers", [features, scores])],
    executor=dg.in_process_executor,
)
'''
ASSETS = """
{ assetNodes { assetKey { path } repository { location { name } }
  dependedByKeys { path } hasAssetChecks } }
"""
LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on Error { message }
  }
}
"""


@pytest.fixture
def instance():
    """An instance that launches runs at once: there is no daemon."""
    at_once = {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"}
    with dg.instance_for_test({"run_coordinator": at_once}) as one:
        yield one


@pytest.fixture
def workspace(lender, instance, tmp_path, monkeypatch):
    """Load the two code locations, each in a server of its own, with a prefix for ours."""
    (tmp_path / "company.py").write_text(COMPANY)
    ours = {"module_name": "monitoring_assets.definitions", "location_name": "ours"}
    company = {"relative_path": "company.py", "location_name": "company"}
    here = {"executable_path": sys.executable}
    locations = [{"python_module": ours | here}, {"python_file": company | here}]
    file = tmp_path / "workspace.yaml"
    file.write_text(yaml.safe_dump({"load_from": locations}))
    for name, value in lender.environment.items():
        monkeypatch.setenv(name, value)
    opened = []

    def open_workspace(prefix):
        if prefix is None:
            monkeypatch.delenv("MONITORING_ASSET_PREFIX", raising=False)
        else:
            monkeypatch.setenv("MONITORING_ASSET_PREFIX", prefix)
        context = WorkspaceProcessContext(instance, WorkspaceFileTarget([str(file)]))
        opened.append(context)
        context.__enter__()
        return context.create_request_context()

    yield open_workspace
    for context in opened:
        context.__exit__(None, None, None)


def nodes(request):
    """Assets by their key: of which location, and what is made from them."""
    return {
        tuple(node["assetKey"]["path"]): (
            node["repository"]["location"]["name"],
            {tuple(key["path"]) for key in node["dependedByKeys"]},
        )
        for node in execute_dagster_graphql(request, ASSETS).data["assetNodes"]
    }


def run(request, instance, location, job, keys, tags=()):
    """Launch a run by the API that the UI uses, and wait for its end."""
    selector = {
        "repositoryLocationName": location,
        "repositoryName": "__repository__",
        "jobName": job,
        "assetSelection": [{"path": key} for key in keys],
    }
    params = {
        "selector": selector,
        "mode": "default",
        "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags]},
    }
    answer = execute_dagster_graphql(request, LAUNCH, {"params": params}).data
    launched = answer["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    for _ in range(600):
        found = instance.get_run_by_id(launched["run"]["runId"])
        if found.is_finished:
            return found
        time.sleep(0.2)
    raise AssertionError("the run does not end")


@pytest.mark.slow
@pytest.mark.parametrize("prefix", [None, "risk-models/monitoring"])
def test_both_locations_load_and_materialise_and_neither_is_in_the_others_lineage(
    workspace, lender, instance, recwarn, prefix
):
    ours = (prefix or "monitoring").split("/")
    request = workspace(prefix)
    entries = request.get_code_location_entries()
    assert {name: entry.load_error for name, entry in entries.items()} == {
        "ours": None,
        "company": None,
    }
    found = nodes(request)
    assert not [one for one in recwarn if DUPLICATES in str(one.message)]
    assert found[("features",)] == ("company", {("scores",)})
    assert found[("scores",)] == ("company", set())
    assert found[(*ours, "features")] == ("ours", {(*ours, "scores")})
    assert {key for key, (where, _) in found.items() if where == "ours"} >= {
        (*ours, name) for name in NAMES
    }
    assert all(where == "company" or key[:-1] == tuple(ours) for key, (where, _) in found.items())

    lender.publish()
    lender.deliver(YESTERDAY)
    tick(lender, instance)
    of_company = [["features"], ["scores"]]
    of_ours = [[*ours, "features"], [*ours, "scores"]]
    assert run(request, instance, "company", "score_customers", of_company).is_success
    for job, keys, partition in (
        ("onboard_model", [[*ours, "reference_profile"]], "pd_cards.1"),
        ("monitor_day", of_ours, PARTITION),
    ):
        tags = [("dagster/partition", partition)]
        assert run(request, instance, "ours", job, keys, tags).is_success
    for key in of_company:
        assert instance.get_latest_materialization_event(dg.AssetKey(key)) is not None
        assert instance.get_materialized_partitions(dg.AssetKey(key)) == set()
    for key in of_ours:
        assert instance.get_materialized_partitions(dg.AssetKey(key)) == {PARTITION}
    psi = [dg.AssetCheckKey(dg.AssetKey(keys[-1]), "psi") for keys in (of_company, of_ours)]
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(psi)
    assert latest[psi[0]].run_id != latest[psi[1]].run_id


def test_without_a_prefix_dagster_warns_of_both(workspace):
    request = workspace("")
    with pytest.warns(UserWarning, match=DUPLICATES) as warned:
        nodes(request)
    (said,) = [str(one.message) for one in warned if DUPLICATES in str(one.message)]
    assert '["features"]' in said
    assert '["scores"]' in said
