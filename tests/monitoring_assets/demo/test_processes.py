"""Processes that share one import, and take the environment as it is when they are asked for."""

import os
import sys

from monitoring_assets.demo.processes import import_early, processes


def is_loaded(module):
    return module in sys.modules


def test_a_process_has_imported_before_its_first_work():
    with processes() as pool:
        assert pool.submit(is_loaded, "great_expectations").result()
        # Nothing of ours that reads the environment when it is imported.
        assert not pool.submit(is_loaded, "monitoring_assets.partitions").result()


def test_processes_have_the_environment_of_the_moment(monkeypatch):
    import_early()
    monkeypatch.setenv("MONITORING_START_DATE", "2024-02-29")
    monkeypatch.delenv("HOME", raising=False)
    with processes() as pool:
        assert pool.submit(os.getenv, "MONITORING_START_DATE").result() == "2024-02-29"
        assert pool.submit(os.getenv, "HOME").result() is None
