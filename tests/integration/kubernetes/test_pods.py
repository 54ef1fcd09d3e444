"""The product in pods of a real cluster: nothing is lost, and nothing is run twice."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections import Counter
from typing import Any

import dagster as dg
import kubernetes
import numpy as np
import pytest
import yaml
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from monitoring_assets.demo.lender import SHORTEST, build
from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.failures import failure_in_words
from monitoring_assets.runs.shown import four_digits
from monitoring_assets.statistics.profiles.profile import Profile
from resources.asset_keys import asset_key
from resources.scorers.base import SCORE
from resources.storage import open_storage
from tests.conftest import YESTERDAY, days_ago, rows, seed_of
from tests.integration.kubernetes.deployment import USER, Deployment, wait_for

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(2400)]

DAY_ASSETS = [
    "features",
    "scores",
    "drift_report",
    "segment_report",
    "performance_report",
    "alerts",
    "report_page",
]
# A model's own program, for which no brace may be written. It also says what it may do.
CONTAINER = """
import io, os, sys, boto3, pyarrow as pa, pyarrow.parquet as pq
from dagster_pipes import open_dagster_pipes
s3 = boto3.client('s3')
places = [url.split('/', 3)[2:] for url in sys.argv[1:]]
with open_dagster_pipes() as pipes:
    body = s3.get_object(Bucket=places[0][0], Key=places[0][1])['Body'].read()
    table = pq.read_table(io.BytesIO(body))
    income = table['income'].to_numpy()
    scored = pa.table([table[pipes.extras['key']], pa.array(income / (income + 22026.4657948))],
                      names=[pipes.extras['key'], 'score'])
    written = io.BytesIO()
    pq.write_table(scored, written)
    s3.put_object(Bucket=places[1][0], Key=places[1][1], Body=written.getvalue())
    try:
        open('/written', 'w')
        writes = True
    except OSError:
        writes = False
    token = os.path.exists('/var/run/secrets/kubernetes.io/serviceaccount/token')
    pipes.log.info('scored ' + str(len(table)) + ' rows')
    pipes.report_asset_materialization(
        metadata=dict(uid=os.getuid(), writes_root=writes, has_token=token))
"""
# Containers that do wrong: seconds they are given, their program, and what is said of it.
HALF = """
import io, sys, boto3, pyarrow as pa, pyarrow.parquet as pq
s3 = boto3.client('s3')
read, written = [url.split('/', 3)[2:] for url in sys.argv[1:]]
body = s3.get_object(Bucket=read[0], Key=read[1])['Body'].read()
half = pq.read_table(io.BytesIO(body), columns=['loan_id']).slice(0, 200)
found = io.BytesIO()
pq.write_table(half.append_column('score', pa.array([0.5] * 200)), found)
s3.put_object(Bucket=written[0], Key=written[1], Body=found.getvalue())
"""
WRONG = {
    "pd_half": (240, HALF, "200 rows scored; the features have 400"),
    "pd_endless": (20, "import time; time.sleep(600)", "ran longer than 20 s"),
    "pd_broken": (240, "raise SystemExit('no weights')", "no weights"),
    "pd_hungry": (240, "bytearray(3 << 30)", "OOMKilled"),
    "pd_deleted": (1200, "import time; time.sleep(1200)", "its pod was deleted while it ran"),
}
SLOW = b"""
import sys, time, pyarrow as pa, pyarrow.parquet as pq
table = pq.read_table(sys.argv[1])
time.sleep(6)
scores = pa.array([0.5] * len(table))
pq.write_table(pa.table({'loan_id': table['loan_id'], 'score': scores}), sys.argv[2])
"""
# Too little for the libraries that a step imports; enough for them.
TIGHT = {"memory": "250Mi", "retry_memory": "1200Mi"}
# Seconds until a day is through, where all cores are busy.
PATIENCE = 900
STEP = {dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS}


def runs_of(deployment: Deployment, key: str, job: str = "monitor_day") -> list[dg.DagsterRun]:
    """Runs of a version, the oldest first; of an asset backfill as well."""
    tags = {"dagster/partition/model" if job != "onboard_model" else "dagster/partition": key}
    found = deployment.instance.get_runs(dg.RunsFilter(tags=tags), ascending=True)
    return [run for run in found if run.job_name in (job, "__ASSET_JOB")]


def events(deployment: Deployment, run: dg.DagsterRun, *kinds: dg.DagsterEventType):
    records = deployment.instance.get_records_for_run(
        run.run_id, of_type=set(kinds) or None
    ).records
    found = [record.event_log_entry.dagster_event for record in records]
    return [event for event in found if event is not None]


def materialised(deployment: Deployment, asset: str, key: str) -> Counter[str]:
    """How often each partition of a version was materialised."""
    records = deployment.instance.fetch_materializations(asset_key(asset), limit=500).records
    partitions = (record.asset_materialization.partition for record in records)
    return Counter(partition for partition in partitions if partition.endswith(f"|{key}"))


def is_reported(deployment: Deployment, key: str, days: list[dt.date]):
    def every_day_has_its_alerts() -> bool:
        found = materialised(deployment, "alerts", key)
        return found.keys() >= {ModelDay(day, key).partition for day in days}

    return every_day_has_its_alerts


def assert_each_once(deployment: Deployment, key: str, days: list[dt.date]) -> None:
    expected = dict.fromkeys((ModelDay(day, key).partition for day in days), 1)
    for asset in DAY_ASSETS:
        assert materialised(deployment, asset, key) == expected, asset


def in_step(deployment: Deployment, key: str, step: str):
    """The run of a version that is in the middle of a step now."""

    def a_run_is_in_mid_step() -> dg.DagsterRun | None:
        for run in runs_of(deployment, key):
            if run.status == dg.DagsterRunStatus.STARTED:
                seen = [one for one in events(deployment, run, *STEP) if one.step_key == step]
                if [one.event_type for one in seen] == [dg.DagsterEventType.STEP_START]:
                    return run
        return None

    return a_run_is_in_mid_step


def program(lender, name: str) -> dict[str, Any]:
    """The scoring section of a version whose program takes its time."""
    open_storage(lender.registry.root).write(f"{name}/1/score.py", SLOW)
    return {
        "flavour": "command",
        "artefact": "score.py",
        "sha256": hashlib.sha256(SLOW).hexdigest(),
        "command": ["python", "{artefact}", "{input}", "{output}"],
    }


@pytest.fixture(scope="module")
def landed(deployment, lender, model_image) -> None:
    """Versions with a day each, all at once: what they cost is waiting.

    In one pod; with an image of its own; with too little memory at first, in one pod and with steps
    in pods; with too little for good; with images that do wrong.
    """
    lender.deliver(YESTERDAY)
    common = {
        "deployed_at": YESTERDAY.isoformat(),
        "batch": {"path": "pd_cards/{date}.parquet", "key": "loan_id"},
        "reference": {"path": "reference.parquet", "score": "score"},
    }

    def image(program: str, seconds: int = 240) -> dict[str, Any]:
        return {
            "flavour": "image",
            "image": model_image,
            "command": ["python", "-c", program, "{input}", "{output}"],
            "timeout_seconds": seconds,
        }

    steps = program(lender, "pd_auto")
    lender.publish("pd_cards", **common)
    lender.publish("pd_loans", scoring=image(CONTAINER), pod={"memory": "900Mi"}, **common)
    # A step alone gets by with less.
    tight = {"cpu": "60m", "memory": "160Mi", "retry_memory": TIGHT["retry_memory"]}
    lender.publish("pd_auto", scoring=steps, pod={**tight, "steps": True}, **common)
    lender.publish("pd_tight", pod=TIGHT, **common)
    lender.publish("pd_hopeless", pod={"memory": TIGHT["memory"]}, **common)
    for name, (seconds, code, _) in WRONG.items():
        lender.publish(name, scoring=image(code, seconds), pod={"memory": "900Mi"}, **common)


@pytest.mark.parametrize("key", ["pd_cards.1", "pd_loans.1"])
def test_versions_that_land_are_run_once_each_in_a_pod(deployment, landed, key):
    wait_for(is_reported(deployment, key, [YESTERDAY]), PATIENCE)
    (day,) = wait_for(lambda: finished(deployment, key))
    (onboarding,) = runs_of(deployment, key, "onboard_model")
    assert {onboarding.status, day.status} == {dg.DagsterRunStatus.SUCCESS}
    assert day.tags["monitoring/requested_by"] in ("registry_sensor", "batch_sensor")
    assert not events(deployment, day, dg.DagsterEventType.STEP_WORKER_STARTING)
    assert len(deployment.pods(f"dagster/run-id={day.run_id}")) == 1
    assert_each_once(deployment, key, [YESTERDAY])


def test_steps_are_pods_and_one_that_is_lost_is_run_again_alone(deployment, landed):
    """First for want of memory, then because it is deleted."""
    key = "pd_auto.1"
    run = wait_for(in_step(deployment, key, "scores"), PATIENCE)
    (pod,) = deployment.pods(f"dagster/run-id={run.run_id},dagster/op=scores")
    deployment.kill_pod(pod.metadata.name)
    wait_for(is_reported(deployment, key, [YESTERDAY]), PATIENCE)
    assert_each_once(deployment, key, [YESTERDAY])
    first, second, third = wait_for(lambda: finished(deployment, key))
    assert second.run_id == run.run_id
    assert "OOMKilled" in failure_in_words(events(deployment, first))
    assert failure_in_words(events(deployment, second)).startswith("scores: ")
    assert third.status == dg.DagsterRunStatus.SUCCESS
    again = {one.step_key for one in events(deployment, third, dg.DagsterEventType.STEP_START)}
    assert "features" not in again
    assert again >= {"scores", "drift_report", "alerts"}
    workers = f"dagster/run-id={third.run_id},app.kubernetes.io/component=step_worker"
    pods = deployment.pods(workers)
    assert len(pods) == len(again)
    for pod in pods:
        resources = pod.spec.containers[0].resources
        assert resources.requests["cpu"] == "60m"
        assert resources.requests["memory"] == TIGHT["retry_memory"]
        assert resources.limits["memory"] == TIGHT["retry_memory"]
        assert "cpu" not in resources.limits


def test_a_run_out_of_memory_says_so_and_its_retry_asks_for_more(deployment, landed):
    key = "pd_tight.1"
    wait_for(is_reported(deployment, key, [YESTERDAY]), PATIENCE)
    first, second = wait_for(lambda: finished(deployment, key))
    assert first.status == dg.DagsterRunStatus.FAILURE
    assert failure_in_words(events(deployment, first)).count("OOMKilled")
    assert second.status == dg.DagsterRunStatus.SUCCESS
    limits = [
        pod.spec.containers[0].resources.limits["memory"]
        for run in (first, second)
        for pod in deployment.pods(f"dagster/run-id={run.run_id}")
    ]
    assert limits == [TIGHT["memory"], TIGHT["retry_memory"]]
    assert_each_once(deployment, key, [YESTERDAY])


def test_an_incident_names_the_lack_of_memory(deployment, lender, landed):
    """Where there is no more to ask for, the retries end, and people are told why."""
    path = "incidents/pd_hopeless.1.json"
    wait_for(lambda: lender.store.storage.exists(path), PATIENCE)
    assert "OOMKilled" in lender.store.storage.read(path).decode()


def finished(deployment: Deployment, key: str) -> list[dg.DagsterRun]:
    found = runs_of(deployment, key)
    return found if all(run.is_finished for run in found) else []


def test_no_pod_of_a_run_is_root_or_writes_to_its_image(deployment, landed):
    pods = deployment.pods("dagster/run-id")
    assert len(pods) >= 3
    for pod in pods:
        assert pod.spec.security_context.run_as_non_root
        assert pod.spec.security_context.run_as_user == USER
        (container,) = pod.spec.containers
        assert container.security_context.read_only_root_filesystem
        assert not container.security_context.allow_privilege_escalation
        assert container.security_context.capabilities.drop == ["ALL"]


def test_a_container_of_the_models_own_scores_and_reports(deployment, lender, landed):
    wait_for(is_reported(deployment, "pd_loans.1", [YESTERDAY]), PATIENCE)
    (record,) = [
        one
        for one in deployment.instance.fetch_materializations(asset_key("scores"), limit=50).records
        if one.asset_materialization.partition.endswith("pd_loans.1")
    ]
    metadata = record.asset_materialization.metadata
    said = {name: value.value for name, value in metadata.items() if name.startswith("model/")}
    # It may read its input and write its output, and nothing else.
    assert said == {"model/uid": USER, "model/writes_root": False, "model/has_token": False}
    logs = [one.user_message for one in deployment.instance.all_logs(record.run_id)]
    assert any("scored 400 rows" in message for message in logs)
    batch = rows(seed_of(YESTERDAY))
    expected = 1 / (1 + np.exp(10 - np.log(batch["income"].to_numpy())))
    profile = Profile.from_table(
        lender.store.read_table("scores_profile", "pd_loans.1", YESTERDAY)[0]
    )
    mean = profile.columns[SCORE].mean_score
    assert mean == pytest.approx(expected.mean(), rel=1e-6)
    assert metadata["mean_score"].value == four_digits(mean)
    assert not lender.store.storage.list("exchange/pd_loans.1")


@pytest.mark.parametrize("name", WRONG)
def test_a_container_that_does_wrong_is_refused_with_the_reason(deployment, landed, name):
    key = f"{name}.1"

    def has_failed() -> dg.DagsterRun | None:
        return next((run for run in runs_of(deployment, key) if run.is_finished), None)

    def containers() -> list[Any]:
        pods = deployment.pods("app.kubernetes.io/name=dagster")
        of_run = tuple(f"dagster-{run.run_id[:8]}" for run in runs_of(deployment, key))
        return [
            pod
            for pod in pods
            if pod.metadata.name.startswith(of_run) and pod.status.phase == "Running"
        ]

    if name == "pd_deleted":
        (container,) = wait_for(containers, PATIENCE)
        deployment.kill_pod(container.metadata.name)
    run = wait_for(has_failed, PATIENCE)
    assert WRONG[name][2] in failure_in_words(events(deployment, run))
    assert materialised(deployment, "features", key)
    assert not materialised(deployment, "scores", key)


@pytest.fixture(scope="module")
def demo(lender, tmp_path_factory) -> list[str]:
    """The demo's versions, by names of their own and with its last day; their keys."""
    folder = tmp_path_factory.mktemp("demo")
    build(folder, end=YESTERDAY, days=SHORTEST)
    lake, registry = (open_storage(part.root) for part in (lender.lake, lender.registry))
    for file in (folder / "lake").rglob(f"date={YESTERDAY}/*"):
        lake.write(str(file.relative_to(folder / "lake")), file.read_bytes())
    keys = []
    for manifest in (folder / "registry").rglob("model.yaml"):
        content = yaml.safe_load(manifest.read_text())
        content["name"] = content["name"].replace("pd_", "demo_")
        content["deployed_at"] = YESTERDAY
        landing = f"{content['name']}/{content['version']}"
        for file in manifest.parent.iterdir():
            if file != manifest:
                registry.write(f"{landing}/{file.name}", file.read_bytes())
        registry.write(f"{landing}/model.yaml", yaml.safe_dump(content).encode())
        keys.append(landing.replace("/", "."))
    return keys


def test_the_demos_models_run_in_pods(deployment, demo):
    assert len(demo) == 6
    for key in demo:
        wait_for(is_reported(deployment, key, [YESTERDAY]), PATIENCE)
        assert_each_once(deployment, key, [YESTERDAY])


MAY = [
    ("monitoring-dagster", "create", "batch", "jobs", True),
    ("monitoring-dagster", "create", "", "pods", False),
    ("monitoring-dagster", "create", "", "pods/exec", False),
    ("monitoring-run-steps", "create", "batch", "jobs", True),
    ("monitoring-run-steps", "create", "", "pods", True),
    ("monitoring-run-steps", "create", "", "pods/exec", False),
    ("monitoring-run-steps", "get", "", "secrets", False),
    ("monitoring-run-steps", "update", "rbac.authorization.k8s.io", "roles", False),
    *(
        (account, verb, group, resource, False)
        for account in ("monitoring-run", "monitoring-code", "monitoring-model")
        for verb, group, resource in (
            ("create", "batch", "jobs"),
            ("create", "", "pods"),
            ("list", "", "pods"),
            ("get", "", "secrets"),
        )
    ),
]


@pytest.mark.parametrize(("account", "verb", "group", "resource", "allowed"), MAY)
def test_accounts_may_do_what_they_need_and_nothing_else(
    deployment, account, verb, group, resource, allowed
):
    kind, _, part = resource.partition("/")
    spec = {
        "user": f"system:serviceaccount:{deployment.namespace}:{account}",
        "resourceAttributes": {
            "namespace": deployment.namespace,
            "verb": verb,
            "group": group,
            "resource": kind,
            "subresource": part,
        },
    }
    answer = deployment.cluster.authorization.create_subject_access_review({"spec": spec})
    assert answer.status.allowed is allowed


def test_a_run_that_starts_pods_is_denied_secrets_and_other_namespaces(deployment):
    client = deployment.cluster.as_account(deployment.namespace, "monitoring-run-steps")
    core, batch = kubernetes.client.CoreV1Api(client), kubernetes.client.BatchV1Api(client)
    assert batch.list_namespaced_job(deployment.namespace).items
    for denied in (
        lambda: core.list_namespaced_secret(deployment.namespace),
        lambda: batch.list_namespaced_job("kube-system"),
        lambda: core.list_node(),
    ):
        with pytest.raises(kubernetes.client.ApiException) as raised:
            denied()
        assert raised.value.status == 403


@pytest.fixture(scope="module")
def history(deployment, lender, landed) -> tuple[str, list[dt.date]]:
    """A version with 30 days in the lake, whose program takes its time; no sensor asks for them."""
    days = [days_ago(number) for number in range(1, 31)]
    for day in days:
        lender.deliver(day, feed="pd_history")
    key = lender.publish(
        "pd_history",
        deployed_at=(YESTERDAY + dt.timedelta(days=1)).isoformat(),
        reference={"path": "reference.parquet", "score": "score"},
        scoring=program(lender, "pd_history"),
    )

    def is_onboarded() -> bool:
        done = runs_of(deployment, key, "onboard_model")
        return any(run.is_success for run in done)

    wait_for(is_onboarded, PATIENCE)
    return key, days


def backfill(deployment: Deployment, key: str, days: list[dt.date]) -> PartitionBackfill:
    """Ask the daemon for days, as the UI does."""
    from monitoring_assets.definitions import defs

    asked = PartitionBackfill.from_asset_partitions(
        backfill_id=f"days-of-{key.replace('.', '-')}",
        asset_graph=defs.get_repository_def().asset_graph,
        partition_names=[ModelDay(day, key).partition for day in days],
        asset_selection=[asset_key(name) for name in DAY_ASSETS],
        backfill_timestamp=dt.datetime.now(dt.UTC).timestamp(),
        tags={"monitoring/model": "pd_history"},
        dynamic_partitions_store=deployment.instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )
    deployment.instance.add_backfill(asked)
    return asked


def test_a_backfill_of_30_days_loses_nothing_whatever_is_killed(deployment, history):
    key, days = history
    asked = backfill(deployment, key, days)
    first = wait_for(in_step(deployment, key, "scores"), PATIENCE)
    (pod,) = deployment.pods(f"dagster/run-id={first.run_id}")
    deployment.kill_pod(pod.metadata.name)
    (daemon,) = deployment.pods("app=daemon")
    deployment.kill_pod(daemon.metadata.name)
    wait_for(in_step(deployment, key, "scores"), PATIENCE)
    if deployment.cluster.rig is not None:
        deployment.cluster.rig.kill_api_server()
        time.sleep(60)
        deployment.cluster.rig.run("up.sh")

    def is_complete() -> bool:
        state = deployment.instance.get_backfill(asked.backfill_id)
        return state.status == BulkActionStatus.COMPLETED_SUCCESS

    wait_for(is_complete, 2 * PATIENCE)
    assert_each_once(deployment, key, days)
    found = runs_of(deployment, key)
    by_day: dict[str, list[Any]] = {}
    for run in found:
        by_day.setdefault(run.tags["dagster/partition"], []).append(run)
    assert by_day.keys() == {ModelDay(day, key).partition for day in days}
    for group in by_day.values():
        *before, last = group
        assert last.status == dg.DagsterRunStatus.SUCCESS
        # Another run of a day is a retry of one that failed, and nothing else.
        assert [run.status for run in before] == [dg.DagsterRunStatus.FAILURE] * len(before)
        assert [run.parent_run_id for run in group[1:]] == [run.run_id for run in before]
    retried = [group for group in by_day.values() if len(group) > 1]
    assert first.run_id in {group[0].run_id for group in retried}
