"""No manifest stops the versions beside it: mutants in one registry, through all that reads them.

`make test-fuzz` tries more of them; `FUZZ_SEED` and `FUZZ_BATCHES` choose which and how many.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from airflow_bridge.export.export import export_bundle
from airflow_bridge.export.settings import BridgeSettings
from monitoring_assets.definitions import defs
from resources.storage import open_storage
from sensors.batch_sensor import batch_sensor
from sensors.missing_batches import missing_batches
from sensors.outcome_sensor import outcome_sensor
from sensors.pipeline_sensor import pipeline_sensor
from sensors.registry_sensor import registry_sensor
from tests.conftest import days_ago, sigmoid_of_log_income
from tests.mutants import mutants
from tests.sensors.daemon import Daemon

SEED = int(os.environ.get("FUZZ_SEED", "16"))
SLICE = 40
"""Manifests of one registry."""
LIMIT_SECONDS = 120
"""For all of them: `registry validate` also tries those that are valid, one after another."""
SCORING = [
    {},
    {"scoring": {"flavour": "scored", "path": "scores/{date}.parquet"}},
]


def try_mutants(lender, instance, seed):
    """Put mutants beside a sound version, and do with the registry all that a deployment does."""
    lender.publish("sound")
    registry = open_storage(lender.registry.root)
    sample = registry.read("sound/1/reference.parquet")
    scoring = SCORING[seed % len(SCORING)]
    changes = scoring | ({"reference": {"path": "reference.parquet", "score": "score"}})
    manifest = lender.manifest("mutant", "1", **changes)
    texts = itertools.islice(mutants(manifest, seed), SLICE)
    for number, text in enumerate(texts):
        folder = f"mutant/{number}"
        registry.write(f"{folder}/reference.parquet", sample)
        registry.write(f"{folder}/model.onnx", sigmoid_of_log_income())
        version = f"version: '{number}'".encode()
        registry.write(f"{folder}/model.yaml", text.replace(b"version: '1'", version, 1))

    daemon = Daemon(registry_sensor, lender, instance)
    daemon.tick()
    tick = daemon.tick()
    assert "sound.1" in instance.get_dynamic_partitions("model")
    verdicts = json.loads(open_storage(lender.store.root).read("manifests/verdicts.json"))
    said = verdicts["verdicts"]
    assert len(said) == SLICE + 1, tick.skip_reason
    for folder, verdict in said.items():
        assert verdict["manifest"] or verdict["faults"], folder
        for fault in verdict["faults"]:
            words = f"{folder}: {fault}"
            assert fault["found"], words
            assert fault["allowed"], words
            assert "its judgement" not in fault["found"], words
            assert not re.search(r"[A-Z]\w+Error\b", fault["found"]), words
            assert len(str(fault)) < 5000, words

    landed = lender.store.all_landed()
    assert not lender.store.unreadable_keys()
    for key in landed:  # what is valid has a profile, so that each sensor looks at all its fields
        open_storage(lender.store.root).write(
            f"reference_profile/model={key}/reference_profile.parquet", b""
        )
    for sensor in (batch_sensor, outcome_sensor):
        Daemon(sensor, lender, instance).tick()
    context = dg.build_sensor_context(instance, resources=lender.resources)
    list(pipeline_sensor(context) or ())
    at = dt.datetime.combine(days_ago(0), dt.time(23), dt.UTC)
    schedule = dg.build_schedule_context(
        instance, resources=lender.resources, scheduled_execution_time=at
    )
    list(missing_batches(schedule))
    job = defs.get_repository_def().get_job("monitor_day")
    exported = export_bundle(job, lender.store, BridgeSettings(), f"{lender.root}/bundle")
    assert exported.left_out == []
    assert {model.key for model in exported.bundle.models} == set(landed)
    return said


def validate(lender):
    """Run `registry validate` on the whole registry, as a person does."""
    return subprocess.run(
        [Path(sys.executable).parent / "monitoring", "registry", "validate", lender.registry.root],
        env={**os.environ, **lender.environment},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )


def test_a_slice_of_mutants(lender, instance):
    said = try_mutants(lender, instance, SEED)
    refused = [one for one in said.values() if one["faults"]]
    assert 0 < len(refused) < len(said) - 1  # of both kinds


@pytest.mark.fuzz
@pytest.mark.parametrize("number", range(int(os.environ.get("FUZZ_BATCHES", "25"))))
def test_mutants(lender, instance, number):
    said = try_mutants(lender, instance, SEED + 1 + number)
    done = validate(lender)
    assert done.returncode == 2, done.stderr  # at least one of a batch is refused
    assert "Traceback" not in done.stdout + done.stderr
    for folder in said:
        assert folder in done.stdout
