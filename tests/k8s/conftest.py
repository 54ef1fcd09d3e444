"""An environment as an engineer would have it: filled in, its values merged as Helm merges them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

K8S = Path(__file__).parents[2] / "k8s"
ENVIRONMENTS = ["dev", "staging", "prod"]
FACTS = {
    "ACCOUNT_ID": "111122223333",
    "OIDC_PROVIDER": "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF",
    "IMAGE": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/model-monitoring",
    "IMAGE_SHA256": "0123456789abcdef" * 4,
    "REGISTRY_BUCKET": "lender-artifacts",
    "LAKE_BUCKET": "lender-lake",
    "STORE_BUCKET": "lender-monitoring",
    "BUNDLE_BUCKET": "lender-dags",
    "LOGS_BUCKET": "lender-logs",
    "POSTGRES_HOST": "db.internal.example",
    "POSTGRES_CIDR": "10.1.16.0/20",
    "VPC_CIDR": "10.1.0.0/16",
    "DAGSTER_URL": "https://dagster.lender.example",
}


def render(environment: str, out: Path, **facts: str) -> subprocess.CompletedProcess[str]:
    """What ``k8s/render.py`` does, on the command line."""
    words = [f"{name}={value}" for name, value in facts.items()]
    command = [sys.executable, str(K8S / "render.py"), environment, *words, "--out", str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def merged(base: Any, overlay: Any) -> Any:
    """Helm's rule for several files of values: mappings are merged, all else is replaced."""
    if not (isinstance(base, dict) and isinstance(overlay, dict)):
        return overlay
    return base | {key: merged(base.get(key), value) for key, value in overlay.items()}


@pytest.fixture(scope="session", params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> str:
    """Name of the environment."""
    return request.param


@pytest.fixture(scope="session")
def rendered(environment: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an environment's files, filled in."""
    out = tmp_path_factory.mktemp(environment)
    done = render(environment, out, **FACTS)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="session")
def values(rendered: Path, environment: str) -> dict[str, Any]:
    """The chart's values of an environment, without the chart's own."""
    base, overlay = (
        yaml.safe_load((rendered / name).read_text())
        for name in ("values.yaml", f"values-{environment}.yaml")
    )
    return merged(base, overlay)


@pytest.fixture(scope="session")
def objects(rendered: Path) -> list[dict[str, Any]]:
    """Every object of the manifests, and the migration's Job."""
    files = [rendered / "migrate.yaml", *sorted(rendered.glob("manifests/*.yaml"))]
    return [one for file in files for one in yaml.safe_load_all(file.read_text())]


@pytest.fixture(scope="session")
def policies(rendered: Path) -> dict[str, dict[str, Any]]:
    """Documents of IAM by the name of their file, without ``.json``."""
    return {
        file.name.removesuffix(".json"): json.loads(file.read_text())
        for file in sorted(rendered.glob("iam/*.json"))
    }


def of_kind(objects: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """Objects of a kind by name."""
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar of a document with the path that leads to it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}")
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from leaves(item, f"{path}[{at}]")
    else:
        yield path, value
