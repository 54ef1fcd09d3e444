"""Judging one version, however hostile: in time, in words, and no other is kept waiting."""

import gzip
import hashlib
import os
import socket
import time
from pathlib import Path

import pytest

from resources import isolation
from resources.registry import judgement, open_registry, scan
from resources.storage import LocalStorage, open_storage
from tests.conftest import rows


def verdicts_of(lender, known=None):
    found, left = scan(lender.registry, known or {}, seconds=60)
    assert left == []
    assert found["pd_loans/1"].manifest is not None
    return found


def fault_of(lender):
    """The one fault of `pd_cards/1`, beside a version that is sound."""
    (fault,) = verdicts_of(lender)["pd_cards/1"].faults
    assert fault.found
    assert fault.allowed
    assert str(fault).isprintable()
    return fault


@pytest.fixture
def two(lender):
    """Two sound versions in folders."""
    lender.publish("pd_cards")
    lender.publish("pd_loans")
    return lender


@pytest.fixture
def any_two(any_lender):
    """The same, in folders and on S3."""
    any_lender.publish("pd_cards")
    any_lender.publish("pd_loans")
    return any_lender


def a_pipe(file):
    os.mkfifo(file)


def a_socket(file):
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(file.parent)  # the name of a socket is short
        one.bind(file.name)
        os.chdir(here)


def a_device(file):
    os.mknod(file, 0o20644, os.makedev(1, 5)) if os.geteuid() == 0 else file.symlink_to("/dev/zero")


def a_link_to_a_device(file):
    file.symlink_to("/dev/zero")


def a_folder(file):
    file.mkdir()
    (file / "x").write_text("x")


@pytest.mark.parametrize("name", ["model.yaml", "model.onnx", "reference.parquet", "features.sql"])
@pytest.mark.parametrize("kind", [a_pipe, a_socket, a_device, a_link_to_a_device, a_folder])
def test_what_is_no_regular_file_is_named(two, name, kind):
    if name == "features.sql":
        columns = {"columns": ["income", "region"], "sql": name}
        two.publish_manifest("pd_cards", "1", features=columns)
    file = Path(two.registry.root, "pd_cards/1", name)
    file.unlink(missing_ok=True)
    try:
        kind(file)
    except PermissionError:
        pytest.skip("no device can be made here")
    if (name, kind) == ("model.yaml", a_folder):
        assert verdicts_of(two)["pd_cards/1"].manifest is None  # it still waits for the file
        return
    assert name in str(fault_of(two))


SQL = {"columns": ["income", "region"], "sql": "features.sql"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"SELEKT 1", "syntax error"),
        (b"", "nothing"),
        (b"-- nothing", "nothing"),
        (b"SELECT 1; SELECT 2", "SELECT, SELECT"),
        (b"COPY batch TO 'x'", "COPY"),
        (b"\xff\xfe", "decode"),
        (b"SELECT " + b"(" * 2000, "expression depth|syntax error"),
        (b"SELECT 1 --" + b"a" * (1 << 20), "more than 1,048,576 bytes"),
    ],
)
def test_sql_that_is_no_query_is_refused(any_two, text, found):
    open_storage(any_two.registry.root).write("pd_cards/1/features.sql", text)
    any_two.publish_manifest("pd_cards", "1", features=SQL)
    fault = fault_of(any_two)
    assert fault.field == "features.sql"
    assert any(part in fault.found for part in found.split("|"))


def test_an_output_that_the_graph_has_not_is_refused(any_two):
    scoring = any_two.manifest("pd_cards", "1")["scoring"] | {"output": "nothing_of_it"}
    any_two.publish_manifest("pd_cards", "1", scoring=scoring)
    fault = fault_of(any_two)
    assert "scoring.output: found 'nothing_of_it'; the graph has pd" in fault.found


def test_a_model_that_is_no_graph_is_refused(any_two):
    scoring = any_two.manifest("pd_cards", "1")["scoring"]
    content = b"no graph"
    open_storage(any_two.registry.root).write("pd_cards/1/model.onnx", content)
    scoring |= {"sha256": hashlib.sha256(content).hexdigest()}
    any_two.publish_manifest("pd_cards", "1", scoring=scoring)
    assert "not an ONNX graph" in fault_of(any_two).found


@pytest.fixture
def endless(two):
    """A sample of which a megabyte is hundreds of gigabytes."""
    part = gzip.compress(b"1,north\n" * (1 << 21))
    content = gzip.compress(b"income,region\n") + part * 20_000
    folder = Path(two.registry.root, "pd_cards/1")
    (folder / "reference.csv.gz").write_bytes(content)
    two.publish_manifest("pd_cards", "1", reference={"path": "reference.csv.gz"})
    return two


def test_what_takes_too_long_is_rejected_once(endless, monkeypatch):
    monkeypatch.setattr(judgement, "LIMIT_SECONDS", 5.0)
    first = verdicts_of(endless)
    (fault,) = first["pd_cards/1"].faults
    assert fault.found == "its judgement took longer than 5 s"
    began = time.monotonic()
    assert verdicts_of(endless, first) == first
    assert time.monotonic() - began < 5  # it is not judged again
    rows(0, 50).to_csv(Path(endless.registry.root, "pd_cards/1/reference.csv"), index=False)
    endless.publish_manifest("pd_cards", "1", reference={"path": "reference.csv"})
    assert verdicts_of(endless, first)["pd_cards/1"].faults == ()


def test_a_crash_is_the_versions_own(two, monkeypatch, tmp_path):
    """A library that aborts the process, as one in C++ may do for a file of some sort."""
    broken = tmp_path / "site" / "onnxruntime.py"
    broken.parent.mkdir()
    broken.write_text("import os\ndef SessionOptions():\n    os.abort()\n")
    isolation._end_servers()  # they have the library already
    monkeypatch.syspath_prepend(str(broken.parent))
    two.publish_manifest(
        "pd_loans",
        "1",
        scoring={"flavour": "scored", "path": "scores/{date}.parquet"},
        reference={"path": "reference.parquet", "score": "score"},
    )
    assert fault_of(two).found == "its judgement ended by SIGABRT"
    isolation._end_servers()


def test_judging_loads_no_dagster():
    """The process starts in a fraction of the time."""
    import subprocess
    import sys

    code = (
        "import sys, monitoring_assets; from resources.judgement.version import prepare; "
        "prepare(True); "
        "sys.exit('dagster' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_files_in_folders_are_regular(tmp_path):
    storage = LocalStorage(str(tmp_path))
    (tmp_path / "file").write_bytes(b"12345")
    assert storage.read_up_to(5, "file") == b"12345"
    assert open_registry(str(tmp_path)).candidates() == []
