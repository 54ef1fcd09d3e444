"""`monitoring onboard`: what it takes over, and what it says it could not."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.conftest import YESTERDAY


@pytest.mark.slow
def test_onboard_needs_no_daemon(deployment, monitoring):
    deployment.publish()
    deployment.deliver(YESTERDAY)
    unknown = monitoring("backfill", "pd_cards")
    assert unknown.returncode == 2
    assert "none has landed yet; `monitoring onboard` takes over" in unknown.stderr

    done = monitoring("onboard")
    assert (done.returncode, done.stdout) == (0, "pd_cards/1: monitored\n")
    assert monitoring("backfill", "pd_cards", "--from", str(YESTERDAY)).returncode == 0


def test_onboard_says_what_it_could_not_take_over(deployment, monitoring):
    deployment.publish()
    deployment.publish(version="2", owner="")
    junk = b"no graph"
    digest = hashlib.sha256(junk).hexdigest()
    deployment.publish(
        version="3", scoring={"flavour": "onnx", "artefact": "model.onnx", "sha256": digest}
    )
    Path(deployment.registry.root, "pd_cards/3/model.onnx").write_bytes(junk)
    done = monitoring("onboard", "--format", "json")
    assert done.returncode == 2
    lines = {line["folder"]: line for line in json.loads(done.stdout)}
    assert {folder: line["status"] for folder, line in lines.items()} == {
        "pd_cards/1": "monitored",
        "pd_cards/2": "rejected",
        "pd_cards/3": "rejected",
    }
    assert "owner: found ''; allowed: text that is not empty" in lines["pd_cards/2"]["why"]
    assert "a model that can score" in lines["pd_cards/3"]["why"]

    deployment.publish(version="3")  # mended
    again = monitoring("onboard")
    assert again.returncode == 2
    assert "pd_cards/3: monitored" in again.stdout


def test_onboard_needs_a_registry_and_a_home(deployment, monitoring, monkeypatch):
    nothing = monitoring("onboard")
    assert nothing.returncode == 2
    assert f"MONITORING_REGISTRY: {deployment.registry.root}: " in nothing.stderr
    assert "Traceback" not in nothing.stderr
    monkeypatch.delenv("DAGSTER_HOME")
    homeless = monitoring("onboard")
    assert homeless.returncode == 2
    assert "DAGSTER_HOME is not set" in homeless.stderr


def test_a_store_that_cannot_be_written_is_named_and_no_traceback(deployment, monitoring):
    """A file in the place of a folder: the user of the tests may write everywhere else."""
    deployment.publish()
    store = Path(deployment.store.root)
    store.write_text("no folder")
    done = monitoring("onboard")
    assert done.returncode == 2
    assert f"{store}/manifests/verdicts.json: Not a directory" in done.stderr
    assert "Traceback" not in done.stderr
