"""IAM policies: what the code asks of S3 is granted, and nothing beyond.

What it asks is seen on a server of S3; which action allows a request is as Amazon's Service
Authorization Reference has it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from resources import layout
from tests.conftest import Lender, days_ago, job, onboard, rows
from tests.s3_requests import recorded_requests

ROOTS = {
    "registry": "lender-artifacts/models",
    "lake": "lender-lake/scoring",
    "store": "lender-monitoring/monitoring",
    "bundle": "lender-dags/airflow",
    "logs": "lender-logs/dagster-logs",
}
PART = 8 << 20  # from which boto3 uploads in parts


def action_of(request: str, depth: int) -> tuple[str, str]:
    """The folder at a depth that a request is about, and the action that allows it."""
    verb, url = request.split(" ", 1)
    parts = urlsplit(url)
    query = parse_qs(parts.query, keep_blank_values=True)
    _, _, key = parts.path.lstrip("/").partition("/")
    if not key:
        assert verb in ("GET", "HEAD"), request
        known = {"list-type", "prefix", "start-after", "delimiter", "encoding-type", "max-keys"}
        assert query.keys() <= known, request
        return folder_at(query.get("prefix", [""])[0], depth), "s3:ListBucket"
    action = {
        "GET": "s3:GetObject",
        "HEAD": "s3:GetObject",
        "PUT": "s3:PutObject",  # a part, too
        "POST": "s3:PutObject",  # a multipart upload is begun or completed
        "DELETE": "s3:AbortMultipartUpload" if "uploadId" in query else "s3:DeleteObject",
    }[verb]
    return folder_at(key, depth), action


def folder_at(key: str, depth: int) -> str:
    """The first folders of an object."""
    return "/".join(key.split("/")[:depth])


@contextmanager
def observed(depth: int = 1) -> Iterator[defaultdict[str, set[str]]]:
    """Actions that are needed meanwhile, by folder of so many names."""
    actions: defaultdict[str, set[str]] = defaultdict(set)
    with recorded_requests() as requests:
        yield actions
    for request in requests:
        folder, action = action_of(request, depth)
        actions[folder].add(action)


@contextmanager
def failing_parts(client: Any) -> Iterator[None]:
    """A connection that breaks in the middle of a large upload."""

    def fail(**_: Any) -> None:
        raise ConnectionError("broken")

    event = "before-parameter-build.s3.UploadPart"
    client.meta.events.register(event, fail)
    try:
        yield
    finally:
        client.meta.events.unregister(event, fail)


def granted(policy: dict[str, Any]) -> dict[str, set[str]]:
    """Actions that a policy grants, by root; a root is a bucket and a prefix."""
    actions: defaultdict[str, set[str]] = defaultdict(set)
    for statement in policy["Statement"]:
        if statement["Effect"] == "Deny":
            continue
        resource = re.fullmatch(r"arn:aws:s3:::(.+)", statement["Resource"])
        assert resource, statement
        if statement["Action"] == ["s3:ListBucket"]:
            # A request for an object that is not there is answered 404 only to who may list, and
            # such a request has no prefix.
            ((operator, condition),) = statement["Condition"].items()
            assert operator == "StringLikeIfExists"
            (prefix,) = condition["s3:prefix"]
            path = f"{resource[1]}/{prefix}"
        else:
            assert "Condition" not in statement
            path = resource[1]
        assert path.endswith("/*")
        actions[path.removesuffix("/*")] |= set(statement["Action"])
    return dict(actions)


@contextmanager
def lender_in(bucket: str, endpoint: str, folder: Path) -> Iterator[Lender]:
    """A lender in a bucket of a server of S3."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket=bucket)
        yield Lender(f"s3://{bucket}", folder)


@pytest.fixture(scope="session")
def of_a_day(tmp_path_factory, s3_endpoint) -> dict[str, set[str]]:
    """Actions by root of what code server and runs do: onboarding, a day, large objects."""
    from dagster import DagsterInstance

    from resources.storage import open_storage

    with (
        lender_in("iam", s3_endpoint, tmp_path_factory.mktemp("lender")) as lender,
        DagsterInstance.ephemeral() as instance,
    ):
        key = lender.publish()
        lender.deliver(days_ago(1))
        large = tmp_path_factory.mktemp("large") / "large"
        with observed() as actions:
            onboard(lender, instance)
            partition = f"{days_ago(1)}|{key}"
            assert (
                job("monitor_day", lender)
                .execute_in_process(instance=instance, partition_key=partition)
                .success
            )
            lender.lake.files_by_day("pd_cards/{date}.parquet", [days_ago(1), days_ago(9)])
            store = open_storage(lender.store.root)
            large.write_bytes(bytes(PART + 1))
            store.publish(large, "large")
            with failing_parts(store._client), pytest.raises(Exception, match="broken"):
                store.publish(large, "large")
            store.delete("large")
    return dict(actions)


@pytest.fixture(scope="session")
def of_logs(tmp_path_factory, s3_endpoint) -> tuple[set[str], set[str]]:
    """Actions of who writes compute logs, and of who shows them."""
    from dagster._core.storage.compute_log_manager import ComputeIOType
    from dagster_aws.s3.compute_log_manager import S3ComputeLogManager

    folder = tmp_path_factory.mktemp("logs")
    place = {"bucket": "logs", "prefix": "logs", "endpoint_url": s3_endpoint, "region": "us-east-1"}
    log, large = ["run", "compute_logs", "step"], ["run", "compute_logs", "large"]
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1")
        client.create_bucket(Bucket="logs")
        with observed() as writing:
            manager = S3ComputeLogManager(local_dir=str(folder / "run"), **place)
            with manager.open_log_stream(log, ComputeIOType.STDERR) as stream:
                stream.write("said")
            with (
                failing_parts(manager._s3_session),
                pytest.raises(Exception, match="broken"),
                manager.open_log_stream(large, ComputeIOType.STDERR) as stream,
            ):
                stream.write("x" * (PART + 1))
        with observed() as reading:
            manager = S3ComputeLogManager(local_dir=str(folder / "webserver"), **place)
            assert manager.get_log_data(log).stderr == b"said"
            assert log in manager.get_log_keys_for_log_key_prefix(log[:-1], ComputeIOType.STDERR)
            manager.get_log_metadata(log)
    assert writing.keys() == reading.keys() == {"logs"}
    return writing["logs"], reading["logs"]


def test_a_run_is_granted_what_it_asks_for(of_a_day, of_logs, policies) -> None:
    writes_logs, _ = of_logs
    assert of_a_day.keys() == {"registry", "lake", "store"}
    wanted = {ROOTS[name]: actions for name, actions in of_a_day.items()}
    assert granted(policies["run"]) == wanted | {ROOTS["logs"]: writes_logs}


def test_the_webserver_is_granted_what_it_asks_for(of_logs, policies) -> None:
    _, shows_logs = of_logs
    assert granted(policies["dagster"]) == {ROOTS["logs"]: shows_logs}


def test_the_code_server_also_keeps_airflows_bundle(of_a_day, policies) -> None:
    """The bundle is written through the same `Storage` as the store."""
    assert granted(policies["code"]) == granted(policies["run"]) | {
        ROOTS["bundle"]: of_a_day["store"]
    }


def test_a_model_reaches_nothing_but_what_is_exchanged_with_it(policies) -> None:
    assert granted(policies["model"]) == {
        f"{ROOTS['store']}/exchange": {"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"}
    }


def test_exchange_is_where_features_and_scores_are_exchanged() -> None:
    assert layout.exchange("pd_cards.1", None, "a-run", "input").startswith("exchange/")


@pytest.fixture(scope="session")
def of_fairness(tmp_path_factory, s3_endpoint) -> dict[str, set[str]]:
    """Actions of `monitoring fairness`, by root and folder of the store."""
    from click.testing import CliRunner
    from dagster import DagsterInstance

    from monitoring_assets.cli.main import main

    day = days_ago(1)
    with (
        lender_in("fair", s3_endpoint, tmp_path_factory.mktemp("fair")) as lender,
        DagsterInstance.ephemeral() as instance,
    ):
        key = lender.publish(fairness={"columns": ["sex"]})
        frame = rows(1)
        lender.deliver(day, frame.assign(sex=["f", "m"] * (len(frame) // 2)))
        onboard(lender, instance)
        done = job("monitor_day", lender).execute_in_process(
            instance=instance, partition_key=f"{day}|{key}"
        )
        assert done.success
        with observed(2) as actions:
            for _ in range(2):  # counts that are kept are read
                found = CliRunner(env=lender.environment).invoke(main, ["fairness", key])
                assert found.exit_code == 0, found.output
    by_folder: defaultdict[str, set[str]] = defaultdict(set)
    for folder, needed in actions.items():
        root, _, below = folder.partition("/")
        for action in needed:
            is_whole = root == "lake" or action == "s3:ListBucket"
            by_folder[ROOTS[root] if is_whole else f"{ROOTS[root]}/{below}"].add(action)
    return dict(by_folder)


def test_who_measures_fairness_is_granted_what_that_asks_for(of_fairness, policies) -> None:
    apart = f"{ROOTS['store']}/fairness"
    # Of an upload that breaks nothing may be left; those of a test are too small to be in parts.
    uploads = {apart: of_fairness[apart] | {"s3:AbortMultipartUpload"}}
    assert granted(policies["fairness"]) == of_fairness | uploads


def test_no_other_role_reaches_the_counts_by_protected_group(policies) -> None:
    """A Deny wins over every Allow, also of a policy that an account adds."""
    apart = f"{ROOTS['store']}/fairness"
    for role in ("run", "code"):
        denied = [one for one in policies[role]["Statement"] if one["Effect"] == "Deny"]
        assert denied == [
            {
                "Sid": "FairnessDeny",
                "Effect": "Deny",
                "Action": ["s3:*"],
                "Resource": f"arn:aws:s3:::{apart}/*",
            }
        ]
    for role in ("dagster", "model"):
        assert not any(apart.startswith(f"{place}/") for place in {*granted(policies[role])})
        assert apart not in granted(policies[role])


def test_fairness_is_where_counts_by_protected_group_are() -> None:
    assert layout.partition("fairness", "pd_cards.1", days_ago(1)).startswith("fairness/")
