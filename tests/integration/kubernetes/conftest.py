"""One deployment for all tests on a cluster: what they cost is pods."""

import os
import socket
import subprocess
import sys
import urllib.request
from contextlib import closing, contextmanager

import boto3
import dagster as dg
import psycopg2
import pytest
import yaml

from tests.conftest import Lender
from tests.integration.kubernetes.cluster import find_cluster
from tests.integration.kubernetes.deployment import Deployment, wait_for


@pytest.fixture(scope="session")
def cluster():
    return find_cluster()


@contextmanager
def s3_server(cluster):
    """A real S3 API over HTTP, in a process of its own, where pods reach it; its URL."""
    with closing(socket.socket()) as free:
        free.bind((cluster.address, 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", cluster.address, "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        endpoint = f"http://{cluster.address}:{port}"

        def answers() -> bool:
            try:
                urllib.request.urlopen(f"{endpoint}/moto-api/").close()
            except OSError:
                return False
            return True

        try:
            wait_for(answers, 120)
            yield endpoint
        finally:
            server.kill()


def pod_environment(cluster, endpoint):
    """The settings of the product's pods."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "MONITORING_STARTER_ACCOUNT": "monitoring-run-steps",
        "MONITORING_SCORING_POD": "/etc/monitoring/scoring-pod.yaml",
        "PYTHONPATH": cluster.application,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@pytest.fixture(scope="session")
def environment(cluster):
    """The settings of the product's pods, those of S3 in this process as well."""
    with s3_server(cluster) as endpoint, pytest.MonkeyPatch.context() as patch:
        settings = pod_environment(cluster, endpoint)
        for name, value in settings.items():
            if name.startswith("AWS"):
                patch.setenv(name, value)
        yield settings


@pytest.fixture(scope="session")
def lender(environment, tmp_path_factory):
    """A lender in a bucket that pods reach."""
    boto3.client("s3").create_bucket(Bucket="lender")
    return Lender("s3://lender", tmp_path_factory.mktemp("lender"))


@pytest.fixture(scope="session")
def deployment(cluster, environment, lender, tmp_path_factory):
    """The product in pods, with a database of its own."""
    name = f"monitoring-{os.getpid()}"
    database = name.replace("-", "_")
    with closing(psycopg2.connect(**cluster.postgres, dbname="postgres")) as server:
        server.autocommit = True
        server.cursor().execute(f"CREATE DATABASE {database}")
    home = tmp_path_factory.mktemp("home")
    storage = cluster.storage(database, cluster.postgres["password"])
    settings = {"storage": storage, "telemetry": {"enabled": False}}
    (home / "dagster.yaml").write_text(yaml.safe_dump(settings))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        one = Deployment(cluster, name, instance, environment | lender.environment, database)
        one.start()
        yield one
        one.stop()


@pytest.fixture(scope="session")
def model_image(cluster):
    """An image of a model's own, by its digest: the product's own will do."""
    if "@sha256:" in cluster.image:
        return cluster.image
    return cluster.rig.digest(cluster.image, "krig.local/model")
