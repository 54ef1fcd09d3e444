"""Calls on a real cluster: in order, tried again where an executor dies, and failing in words."""

import os
import sys
from functools import partial
from pathlib import Path

import pytest

from monitoring_assets.engines.cluster import Cluster
from resources.errors import InputError, StorageError
from tests.monitoring_assets.engines.executors import kill_executor

pytestmark = pytest.mark.spark


def numbered(number, task):
    return number, task, os.getpid()


def digits(number, task):
    """Each digit of a task, to the bucket of its last bit."""
    for digit in str(task):
        yield int(digit) % 2, (number, digit)


def gathered(bucket, given):
    return bucket, given


def dies_once(marks: Path, number, task):
    """End the executor's own process, the first time that a task is tried."""
    mark = marks / str(number)
    if task == "dies" and not mark.exists():
        mark.touch()
        kill_executor()
    return number


def fails(error, number, task):
    if number == 1:
        raise error(f"task {task}: found nothing; allowed: something")
    yield 0, task


def fails_at_once(error, number, task):
    return [*fails(error, number, task)]


def test_results_are_in_the_order_of_the_tasks_and_from_other_processes(cluster):
    tasks = ["a", "b", "c", "d", "e"]
    found = cluster.run("numbers", tasks, numbered)
    assert [(number, task) for number, task, _ in found] == list(enumerate(tasks))
    assert os.getpid() not in {process for _, _, process in found}


def test_what_is_in_a_bucket_is_in_the_order_of_the_givers(cluster):
    found = dict(cluster.run("digits", [31, 24, 52], digits, (gathered, 3)))
    assert found == {0: [(1, "2"), (1, "4"), (2, "2")], 1: [(0, "3"), (0, "1"), (2, "5")]}


def test_a_task_whose_executor_is_killed_is_tried_again(cluster, tmp_path):
    tasks = ["lives", "dies", "lives", "lives"]
    assert cluster.run("a kill", tasks, partial(dies_once, tmp_path)) == [0, 1, 2, 3]
    assert [mark.name for mark in tmp_path.iterdir()] == ["1"]


@pytest.mark.parametrize("error", [InputError, StorageError])
def test_an_error_of_the_input_is_raised_as_on_one_machine(cluster, error):
    said = "task b: found nothing; allowed: something"
    with pytest.raises(error, match=said):
        cluster.run("errors", ["a", "b"], partial(fails_at_once, error))
    with pytest.raises(error, match=said):
        cluster.run("errors", ["a", "b"], partial(fails, error), (gathered, 2))


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(InputError, match=r"pip install 'credit-model-monitoring\[spark\]'"):
        Cluster.connected.__func__.__wrapped__(Cluster)
