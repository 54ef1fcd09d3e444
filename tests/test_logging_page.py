"""docs/logging.md: what it says is what Dagster does."""

import logging
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.test_utils import instance_for_test

PAGE = (Path(__file__).parents[1] / "docs" / "logging.md").read_text()


def block(language):
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return found


@dg.op
def looks_at_the_store():
    logging.getLogger("resources.store").warning("an outcome is left out")
    logging.getLogger("resources.store").info("not worth a line")


@dg.job(executor_def=dg.in_process_executor)
def nightly():
    looks_at_the_store()


def test_loggers_that_the_instance_names_are_in_the_runs_log():
    def messages(settings):
        with instance_for_test(overrides=settings) as instance:
            done = nightly.execute_in_process(instance=instance)
            return [entry.user_message for entry in instance.all_logs(done.run_id)]

    assert "an outcome is left out" not in messages({})
    found = messages(yaml.safe_load(block("yaml")))
    assert "an outcome is left out" in found
    assert "not worth a line" not in found


@pytest.mark.slow
def test_every_command_takes_the_options_that_are_shown():
    commands = [line for line in PAGE.splitlines() if line.startswith("dagster")]
    assert len(commands) == 3
    for command in commands:
        name = command.partition(" -")[0].split()
        shown = subprocess.run(
            [Path(sys.executable).with_name(name[0]), *name[1:], "--help"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for option in re.findall(r"--[\w-]+", command):
            assert option in shown
