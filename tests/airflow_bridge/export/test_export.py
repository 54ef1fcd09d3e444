"""The bundle: whole or not at all, the same for the same, and only what changed."""

import ast
import fnmatch
import json
import re
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

import airflow_bridge.runtime
from airflow_bridge.export.export import export_bundle
from airflow_bridge.export.settings import read_settings
from monitoring_assets.cli.main import main
from resources.errors import InputError
from resources.storage import Storage, open_storage
from tests.airflow_bridge.export.conftest import land

SCHEMA = Path(__file__).parents[3] / "docs" / "airflow_bundle.schema.json"
DAG_FILE = "model_monitoring_dags.py"


class KilledError(BaseException):
    """The process ended here."""


def content(root):
    storage = open_storage(root)
    return {path: storage.read(path) for path in storage.list()}


def etags(root):
    return {path: file.etag for path, file in open_storage(root).list().items()}


def named(files):
    """The manifest and the runtime that a DAG file names, as Airflow finds them."""
    tree = ast.parse(files[DAG_FILE].decode())
    (runtime,) = [
        n.module
        for n in ast.walk(tree)
        if isinstance(n, ast.ImportFrom) and n.level == 0 and n.module != "pathlib"
    ]
    (manifest,) = [
        n.value
        for n in ast.walk(tree)
        if isinstance(n, ast.Constant) and str(n.value).endswith(".json")
    ]
    return json.loads(files[manifest]), {
        path.partition("/")[2]: text
        for path, text in files.items()
        if path.startswith(f"{runtime}/")
    }


def runtime():
    (folder,) = airflow_bridge.runtime.__path__
    return {path.name: path.read_bytes() for path in Path(folder).glob("*.py")}


def keys(files):
    return [model["key"] for model in named(files)[0]["models"]]


def test_a_bundle_has_a_dag_for_each_version_and_the_runtime(any_lender, job, settings):
    root = f"{any_lender.root}/dags"
    land(any_lender, "pd_cards", "pd_auto")
    done = export_bundle(job, any_lender.store, settings, root)
    files = content(root)
    manifest, modules = named(files)
    assert [model["dag_id"] for model in manifest["models"]] == [
        "monitor_day.pd_auto.1",
        "monitor_day.pd_cards.1",
    ]
    assert modules == runtime()
    assert done.changes.written[-1] == DAG_FILE
    assert set(done.changes.written) == set(files)
    jsonschema.validate(manifest, json.loads(SCHEMA.read_text()))


def test_two_environments_have_dags_of_their_own(lender, job):
    land(lender, "pd_cards")
    found = []
    for text in ({}, {"dag_id_prefix": "staging.", "tags": ["staging", "pd_cards"]}):
        bundle = export_bundle(
            job, lender.store, read_settings(text, "airflow.yaml"), f"{lender.root}/dags"
        ).bundle
        found += [(model.dag_id, model.tags) for model in bundle.models]
    assert found == [
        ("monitor_day.pd_cards.1", ["model-monitoring", "pd_cards"]),
        ("staging.monitor_day.pd_cards.1", ["model-monitoring", "pd_cards", "staging"]),
    ]


def test_the_published_schema_is_the_one_the_code_checks():
    printed = CliRunner().invoke(main, ["airflow", "schema"]).output
    assert json.loads(SCHEMA.read_text()) == json.loads(printed)
    jsonschema.Draft202012Validator.check_schema(json.loads(printed))


def test_the_same_inputs_are_the_same_bytes(lender, job, settings):
    land(lender, "pd_cards", "pd_auto")
    export_bundle(job, lender.store, settings, f"{lender.root}/one")
    land(lender, "pd_auto", "pd_cards")  # in another order
    export_bundle(job, lender.store, settings, f"{lender.root}/two")
    assert content(f"{lender.root}/one") == content(f"{lender.root}/two")


def test_only_what_changed_is_written(any_lender, job, settings):
    root = f"{any_lender.root}/dags"
    land(any_lender, "pd_cards")
    export_bundle(job, any_lender.store, settings, root)
    before = etags(root)
    again = export_bundle(job, any_lender.store, settings, root)
    assert (again.changes.written, again.changes.removed) == ([], [])
    assert etags(root) == before
    land(any_lender, "pd_auto")
    export_bundle(job, any_lender.store, settings, root)
    after = etags(root)
    changed = {path for path in after if after[path] != before.get(path)}
    assert len(changed) == 2
    assert DAG_FILE in changed


def test_what_an_export_replaces_stays_for_one_generation(any_lender, job, settings):
    root = f"{any_lender.root}/dags"
    seen = []
    storage = open_storage(root)
    storage.write("mine.py", b"")
    storage.write("model_monitoring_notes.json", b"{}")
    for name in ("a", "b", "c", "d"):
        land(any_lender, name)
        export_bundle(job, any_lender.store, settings, root)
        files = content(root)
        found = {
            path for path in files if re.fullmatch(r"model_monitoring_[0-9a-f]{12}\.json", path)
        }
        seen.append(found)
        assert keys(files) == [f"{one}.1" for one in "abcd"[: len(seen)]]
    assert [len(found) for found in seen] == [1, 2, 2, 2]
    assert seen[1] & seen[2]
    assert not seen[1] & seen[3]
    assert {"mine.py", "model_monitoring_notes.json"} <= content(root).keys()


def test_an_export_killed_at_any_write_leaves_the_old_bundle_or_the_new_one(
    lender, job, settings, monkeypatch
):
    land(lender, "pd_cards")
    writes = []
    original = Storage.write
    monkeypatch.setattr(
        Storage, "write", lambda self, path, text: (writes.append(path), original(self, path, text))
    )
    export_bundle(job, lender.store, settings, f"{lender.root}/whole")
    for last in range(len(writes)):
        root = f"{lender.root}/{last}"
        left = last

        def killed(self, path, text):
            nonlocal left
            if not left:
                raise KilledError
            left -= 1
            original(self, path, text)

        with monkeypatch.context() as patched:
            patched.setattr(Storage, "write", killed)
            with pytest.raises(KilledError):
                export_bundle(job, lender.store, settings, root)
        assert DAG_FILE not in content(root)  # Airflow sees nothing yet
        export_bundle(job, lender.store, settings, root)
        assert content(root) == content(f"{lender.root}/whole")


def test_a_change_killed_at_any_step_leaves_a_whole_bundle(lender, job, settings, monkeypatch):
    for step in range(6):
        root = f"{lender.root}/dags{step}"
        for name in ("a", "b"):
            land(lender, name)
            export_bundle(job, lender.store, settings, root)
        land(lender, "c")
        left = step

        def killing(original):
            def wrapped(self, *arguments):
                nonlocal left
                if not left:
                    raise KilledError
                left -= 1
                return original(self, *arguments)

            return wrapped

        with monkeypatch.context() as patched:
            storage = type(open_storage(root))
            patched.setattr(Storage, "write", killing(Storage.write))
            patched.setattr(storage, "delete", killing(storage.delete))
            killed = False
            try:
                export_bundle(job, lender.store, settings, root)
            except KilledError:
                killed = True
        # Two files are written, then one manifest is removed.
        assert killed == (step < 3)
        found = content(root)
        assert keys(found) == (["a.1", "b.1"] if step < 2 else ["a.1", "b.1", "c.1"])
        assert named(found)[1] == runtime()
        lender.store.storage.delete("manifests/all.json")


def test_a_retired_version_keeps_its_dag_which_ends(lender, job, settings):
    root = f"{lender.root}/dags"
    land(lender, "pd_cards", deployed_at="2026-09-01")
    land(lender, "pd_auto", deployed_at="2026-09-01", retired_at="2026-10-05")
    export_bundle(job, lender.store, settings, root)
    auto, cards = named(content(root))[0]["models"]
    # The last day is 4 October; its interval is from 06:00 on that day to 06:00 on the next.
    assert (auto["retired"], auto["end"]) == (True, "2026-10-04T18:00:00+00:00")
    assert (cards["retired"], cards["end"]) == (False, None)


def test_a_version_that_had_been_retired_when_it_landed_has_no_dag(lender, job, settings):
    root = f"{lender.root}/dags"
    land(lender, "pd_cards", deployed_at="2026-08-01", retired_at="2026-09-02")
    land(lender, "pd_auto", deployed_at="2026-08-01", retired_at="2026-09-01")
    export_bundle(job, lender.store, settings, root)
    assert keys(content(root)) == ["pd_cards.1"]


def test_a_version_that_cannot_be_read_is_named_and_stops_no_other(lender, job, settings):
    land(lender, "pd_cards", "pd_auto")
    path = "manifests/all.json"
    everything = json.loads(lender.store.storage.read(path))
    everything["pd_auto.1"]["manifest"]["batch"] = 3
    lender.store.storage.write(path, json.dumps(everything).encode())
    done = export_bundle(job, lender.store, settings, f"{lender.root}/dags")
    assert done.left_out == ["pd_auto.1"]
    assert keys(content(f"{lender.root}/dags")) == ["pd_cards.1"]


def test_an_empty_store_does_not_take_the_dags_away(lender, job, settings):
    with pytest.raises(InputError, match=f"no model version .* has landed in {lender.store.root}"):
        export_bundle(job, lender.store, settings, f"{lender.root}/dags")
    assert content(f"{lender.root}/dags") == {}


def test_airflow_parses_the_dag_file_and_nothing_else(lender, job, settings):
    land(lender, "pd_cards")
    export_bundle(job, lender.store, settings, f"{lender.root}/dags")
    files = content(f"{lender.root}/dags")
    patterns = files[".airflowignore"].decode().split()
    python = [path for path in [*files, ".unfinished/monitoring-x/a.py"] if path.endswith(".py")]
    # Airflow 2 searches with regular expressions; Airflow 3 matches a folder's name as git does.
    by_expression = [p for p in python if not any(re.search(x, p) for x in patterns)]
    by_glob = [p for p in python if not any(fnmatch.fnmatch(p.split("/")[0], x) for x in patterns)]
    assert by_expression == by_glob == [DAG_FILE]
    text = files[DAG_FILE].lower()
    assert b"airflow" in text
    assert b"dag" in text


def test_somebody_elses_airflowignore_is_not_overwritten(lender, job, settings):
    land(lender, "pd_cards")
    storage = open_storage(f"{lender.root}/dags")
    storage.write(".airflowignore", b"theirs\n")
    with pytest.raises(InputError, match=r"\.airflowignore: found no line 'model_monitoring_run"):
        export_bundle(job, lender.store, settings, storage.root)
    storage.write(".airflowignore", b"theirs\n.unfinished\nmodel_monitoring_runtime_*\n")
    export_bundle(job, lender.store, settings, storage.root)
    assert storage.read(".airflowignore").startswith(b"theirs")
