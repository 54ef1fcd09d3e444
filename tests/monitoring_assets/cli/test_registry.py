"""`monitoring registry`: what is said of versions before they are uploaded."""

import hashlib
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from resources.storage import LocalStorage, open_path, open_storage
from tests.conftest import YESTERDAY, days_ago, rows, sigmoid_of_log_income


def validate(path, *options):
    return CliRunner().invoke(main, ["registry", "validate", str(path), *options])


def test_validate_takes_a_folder_a_manifest_or_a_registry(any_lender):
    any_lender.publish()
    root = any_lender.registry.root
    for path in (
        root,
        f"{root}/pd_cards/1",
        f"{root}/pd_cards/1/",
        f"{root}/pd_cards/1/model.yaml",
    ):
        done = validate(path)
        assert done.exit_code == 0
        first, scored, batch = done.output.splitlines()
        assert first == "pd_cards/1: valid"
        assert scored.startswith("  scores of 10 rows of the sample, by the model: least 0.")
        assert batch.startswith("  no batch from ")


def test_validate_takes_a_folder_that_is_a_link_by_its_own_name(lender, tmp_path):
    lender.publish()
    folder = Path(lender.registry.root, "pd_cards", "1")
    folder.rename(tmp_path / "far")
    folder.symlink_to(tmp_path / "far")
    for path in (folder, lender.registry.root):
        assert validate(path).output.splitlines()[0] == "pd_cards/1: valid"


def test_validate_looks_at_nothing_but_the_folder_it_is_given(lender, monkeypatch):
    lender.publish()
    lender.publish(version="2", owner="")
    looked_at = set()

    def recorded(original):
        def record(self, path=""):
            looked_at.add(self.url(path))
            return original(self, path)

        return record

    monkeypatch.setattr(LocalStorage, "list", recorded(LocalStorage.list))
    monkeypatch.setattr(LocalStorage, "open", recorded(LocalStorage.open))
    folder = Path(lender.registry.root, "pd_cards", "1")
    monkeypatch.chdir(folder)
    for path in (folder, ".", "../1", "../../pd_cards/1/model.yaml"):
        said = validate(path).output
        assert said.splitlines()[0] == "pd_cards/1: valid"
        assert "pd_cards/2" not in said
    # The rest is read by the processes that judge the version and try it.
    assert looked_at == {str(folder / "model.yaml")}


def test_validate_looks_at_a_batch_whose_scores_are_not_there_yet(lender, monkeypatch):
    monkeypatch.setenv("MONITORING_LAKE", lender.lake.root)
    lender.publish(
        scoring={"flavour": "scored", "path": "scores/{date}.parquet"},
        reference={"path": "reference.parquet", "score": "score"},
    )
    lender.deliver(days_ago(3))
    assert f"  batch of {days_ago(3)}: " in validate(lender.registry.root).output


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("s3://no-bucket-of-this-name", "NoSuchBucket"),
        ("s3://no-bucket-of-this-name/pd_cards/1", "NoSuchBucket"),
        ("{root}/registry/pd_cards/2/model.yaml", "no model version"),
        ("gs://models/pd_cards/1", "found scheme 'gs'; allowed: s3://"),
        ("nowhere", "no such file or folder"),
    ],
)
def test_validate_says_what_it_cannot_look_at(s3_lender, path, why):
    done = validate(path.format(root=s3_lender.root))
    assert done.exit_code == 2
    assert done.stderr.startswith("Usage: ")
    assert why in " ".join(done.stderr.replace("│", "").split())


def test_validate_names_every_fault(lender):
    lender.publish(owner="", schedule={"timezone": "Mars"}, surprise=1)
    done = CliRunner().invoke(main, ["registry", "validate", lender.registry.root])
    assert done.exit_code == 2
    assert len([line for line in done.output.splitlines() if "model.yaml: " in line]) == 3
    listed = ["registry", "validate", lender.registry.root, "--format", "json"]
    document = json.loads(CliRunner().invoke(main, listed).stdout)
    assert {fault["field"] for fault in document[0]["faults"]} == {
        "owner",
        "schedule.timezone",
        "surprise",
    }


def test_validate_warns_of_a_column_without_a_value(lender):
    lender.publish()
    frame = rows(0, 50).assign(region=None)
    lender.put(open_storage(lender.registry.root), "pd_cards/1/reference.parquet", frame)
    lender.publish_manifest(
        "pd_cards", "1", reference={"path": "reference.parquet", "score": "score"}
    )
    done = validate(lender.registry.root)
    assert done.exit_code == 0
    assert "region (features.columns.region) has no value, so all of a day are new" in done.output
    (line,) = json.loads(validate(lender.registry.root, "--format", "json").stdout)
    assert (line["valid"], len(line["warnings"])) == (True, 1)


def of_text() -> bytes:
    """A graph that gives back a text."""
    import onnx
    from onnx import TensorProto, helper

    inputs = [
        helper.make_tensor_value_info("income", TensorProto.FLOAT, [None, 1]),
        helper.make_tensor_value_info("region", TensorProto.STRING, [None, 1]),
    ]
    output = helper.make_tensor_value_info("grade", TensorProto.STRING, [None, 1])
    node = helper.make_node("Identity", ["region"], ["grade"])
    graph = helper.make_graph([node], "grades", inputs, [output])
    opsets = [helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


def test_validate_runs_the_graph(lender):
    lender.publish()
    open_storage(lender.registry.root).write("pd_cards/1/model.onnx", of_text())
    digest = hashlib.sha256(of_text()).hexdigest()
    scoring = {"flavour": "onnx", "artefact": "model.onnx", "sha256": digest}
    lender.publish_manifest("pd_cards", "1", scoring=scoring)
    done = validate(lender.registry.root)
    assert (done.exit_code, done.output.splitlines()[0]) == (2, "pd_cards/1: does not run")
    assert "neither a tensor of numbers" in done.output
    document = json.loads(validate(lender.registry.root, "--format", "json").stdout)
    assert (document[0]["valid"], document[0]["faults"]) == (False, [])
    assert "neither a tensor of numbers" in document[0]["trial"]["failed"][0]


def test_validate_tells_what_came_out(lender):
    lender.publish()
    (line,) = json.loads(validate(lender.registry.root, "--format", "json").stdout)
    expected = rows(0, 2000)["score"].head(10)
    figures = expected.min(), expected.mean(), expected.max()
    found = line["trial"]["scores"]
    assert (found["rows"], found["missing"]) == (10, 0)
    assert [found[name] for name in ("least", "mean", "greatest")] == pytest.approx(figures)
    shown = "least {:.4g}, mean {:.4g}, greatest {:.4g}, none missing".format(*figures)
    assert f"by the model: {shown}" in validate(lender.registry.root).output


def test_validate_runs_a_program(lender):
    source = b"""
import sys
import pyarrow as pa, pyarrow.parquet as pq
rows = pq.read_table(sys.argv[1])
pq.write_table(pa.table({"loan_id": rows["loan_id"], "score": [0.25] * len(rows)}), sys.argv[2])
"""
    scoring = {
        "flavour": "command",
        "artefact": "score.py",
        "sha256": hashlib.sha256(source).hexdigest(),
        "command": [sys.executable, "{artefact}", "{input}", "{output}"],
    }
    open_storage(lender.registry.root).write("pd_cards/1/score.py", source)
    lender.publish(scoring=scoring)
    done = validate(lender.registry.root)
    assert done.exit_code == 0, done.output
    assert "by the model: least 0.25, mean 0.25, greatest 0.25, none missing" in done.output


def test_validate_counts_scores_that_are_missing(lender):
    lender.publish()
    sample = rows(0, 2000)
    sample.loc[3:4, "income"] = None
    lender.put(open_storage(lender.registry.root), "pd_cards/1/reference.parquet", sample)
    done = validate(lender.registry.root, "--format", "json")
    assert done.exit_code == 2
    (line,) = json.loads(done.stdout)
    assert (line["valid"], line["trial"]["scores"]["missing"]) == (False, 2)
    assert line["trial"]["scores"]["least"] > 0
    assert "scoring.range: 2 of 10 scores are outside 0 to 1: 0." in line["trial"]["failed"][0]


def test_validate_compares_the_samples_own_scores(lender):
    lender.publish(reference={"path": "reference.parquet", "score": "score"})
    done = validate(lender.registry.root)
    assert done.exit_code == 0
    assert "the model does not give" not in done.output
    sample = rows(0, 2000)
    sample["score"] = 1 - sample["score"]
    lender.put(open_storage(lender.registry.root), "pd_cards/1/reference.parquet", sample)
    done = validate(lender.registry.root)
    assert done.exit_code == 0
    assert "the model does not give the sample's score in" in done.output
    (line,) = json.loads(validate(lender.registry.root, "--format", "json").stdout)
    assert len(line["trial"]["warnings"]) == 1


def test_validate_names_scores_that_are_out_of_range(lender):
    scoring = lender.manifest("pd_cards", "1")["scoring"] | {"range": [0.99, 1.0]}
    lender.publish(scoring=scoring)
    done = validate(lender.registry.root)
    assert done.exit_code == 2
    assert "scoring.range: 10 of 10 scores are outside 0.99 to 1" in done.output


def test_validate_looks_at_the_last_batch(lender, monkeypatch):
    monkeypatch.setenv("MONITORING_LAKE", lender.lake.root)
    lender.publish()
    lender.deliver(days_ago(3))
    done = validate(lender.registry.root)
    assert done.exit_code == 0
    assert f"  batch of {days_ago(3)}: " in done.output
    assert "has loan_id, income, region" in done.output
    lender.deliver(YESTERDAY, rows(1).drop(columns="region"))
    done = validate(lender.registry.root)
    assert done.exit_code == 2
    assert f"{YESTERDAY}.parquet: no region" in done.output
    lender.deliver(YESTERDAY, rows(1).assign(approved=True))
    lender.publish(decisions={"column": "approved", "amount": "asked"})
    assert f"{YESTERDAY}.parquet: no asked" in validate(lender.registry.root).output


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("x/{date}.xlsx", "a file in Parquet"),
        ("x/{date:%B}/", "a form such as"),
        ("x/{date:%Y/%m}/", "a form such as"),
        ("x/{date:>300000}.parquet", "a form such as"),
        ("x.parquet?d={date}", "a path without a query"),
    ],
)
def test_validate_refuses_a_path_that_no_batch_is_read_from(lender, path, why):
    lender.publish(batch={"path": path, "key": "loan_id"})
    done = validate(lender.registry.root)
    assert done.exit_code == 2
    assert why in done.output


def test_validate_says_when_there_is_nothing(tmp_path):
    done = CliRunner().invoke(main, ["registry", "validate", str(tmp_path)])
    assert done.exit_code == 2
    assert "no model version" in done.output


SQL = "SELECT loan_id, monthly * 12 AS income, region FROM batch"


@pytest.fixture
def with_sql(lender):
    """The folder of a version whose batches have the income of a month."""
    open_storage(lender.registry.root).write("pd_cards/1/features.sql", SQL.encode())
    lender.publish(features={"columns": ["income", "region"], "sql": "features.sql"})
    return Path(lender.registry.root, "pd_cards", "1")


def show_features(*arguments):
    return CliRunner().invoke(main, ["registry", "features", *map(str, arguments)])


def test_features_shows_what_the_sql_makes_of_a_file(with_sql, tmp_path):
    batch = rows(1, 50)
    frame = batch.assign(monthly=batch["income"] / 12).drop(columns="income")
    frame.to_parquet(tmp_path / "today.parquet")
    done = show_features(with_sql, tmp_path / "today.parquet", "--format", "json")
    assert done.exit_code == 0, done.output
    income, region = json.loads(done.stdout)
    assert (income["column"], region["column"]) == ("income", "region")
    assert float(income["batch"]["lowest"]) == pytest.approx(batch["income"].min())
    assert float(income["reference"]["lowest"]) == pytest.approx(rows(0, 2000)["income"].min())
    assert region["batch"]["median"] is None
    assert region["batch"]["type"] == "VARCHAR"
    table = show_features(with_sql, tmp_path / "today.parquet").stdout
    assert [line.split()[0] for line in table.splitlines() if "sample" in line] == [
        "income",
        "region",
    ]


def test_features_names_what_the_batch_lacks(with_sql, tmp_path):
    batch = tmp_path / "today.parquet"
    rows(1, 50).to_parquet(batch)
    done = show_features(with_sql, batch)
    assert (done.exit_code, '"monthly" not found' in done.output) == (2, True)
    done = show_features(with_sql, tmp_path / "none.parquet")
    assert (done.exit_code, "no file at" in done.output) == (2, True)


def test_features_without_sql_names_a_characteristic_that_is_not_there(lender, tmp_path):
    lender.publish()
    batch = tmp_path / "today.parquet"
    rows(1, 50).drop(columns="region").to_parquet(batch)
    done = show_features(Path(lender.registry.root, "pd_cards", "1"), batch)
    assert done.exit_code == 2
    assert ["batch", "absent"] in [line.split() for line in done.stdout.splitlines()]
    assert done.stderr == f"{batch}: no region\n"


def sample(lender, path):
    """A scored sample, where the lender's files are."""
    storage, relative = open_path(path, open_storage(lender.root))
    lender.put(storage, relative, rows(1, 500))
    return storage.url(relative)


def draft(*options):
    return CliRunner().invoke(main, ["registry", "draft", "pd_cards", *options])


def test_draft_writes_a_version_wherever_the_registry_is(any_lender, monkeypatch):
    for name, value in any_lender.environment.items():
        monkeypatch.setenv(name, value)
    any_lender.deliver(YESTERDAY)
    reference = sample(any_lender, "files/sample.parquet")
    open_storage(any_lender.root).write("files/m.onnx", sigmoid_of_log_income())
    model = f"{any_lender.root}/files/m.onnx"
    named = ["--reference", reference, "--model", model, "--batch", "pd_cards/{date}.parquet"]
    done = draft(*named, "--version", "2")
    assert done.exit_code == 0, done.output
    folder = f"{any_lender.registry.root}/pd_cards/2"
    first, _, verdict, scored, batch, *_ = done.output.splitlines()
    assert first == f"{folder}/model.yaml: drafted, 2 characteristics"
    assert verdict == "pd_cards/2: valid"
    assert scored.startswith("  scores of 10 rows of the sample, by the model: least 0.")
    assert batch.startswith(f"  batch of {YESTERDAY}: ")
    assert validate(folder).output.splitlines() == [verdict, scored, batch]
    files = open_storage(folder)
    assert {*files.list()} == {"model.yaml", "model.onnx", "reference.parquet"}
    assert files.read("model.onnx") == sigmoid_of_log_income()
    taken, path = open_path(reference, open_storage("."))
    assert files.read("reference.parquet") == taken.read(path)


@pytest.mark.parametrize("name", ["model.yaml", "reference.parquet", "notes.txt"])
def test_draft_overwrites_nothing(newcomer, name):
    there = newcomer.folder / "registry" / "loans" / "1" / name
    there.parent.mkdir(parents=True)
    there.write_text("mine")
    done = newcomer.draft("--score", "pd")
    assert done.exit_code == 2
    assert f"{there.parent} is there already, and nothing is overwritten" in done.stderr
    assert [*there.parent.iterdir()] == [there]
    assert there.read_text() == "mine"
    assert newcomer.draft("--score", "pd", "--version", "2").exit_code == 0


def next_commands(done):
    shown = done.output.partition("\nNext\n")[2].splitlines()
    return [line.strip() for line in shown if line[:2] == "  " and line[2] != " "]


def test_draft_says_what_comes_next(newcomer, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/elsewhere/monitoring"])
    folder = newcomer.folder / "registry" / "loans" / "1"
    day = f"{newcomer.folder}/lake/{YESTERDAY}"
    assert next_commands(newcomer.draft("--score", "pd")) == [
        f"${{EDITOR:-vi}} {folder}/model.yaml",
        f"/elsewhere/monitoring registry validate {folder}",
        f"mkdir -p {day} && cp BATCH.parquet {day}/",
        "/elsewhere/monitoring onboard",
        "/elsewhere/monitoring backfill loans.1",
        "/elsewhere/monitoring report loans.1",
    ]


@pytest.mark.parametrize(
    ("batch", "delivery"),
    [
        (
            "lake/a b/{date}.parquet",
            "mkdir -p '{lake}/a b' && cp BATCH.parquet '{lake}/a b/{day}.parquet'",
        ),
        ("lake/{date}", "mkdir -p {lake}/{day} && cp BATCH.parquet {lake}/{day}"),
        ("lake/{date}/*/x.parquet", "# deliver a batch: {lake}/{day}/*/x.parquet"),
    ],
)
def test_draft_says_where_a_batch_goes(newcomer, batch, delivery):
    expected = delivery.format(lake=newcomer.folder / "lake", day=YESTERDAY)
    assert next_commands(newcomer.draft("--score", "pd", batch=batch))[2] == expected


def test_draft_may_be_written_beside_the_registry(newcomer):
    done = newcomer.draft("--score", "pd", "--to", "drafts")
    assert done.exit_code == 0
    folder = newcomer.folder / "drafts" / "loans" / "1"
    assert (folder / "model.yaml").exists()
    assert not (newcomer.folder / "registry").exists()
    assert next_commands(done)[-1] == f"# copy {folder} into your registry"
