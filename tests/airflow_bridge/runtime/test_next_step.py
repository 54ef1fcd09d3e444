"""The decision of a task that waits, in every situation there is."""

import itertools
from dataclasses import replace

import pytest

from airflow_bridge.runtime.next_step import (
    Cancel,
    Done,
    Failed,
    Launch,
    Run,
    Wait,
    next_step,
    starts_of,
)

OPEN = ["NOT_STARTED", "QUEUED", "STARTING", "STARTED", "CANCELING", "MANAGED", "SUSPENDED"]
FAILED = ["FAILURE", "CANCELED"]
STARTED = "2026-09-13T05:00:01+00:00"


def run(
    status: str,
    generation: int = 3,
    try_number: int = 1,
    created: float = 1.0,
    started: str | None = STARTED,
) -> Run:
    return Run(f"run-{created}", status, generation, try_number, created, "features", started)


def test_nothing_yet_is_launched():
    assert next_step([], 3, 1, {STARTED}) == Launch()


@pytest.mark.parametrize("status", [*OPEN, "A_STATUS_OF_A_LATER_DAGSTER"])
@pytest.mark.parametrize("launched_by", [1, 2, 9])
def test_an_open_run_is_waited_for_whichever_try_launched_it(status: str, launched_by: int):
    found = run(status, try_number=launched_by)
    assert next_step([found], 3, 2, {STARTED}) == Wait(found)


@pytest.mark.parametrize("launched_by", [1, 2])
def test_success_is_done_whichever_try_launched_it(launched_by: int):
    found = run("SUCCESS", try_number=launched_by)
    assert next_step([found], 3, 2, {STARTED}) == Done(found)


@pytest.mark.parametrize("status", FAILED)
def test_failure_fails_its_own_try_and_is_tried_again_by_the_next(status: str):
    found = run(status, try_number=1)
    assert next_step([found], 3, 1, {STARTED}) == Failed(found)
    assert next_step([found], 3, 2, {STARTED}) == Launch()


def test_what_a_clear_left_behind_is_neither_success_nor_failure_of_what_follows():
    before = [run(status, generation=3) for status in ("SUCCESS", *FAILED)]
    assert next_step(before, 5, 2, {STARTED}) == Launch()


@pytest.mark.parametrize("status", OPEN)
def test_what_a_clear_left_open_is_cancelled_and_ends_before_anything_is_launched(status: str):
    left = run(status, generation=3)
    assert next_step([left], 5, 2, {STARTED}) == Cancel((left,))
    assert next_step([run("CANCELED", generation=3)], 5, 2, {STARTED}) == Launch()


@pytest.mark.parametrize("started", ["2026-09-13T05:00:00+00:00", None])
def test_a_dag_run_takes_nothing_from_one_of_its_id_that_was_deleted(started: str | None):
    for status in ("SUCCESS", *FAILED):
        assert next_step([run(status, started=started)], 3, 1, {STARTED}) == Launch()
    left = run("STARTED", started=started)
    assert next_step([left], 3, 1, {STARTED}) == Cancel((left,))


def test_a_task_that_was_not_cleared_keeps_its_run_when_another_of_its_dag_run_is():
    """A clear changes the start of the DAG run, which then is that of the runs from before."""
    found = run("STARTED")
    starts = starts_of([STARTED], None)
    assert next_step([found], 3, 1, starts) == Wait(found)
    after = run("SUCCESS", generation=5, started=None)
    assert next_step([found, after], 5, 2, starts_of([None, STARTED], None)) == Cancel((found,))


def test_a_dag_run_that_is_cleared_takes_nothing_from_one_that_was_deleted_either():
    deleted = run("SUCCESS", started="2026-09-13T05:00:00+00:00")
    failed = replace(run("FAILURE", created=2.0), task_id="features")
    deleted = replace(deleted, task_id="scores")
    starts = starts_of([failed.started, deleted.started], None)
    assert next_step([deleted], 3, 1, starts) == Launch()
    assert next_step([failed], 3, 2, starts) == Launch()
    assert starts_of([], None) == {None}
    assert starts_of([deleted.started], STARTED) == {STARTED}


def test_the_older_of_two_open_runs_is_cancelled():
    """The answer to a launch may be lost while the launch is not."""
    first, second = run("STARTED", created=1.0), run("QUEUED", created=2.0)
    assert next_step([second, first], 3, 1, {STARTED}) == Cancel((first,))


def test_a_run_made_again_from_dagster_counts():
    """Dagster copies the tags of a run that a person executes again."""
    failed, again = run("FAILURE", created=1.0), run("SUCCESS", created=2.0)
    assert next_step([failed, again], 3, 1, {STARTED}) == Done(again)


def situations():
    """Every list of up to three runs, of two generations and tries, in the order of creation."""
    kinds = list(itertools.product(["STARTED", "SUCCESS", "FAILURE"], [3, 5], [1, 2]))
    for size in range(4):
        for chosen in itertools.product(kinds, repeat=size):
            yield [run(*kind, created=float(number)) for number, kind in enumerate(chosen)]


def test_every_situation():
    count = 0
    for runs in situations():
        for generation, try_number in itertools.product([3, 5], [1, 2]):
            step = next_step(runs, generation, try_number, {STARTED})
            assert step == next_step(runs[::-1], generation, try_number, {STARTED})
            is_open = [found for found in runs if found.status == "STARTED"]
            ours = [found for found in runs if found.generation == generation]
            if isinstance(step, Launch):
                assert not is_open
                assert not ours or ours[-1].status == "FAILURE"
                assert not ours or ours[-1].try_number != try_number
            elif isinstance(step, Wait):
                assert is_open == [step.run] == ours[-1:]
            elif isinstance(step, Done):
                assert step.run == ours[-1]
                assert step.run.status == "SUCCESS"
                assert not is_open
            elif isinstance(step, Failed):
                assert step.run == ours[-1]
                assert step.run.status == "FAILURE"
                assert step.run.try_number >= try_number
                assert not is_open
            else:
                assert step.runs
                assert set(step.runs) <= set(is_open)
                assert ours[-1:] != [*step.runs][-1:]
            count += 1
    assert count == 4 * sum(12**size for size in range(4))


def test_whatever_happens_no_second_run_is_launched_and_nothing_is_done_without_success():
    """All histories of nine events: pokes, runs that end, retries, clears, lost answers."""
    histories = 0

    def play(runs: tuple[Run, ...], generation: int, try_number: int, depth: int) -> None:
        nonlocal histories
        histories += 1
        if depth == 0:
            return
        step = next_step(runs, generation, try_number, {STARTED})
        launched = run("STARTED", generation, try_number, float(len(runs)))
        if isinstance(step, Launch):
            assert all(found.status != "STARTED" for found in runs)
            play((*runs, launched), generation, try_number, depth - 1)
        elif isinstance(step, Cancel):
            ended = tuple(
                run("CANCELED", r.generation, r.try_number, r.created) if r in step.runs else r
                for r in runs
            )
            play(ended, generation, try_number, depth - 1)
        elif isinstance(step, Done):
            assert step.run.status == "SUCCESS"
            assert step.run.generation == generation
            # Cleared: a later generation, as max_tries is the try plus the retries.
            play(runs, try_number + 3, try_number + 1, depth - 1)
        elif isinstance(step, Failed):
            play(runs, generation, try_number + 1, depth - 1)  # Airflow retries
        for status in ("SUCCESS", "FAILURE"):  # a run ends by itself
            for position, found in enumerate(runs):
                if found.status == "STARTED":
                    over = run(status, found.generation, found.try_number, found.created)
                    after = (*runs[:position], over, *runs[position + 1 :])
                    play(after, generation, try_number, depth - 1)
        play(runs, try_number + 3, try_number + 1, depth - 1)  # a clear, at any time

    play((), 3, 1, 9)
    assert histories > 2000
