"""Processes that are forked from a server which has imported the project."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from monitoring_assets.runs import warm_processes
from monitoring_assets.runs.warm_processes import WarmServer, sources


@pytest.fixture(scope="module")
def server():
    running = WarmServer()
    yield running
    running.close()


def note(path, *_):
    """Write down what a process has: its id, its parent's, modules of note."""
    found = [
        name
        for name in ("great_expectations", "monitoring_assets.definitions")
        if name in sys.modules
    ]
    Path(f"{path}.part").write_text(f"{os.getpid()} {os.getppid()} {' '.join(found)}")
    Path(f"{path}.part").rename(path)


def die(path, how):
    """End as a run's process may."""
    if how == "error":
        raise ValueError(path)
    if how == "exit":
        raise SystemExit(3)
    os.kill(os.getpid(), how)


def note_end(code, path, how):
    """Write down an exit code."""
    Path(f"{path}.part").write_text(f"{code} {how}")
    Path(f"{path}.part").rename(path)


def wait(path):
    end = time.monotonic() + 60
    while not Path(path).exists():
        assert time.monotonic() < end, f"{path} was not written"
        time.sleep(0.05)
    return Path(path).read_text()


def test_each_call_has_a_process_of_its_own_in_which_the_project_is_imported(server, tmp_path):
    ids = [server.start(note, note_end, str(tmp_path / str(n))) for n in range(3)]
    found = [wait(tmp_path / str(n)).split() for n in range(3)]
    assert [int(process) for process, *_ in found] == ids
    assert len(set(ids)) == 3
    assert os.getpid() not in {int(parent) for _, parent, *_ in found}
    assert {tuple(modules) for _, _, *modules in found} == {
        ("great_expectations", "monitoring_assets.definitions")
    }


@pytest.mark.parametrize(
    ("how", "code"), [(signal.SIGKILL, -9), (signal.SIGSEGV, -11), ("error", 1), ("exit", 3)]
)
def test_an_end_without_a_word_is_reported(server, tmp_path, how, code):
    server.start(die, note_end, str(tmp_path / "ended"), how)
    assert wait(tmp_path / "ended") == f"{code} {how}"


def test_an_end_as_it_should_be_is_not(server, tmp_path):
    server.start(note, note_end, str(tmp_path / "one"), "well")
    wait(tmp_path / "one")
    server.start(die, note_end, str(tmp_path / "two"), "exit")
    wait(tmp_path / "two")
    assert len(wait(tmp_path / "one").split()) > 2  # not the code that `note_end` writes


def test_it_ends_with_its_runs_and_not_before(tmp_path):
    server = WarmServer()
    server.start(sleep_and_note, note_end, str(tmp_path / "late"))
    server.close()
    process = server._process
    assert process.poll() is None
    wait(tmp_path / "late")
    assert process.wait(30) == 0
    with pytest.raises((OSError, ValueError)):
        server.start(note, note_end, str(tmp_path / "none"))


def sleep_and_note(path):
    """As `note`, after a while."""
    time.sleep(2)
    note(path)


def test_changed_code_is_seen(tmp_path, monkeypatch):
    for name in ("monitoring_assets", "resources"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "module.py").write_text("x = 1")
    monkeypatch.setattr(warm_processes, "BESIDE", ("resources",))
    monkeypatch.setattr(warm_processes, "folder", lambda name: tmp_path / name)
    before = sources()
    assert sources() == before
    (tmp_path / "resources" / "module.py").write_text("x = 22")
    assert sources() != before
