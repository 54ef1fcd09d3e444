"""``k8s/render.py``: nothing is applied that was not filled in."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
import yaml

from tests.k8s.conftest import ENVIRONMENTS, FACTS, K8S, render


def test_every_placeholder_is_filled_in(rendered) -> None:
    files = [file for file in rendered.rglob("*") if file.is_file()]
    assert len(files) > 12
    for file in files:
        assert not re.search(r"\$\{[A-Z]", file.read_text()), file


def test_every_fact_is_used() -> None:
    texts = "".join(
        file.read_text()
        for pattern in ("*.yaml", "*/*.yaml", "*/*.json")
        for file in K8S.glob(pattern)
    )
    facts = re.findall(r"^([A-Z0-9_]+)=", (K8S / "environments/prod.env").read_text(), re.M)
    assert [fact for fact in facts if f"${{{fact}}}" not in texts] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_as_it_comes_is_refused(environment, tmp_path) -> None:
    done = render(environment, tmp_path / "out")
    assert done.returncode == 1
    assert f"{environment}.env: ACCOUNT_ID is empty" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("ACCOUNT_ID", "ACCOUNT_ID"),
        ("ACCOUNT_ID", "12345"),
        ("IMAGE_SHA256", "latest"),
        ("IMAGE_SHA256", "sha256:" + "0" * 64),
        ("OIDC_PROVIDER", "https://oidc.eks.eu-west-1.amazonaws.com/id/0123"),
        ("POSTGRES_CIDR", "db.internal.example"),
        ("STORE_BUCKET", ""),
        ("STORE_PREFIX", "a b"),
    ],
)
def test_a_misshapen_fact_is_refused_by_name(fact, value, tmp_path) -> None:
    done = render("prod", tmp_path / "out", **FACTS | {fact: value})
    assert done.returncode == 1
    assert f"prod.env: {fact}" in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_unknown_fact_is_refused(tmp_path) -> None:
    done = render("prod", tmp_path / "out", **FACTS, ACOUNT_ID="1")
    assert done.returncode == 1
    assert "no fact is named ACOUNT_ID" in done.stderr


def test_a_placeholder_without_a_fact_is_refused_by_file(tmp_path) -> None:
    shutil.copytree(K8S, tmp_path / "k8s")
    (tmp_path / "k8s/manifests/more.yaml").write_text("name: ${NOBODY_KNOWS}\n")
    command = [sys.executable, "k8s/render.py", "prod", "--out", "out"]
    facts = [f"{name}={value}" for name, value in FACTS.items()]
    done = subprocess.run(
        [*command, *facts], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "more.yaml" in done.stderr
    assert "NOBODY_KNOWS" in done.stderr
    assert not (tmp_path / "out").exists()


def test_environments_differ_in_name_only_until_filled_in() -> None:
    texts = {name: (K8S / f"environments/{name}.env").read_text() for name in ENVIRONMENTS}
    assert len({text.replace(name, "NAME") for name, text in texts.items()}) == 1


def test_an_overlay_changes_nothing_that_the_base_does_not_say() -> None:
    """A misspelt path of an overlay would be an ignored setting."""
    new = {"affinity", "tolerations", "replicaCount"}

    def added(base, overlay, path=""):
        for key, value in overlay.items():
            if key not in base:
                yield f"{path}.{key}"
            elif isinstance(value, dict):
                yield from added(base[key], value, f"{path}.{key}")

    base = yaml.safe_load((K8S / "values.yaml").read_text())
    for name in ENVIRONMENTS:
        overlay = yaml.safe_load((K8S / f"values-{name}.yaml").read_text())
        assert {path.rpartition(".")[2] for path in added(base, overlay)} <= new
