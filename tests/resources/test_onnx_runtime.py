"""onnxruntime reports nothing, wherever it is loaded."""

import os

from resources.errors import InputError
from resources.limited import run_limited
from resources.limits import Bounds
from resources.onnx_runtime import load_onnxruntime

VARIABLE = "ORT_DISABLE_TELEMETRY"


def test_its_telemetry_is_off(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert load_onnxruntime().InferenceSession
    assert os.environ[VARIABLE] == "1"


def test_it_is_off_in_the_processes_that_run_models(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    bounds = Bounds(60.0, 2**31)
    assert run_limited("a look", bounds, InputError, os.getenv, VARIABLE) == "1"
