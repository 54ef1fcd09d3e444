"""A cluster to test on: the one that KUBECONFIG names, or the rig that lies in the folder KRIG."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml

ROOT = Path(__file__).parents[3]
PACKAGES = ["monitoring_assets", "sensors", "resources", "airflow_bridge", "benchmarks"]


@dataclass(frozen=True)
class Cluster:
    """Where pods run, and how they reach this machine.

    ``postgres`` is a server as keyword arguments of psycopg2; ``address`` one of this machine that
    pods reach; ``application`` the folder of the code in the image; ``rig`` the rig's folder.
    """

    kubeconfig: str
    image: str
    postgres: dict[str, Any]
    address: str
    application: str
    rig: Rig | None

    @cached_property
    def _client(self) -> Any:
        return kubernetes.config.new_client_from_config(self.kubeconfig)

    @property
    def core(self) -> Any:
        return kubernetes.client.CoreV1Api(self._client)

    @property
    def batch(self) -> Any:
        return kubernetes.client.BatchV1Api(self._client)

    @property
    def authorization(self) -> Any:
        return kubernetes.client.AuthorizationV1Api(self._client)

    def storage(self, database: str, password: str | dict[str, str]) -> dict[str, Any]:
        """An instance's storage."""
        settings = {
            "hostname": self.postgres["host"],
            "port": self.postgres["port"],
            "username": self.postgres["user"],
            "password": password,
            "db_name": database,
            "scheme": "postgresql+psycopg2",
        }
        return {"postgres": {"postgres_db": settings}}

    def apply(self, text: str) -> None:
        """Create every object of a YAML text; what is there already stays."""
        for item in yaml.safe_load_all(text):
            try:
                kubernetes.utils.create_from_dict(self._client, item)
            except kubernetes.utils.FailToCreateError as error:
                if {one.status for one in error.api_exceptions} != {409}:
                    raise

    def as_account(self, namespace: str, account: str) -> Any:
        """A client that has only the token of a service account."""
        request = kubernetes.client.AuthenticationV1TokenRequest(
            spec=kubernetes.client.V1TokenRequestSpec(audiences=[])
        )
        made = self.core.create_namespaced_service_account_token(account, namespace, request)
        settings = kubernetes.client.Configuration.get_default_copy()
        settings.host = self._client.configuration.host
        settings.ssl_ca_cert = self._client.configuration.ssl_ca_cert
        settings.api_key = {"authorization": f"Bearer {made.status.token}"}
        return kubernetes.client.ApiClient(settings)


@dataclass(frozen=True)
class Rig:
    """The scripts of a rig and the folder of its state."""

    scripts: Path
    home: Path

    def run(self, script: str, *arguments: str) -> str:
        """Run a script; the last line it prints."""
        for _ in range(5):  # up.sh may trip over an address that it has set already
            done = subprocess.run(
                [self.scripts / script, *arguments],
                env={**os.environ, "KRIG_HOME": str(self.home)},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode == 0:
                return done.stdout.strip().rpartition("\n")[2]
        raise AssertionError(f"{script}: {done.stdout}{done.stderr}")

    def kill_api_server(self) -> None:
        """End the API server's process at once; `run("up.sh")` starts it again."""
        pid, started = (self.home / "state/pids/apiserver").read_text().split()
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        assert stat[19] == started, "the API server's process is another one"
        os.kill(int(pid), 9)

    def digest(self, image: str, name: str) -> str:
        """Name an image by its digest, as one is that was pulled from a registry."""
        ctr = ["ctr", "-a", str(self.home / "state/run/containerd.sock"), "-n", "k8s.io", "images"]
        listed = subprocess.run([*ctr, "ls"], capture_output=True, text=True, check=True).stdout
        (digest,) = {
            word
            for line in listed.splitlines()
            if line.startswith(f"{image} ")
            for word in line.split()
            if word.startswith("sha256:")
        }
        reference = f"{name}@{digest}"
        subprocess.run([*ctr, "tag", "--force", image, reference], capture_output=True, check=True)
        return reference


def find_cluster() -> Cluster:
    """The cluster of the environment; skips where there is none."""
    scripts = os.environ.get("KRIG")
    if scripts is None:
        kubeconfig, image = os.environ.get("KUBECONFIG"), os.environ.get("KUBERNETES_TEST_IMAGE")
        address = os.environ.get("KUBERNETES_TEST_ADDRESS")
        if not (kubeconfig and image and address):
            pytest.skip(
                "no cluster: set KRIG to the rig's folder; or KUBECONFIG, KUBERNETES_TEST_IMAGE "
                "(by digest, made from k8s/Dockerfile) and KUBERNETES_TEST_ADDRESS (this machine's "
                "for pods; PostgreSQL listens there, with PGPORT, PGUSER and PGPASSWORD)"
            )
        postgres = {
            "host": address,
            "port": int(os.environ.get("PGPORT", "5432")),
            "user": os.environ.get("PGUSER", "dagster"),
            "password": os.environ.get("PGPASSWORD", "dagster"),
        }
        return Cluster(kubeconfig, image, postgres, address, "/", None)
    if Path(sys.prefix).resolve().is_relative_to("/tmp"):
        pytest.skip("the environment is below /tmp, which is a volume of its own in every pod")
    # PostgreSQL's own user has to reach the folder, so it is not in root's home.
    home = Path(os.environ.get("KRIG_HOME", Path(tempfile.gettempdir()) / "krig"))
    rig = Rig(Path(scripts), home)
    rig.run("build.sh")
    kubeconfig = rig.run("up.sh").partition("=")[2]
    url = rig.run("pg.sh", "up")
    os.environ["PATH"] = f"{home / 'bin'}:{os.environ['PATH']}"
    address, port = url.partition("@")[2].partition("/")[0].split(":")
    postgres = {"host": address, "port": int(port), "user": "dagster", "password": "dagster"}
    # Not below /tmp, which is a volume of its own in every pod.
    application = Path.home() / ".cache/model-monitoring/application"
    for package in PACKAGES:
        shutil.rmtree(application / package, ignore_errors=True)
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, application / package, ignore=skipped)
    # sys.prefix as it is: a link would be resolved to where the environment really lies.
    image = rig.run("mkimage.sh", sys.prefix, str(application), f"test-{int(time.time())}")
    return Cluster(kubeconfig, image, postgres, address, str(application), rig)
