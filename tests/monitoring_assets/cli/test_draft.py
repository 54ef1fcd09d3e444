"""What is found in the files of a model, and what is guessed."""

import hashlib
from decimal import Decimal
from functools import partial

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper

from resources.storage import open_storage
from tests.conftest import YESTERDAY, days_ago, rows, sigmoid_of_log_income
from tests.monitoring_assets.cli.drafts import applications
from tests.tables import Icebergs, write_delta

SCORED = ("--score", "pd", "--outcome", "bad")


def classifier(columns):
    """A logistic regression of scikit-learn on these columns of the applications, and its graph."""
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    frame = applications(9, 2000)
    inputs = frame[columns].to_numpy(np.float32)
    fitted = LogisticRegression().fit(inputs, frame["bad"])
    return to_onnx(fitted, inputs[:1], options={"zipmap": False}).SerializeToString(), fitted


def sum_of(columns):
    """A graph that adds the columns of its one tensor up."""
    node = helper.make_node("ReduceSum", ["X", "axis"], ["sum"], keepdims=0)
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [1])
    tensor = helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, columns])
    total = helper.make_tensor_value_info("sum", TensorProto.FLOAT, [None])
    graph = helper.make_graph([node], "model", [tensor], [total], [axis])
    opset = [helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def test_a_scored_sample_is_enough(newcomer):
    done = newcomer.draft(*SCORED)
    assert done.exit_code == 0, done.output
    manifest = newcomer.manifest()
    assert manifest["reference"] == {"path": "reference.parquet", "score": "pd", "outcome": "bad"}
    assert manifest["batch"] == {"path": "{date}/", "key": "loan_id"}
    assert manifest["scoring"] == {
        "flavour": "scored",
        "path": "{date}/",
        "score": "pd",
        "range": [0.0, 1.0],
    }
    assert manifest["features"]["columns"] == [
        {"name": "income", "type": "double"},
        {"name": "age", "type": "int64"},
        {"name": "ratio", "type": "double"},
        {"name": "channel", "type": "string"},
    ]
    assert manifest["deployed_at"] == YESTERDAY
    assert "segments" not in manifest
    assert "outcome" not in manifest


def test_types_of_every_kind_are_those_of_the_sample(newcomer):
    frame = applications().assign(
        amount=[Decimal("12.50")] * 500,
        is_new=True,
        never=pd.Series([None] * 500, dtype=object),
        band=pd.Categorical(["young", "old"] * 250),
    )
    newcomer.write("sample.parquet", frame)
    assert newcomer.draft(*SCORED).exit_code == 0
    assert newcomer.manifest()["features"]["columns"][4:] == [
        {"name": "amount", "type": "decimal128(4, 2)"},
        {"name": "is_new", "type": "bool"},
        {"name": "never"},
        {"name": "band", "type": "string"},
    ]


def test_pandas_index_is_no_characteristic(newcomer):
    applications().set_index(pd.Index(range(500)), drop=True).iloc[::2].to_parquet("sample.parquet")
    assert newcomer.draft(*SCORED).exit_code == 0
    assert newcomer.columns == ["income", "age", "ratio", "channel"]


def test_a_graph_with_named_inputs_says_what_the_characteristics_are(newcomer):
    newcomer.write("sample.parquet", rows(1).drop(columns="score").assign(age=40, channel="web"))
    (newcomer.folder / "scorecard.onnx").write_bytes(sigmoid_of_log_income())
    done = newcomer.draft("--model", "scorecard.onnx")
    assert done.exit_code == 0, done.output
    assert "scores of 10 rows of the sample, by the model: least 0." in done.output
    assert newcomer.columns == ["income", "region"]
    assert "- age: no input of the graph" in newcomer.text()
    assert newcomer.manifest()["scoring"] == {
        "flavour": "onnx",
        "artefact": "model.onnx",
        "sha256": hashlib.sha256(sigmoid_of_log_income()).hexdigest(),
        "range": [0.0, 1.0],
    }


def test_a_graph_with_one_tensor_takes_the_numbers_in_the_files_order(newcomer):
    model, fitted = classifier(["age", "ratio"])
    frame = applications().drop(columns=["income", "pd"])
    inputs = frame[["age", "ratio"]].to_numpy(np.float32)
    scored = frame.assign(pd=fitted.predict_proba(inputs)[:, 1])
    newcomer.write("sample.parquet", scored)
    (newcomer.folder / "m.onnx").write_bytes(model)
    done = newcomer.draft("--model", "m.onnx", *SCORED)
    assert done.exit_code == 0, done.output
    assert newcomer.columns == ["age", "ratio"]
    assert "- channel: text, and the graph takes numbers" in newcomer.text()
    assert "Careful" not in newcomer.text()

    # The same columns in another order are another model.
    newcomer.write("sample.parquet", scored[[*scored.columns[::-1]]])
    done = newcomer.draft("--model", "m.onnx", *SCORED, "--version", "2")
    assert newcomer.manifest("registry/loans/2")["features"]["columns"][0]["name"] == "ratio"
    for shown in (done.output, newcomer.text("registry/loans/2").replace("\n  # ", " ")):
        assert "the model does not give the sample's pd in 500 of 500 rows" in shown


@pytest.mark.parametrize("labels", [[0, 1], ["good", "bad"]], ids=["numbers", "texts"])
def test_a_graph_with_a_tensor_for_each_kind_of_column(newcomer, labels):
    """As scikit-learn's exporter writes it by default: with ZipMap."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = applications()
    columns = [("numbers", StandardScaler(), [0, 1]), ("texts", OneHotEncoder(), [2])]
    model = make_pipeline(ColumnTransformer(columns), LogisticRegression())
    model.fit(frame[["age", "ratio", "channel"]], np.array(labels)[frame["bad"].astype(int)])
    types = [("numbers", FloatTensorType([None, 2])), ("texts", StringTensorType([None, 1]))]
    graph = to_onnx(model, initial_types=types).SerializeToString()
    (newcomer.folder / "m.onnx").write_bytes(graph)
    newcomer.write("sample.parquet", frame.drop(columns=["income", "pd"]))
    done = newcomer.draft("--model", "m.onnx", "--outcome", "bad")
    assert newcomer.columns == ["age", "ratio", "channel"]
    assert "takes them by their place" in newcomer.text()
    if labels == [0, 1]:
        assert done.exit_code == 0, done.output
        assert "by the model: least 0." in done.output
    else:
        assert done.exit_code == 2
        words = "scoring.output_class: found nothing; output_probability has the classes bad, good"
        assert words in done.output
        assert "a probability, as the model did not run on the sample" in newcomer.text().replace(
            "\n  # ", " "
        )


def test_a_graph_whose_exporter_has_renamed_the_columns(newcomer):
    """skl2onnx makes identifiers of names that are none."""
    from skl2onnx import to_onnx
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    frame = applications().rename(columns={"ratio": "debt ratio"})
    inputs = frame[["age", "debt ratio"]].astype(np.float32)
    columns = ColumnTransformer([("numbers", StandardScaler(), [0, 1])])
    model = make_pipeline(columns, LogisticRegression()).fit(inputs, frame["bad"])
    graph = to_onnx(model, inputs[:1])
    (newcomer.folder / "m.onnx").write_bytes(graph.SerializeToString())
    newcomer.write("sample.parquet", frame.drop(columns=["income", "pd"]))
    done = newcomer.draft("--model", "m.onnx", "--outcome", "bad")
    assert done.exit_code == 0, done.output
    assert newcomer.columns == ["age", "debt ratio"]
    assert "by the model: least 0." in done.output


def test_a_graph_that_takes_fewer_columns_is_drafted_and_does_not_run(newcomer):
    (newcomer.folder / "m.onnx").write_bytes(sum_of(2))
    done = newcomer.draft("--model", "m.onnx")
    assert done.exit_code == 2
    assert "loans/1: does not run" in done.output
    assert "keep the 2 that it takes; these are 5" in newcomer.text().replace("\n# ", " ")


def test_a_graph_in_points_has_a_range_of_its_own(newcomer):
    newcomer.write("sample.parquet", applications()[["loan_id", "income", "age"]])
    (newcomer.folder / "m.onnx").write_bytes(sum_of(2))
    done = newcomer.draft("--model", "m.onnx")
    assert done.exit_code == 0, done.output
    assert newcomer.manifest()["scoring"]["range"][1] > 50_000


def test_what_a_batch_does_not_have_is_no_characteristic(newcomer):
    for back in (3, 1):
        batch = applications(back, 50).drop(columns=["bad", "age", "channel"])
        newcomer.write(f"lake/{days_ago(back)}/part.parquet", batch)
    newcomer.write("sample.parquet", applications().drop(columns="loan_id"))
    done = newcomer.draft("--score", "pd", "--key", "loan_id")
    assert done.exit_code == 0, done.output
    assert newcomer.columns == ["income", "ratio"]
    assert newcomer.manifest()["deployed_at"] == days_ago(3)
    text = newcomer.text()
    for absent in ("age", "channel", "bad"):
        assert f"- {absent}: not in the batch of {days_ago(1)}" in text
    assert "segments" not in newcomer.manifest()
    assert "# segments" not in text
    assert "cp BATCH.parquet" not in done.output


def test_the_key_is_found_in_the_batch(newcomer):
    newcomer.write("sample.parquet", applications().drop(columns="loan_id"))
    newcomer.write(f"lake/{YESTERDAY}/part.parquet", applications(2))
    assert newcomer.draft(*SCORED).exit_code == 0
    assert newcomer.manifest()["batch"]["key"] == "loan_id"


def test_what_rows_of_the_batch_share_is_no_key(newcomer):
    batch = applications(2, 50).assign(loan_id="one", application=[f"A{n}" for n in range(50)])
    newcomer.write(f"lake/{YESTERDAY}/part.parquet", batch)
    done = newcomer.draft(*SCORED)
    assert done.exit_code == 2
    assert done.stderr.rstrip().endswith("name one of application")
    done = newcomer.draft(*SCORED, "--key", "application")
    assert done.exit_code == 0
    assert "# Column that identifies a row.\n" in newcomer.text()


@pytest.mark.parametrize(
    ("columns", "key"),
    [
        ({"row": range(500), "LOAN_ID": [f"L{n}" for n in range(500)]}, "LOAN_ID"),
        ({"row": range(500), "contract": [n * 7919 for n in range(500)]}, "row"),
        ({"amount": range(0, 5000, 10), "ContractID": [n**3 for n in range(500)]}, "ContractID"),
        (
            {"customer_id": [n // 2 for n in range(500)], "text": [f"x{n}" for n in range(500)]},
            "text",
        ),
    ],
)
def test_the_key_is_unlike_in_each_row_and_named_as_one(newcomer, columns, key):
    frame = applications().drop(columns="loan_id")
    newcomer.write("sample.parquet", pd.concat([pd.DataFrame(columns), frame], axis=1))
    done = newcomer.draft(*SCORED)
    assert done.exit_code == 0, done.output
    assert newcomer.manifest()["batch"]["key"] == key


def test_scores_that_the_batch_does_not_have_are_asked_for(newcomer):
    newcomer.write(f"lake/{YESTERDAY}/part.parquet", applications(2).drop(columns="pd"))
    done = newcomer.draft(*SCORED)
    warning = f"the batch of {YESTERDAY} has no column pd: say in scoring.path where"
    assert warning in done.output
    assert warning in newcomer.text().replace("\n  # ", " ")


def test_days_before_the_first_partition_need_a_variable(newcomer):
    newcomer.write("lake/2016-02-29/part.parquet", applications(2))
    assert newcomer.draft(*SCORED).exit_code == 0
    assert str(newcomer.manifest()["deployed_at"]) == "2016-02-29"
    assert "MONITORING_START_DATE=2016-02-29" in newcomer.text()


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("lake/loans/{date}/", "loans/{date}/"),
        ("./lake/date={date}/*.parquet", "date={date}/*.parquet"),
        ("loans/{date}.parquet", "loans/{date}.parquet"),
        ("/elsewhere/{date}/", "/elsewhere/{date}/"),
        ("s3://lake/loans/{date}/", "s3://lake/loans/{date}/"),
    ],
)
def test_a_batch_in_the_lake_is_named_from_its_root(
    s3_lender, newcomer, given, written, monkeypatch
):
    import boto3

    monkeypatch.setenv("MONITORING_ALLOWED_PLACES", "/elsewhere")
    configuration = {"LocationConstraint": "eu-west-1"}
    if given.startswith("s3://"):
        boto3.client("s3").create_bucket(Bucket="lake", CreateBucketConfiguration=configuration)
    assert newcomer.draft(*SCORED, batch=given).exit_code == 0
    assert newcomer.manifest()["batch"]["path"] == written


NO_MODEL = "name the column of sample.parquet that holds the score with --score"


def test_files_in_csv_are_drafted_as_in_parquet(newcomer):
    """All but the types: CSV does not tell an integer from a double."""
    batch = applications(2).drop(columns=["pd", "bad"])
    newcomer.write(f"lake/{YESTERDAY}/rows.parquet", batch)
    assert newcomer.draft(*SCORED).exit_code == 0
    expected = newcomer.manifest()
    applications().to_csv("sample.csv", index=False)
    (newcomer.folder / f"lake/{YESTERDAY}/rows.parquet").unlink()
    batch.to_csv(f"lake/{YESTERDAY}/rows.csv", index=False)
    done = newcomer.draft(*SCORED, "--reference", "sample.csv", "--version", "2")
    assert done.exit_code == 0, done.output
    found = newcomer.manifest("registry/loans/2")
    for one in (*expected["features"]["columns"], *found["features"]["columns"]):
        one["type"] = one["type"].replace("int64", "double")
    assert found == expected | {"version": "2"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], [NO_MODEL, "columns of numbers: income, age, ratio, pd"]),
        (["--score", "p_d"], ["--score", "no column 'p_d' (did you mean 'pd'?); it has loan_id, "]),
        (["--score", "pd", "--outcome", "default"], ["--outcome", "no column 'default'; it has"]),
        (["--score", "pd", "--key", "id"], ["--key", "no batch is at {date}/ yet", "loan_id"]),
        (["--model", "none.onnx"], ["--model", "none.onnx: no such file"]),
        (["--model", "sample.parquet"], ["--model", "not an ONNX graph that can be run"]),
        (["--score", "pd", "--reference", "none.parquet"], ["--reference", "no such file"]),
        (["--score", "pd", "--reference", "."], ["--reference", ".: no such file"]),
        (
            ["--score", "pd", "--reference", "sample.xlsx"],
            ["--reference", "sample.xlsx: not a readable Parquet file", "allowed: Parquet, CSV"],
        ),
        (["--score", "pd", "--batch", "lake/"], ["--batch", "a path with {date}"]),
        (["--score", "pd", "--batch", "{date}.xlsx"], ["--batch", "a file in Parquet"]),
        (["--score", "pd", "--batch", "../{date}/"], ["batch.path", "does not leave its folder"]),
        (["--score", "pd", "--version", "1..2"], ["version: found '1..2'; allowed: text that"]),
        (
            ["--score", "pd", "--to", "mlflow+http://x"],
            ["--to", "allowed: s3://, file:// or a path"],
        ),
    ],
)
def test_input_that_cannot_be_used_is_named_and_nothing_is_written(newcomer, options, words):
    (newcomer.folder / "sample.xlsx").write_bytes(b"PK")
    done = newcomer.draft(*options)
    assert done.exit_code == 2
    shown = " ".join(done.stderr.split())
    for word in words:
        assert word in shown
    assert "Traceback" not in shown
    assert not (newcomer.folder / "registry" / "loans").exists()


def test_names_that_no_registry_takes_are_refused(newcomer):
    done = newcomer.draft("--score", "pd", name="PD Loans")
    assert done.exit_code == 2
    assert "name: found 'PD Loans'; allowed: text that matches" in done.stderr


def test_without_a_key_candidates_are_named(newcomer):
    frame = applications(size=90).drop(columns="loan_id").assign(contract=range(0, 90_000, 1000))
    newcomer.write("sample.parquet", frame)
    done = newcomer.draft(*SCORED)
    assert done.exit_code == 2
    assert "Invalid value for --key: no column of sample.parquet" in done.stderr
    assert done.stderr.rstrip().endswith("name one of contract")
    newcomer.write("sample.parquet", frame.drop(columns="contract"))
    without = newcomer.draft(*SCORED).stderr.rstrip()
    assert "deliver a batch that has it before the draft" in without
    assert without.endswith("name one of applied_at, income, age, ratio, channel, pd, bad")


def test_inputs_of_the_graph_that_the_sample_does_not_have_are_named(newcomer):
    newcomer.write("sample.parquet", rows(1).rename(columns={"region": "regions"}))
    (newcomer.folder / "m.onnx").write_bytes(sigmoid_of_log_income())
    done = newcomer.draft("--model", "m.onnx", "--score", "score")
    assert done.exit_code == 2
    assert "--model: sample.parquet has no column 'region' (did you mean 'regions'?)" in done.stderr


def test_a_sample_without_characteristics_says_what_its_columns_are(newcomer):
    newcomer.write("sample.parquet", applications()[["loan_id", "applied_at", "pd"]])
    done = newcomer.draft("--score", "pd")
    assert done.exit_code == 2
    assert "no column that can be a characteristic" in done.stderr
    assert "applied_at (date)" in done.stderr


def test_a_sample_that_no_day_could_use_is_drafted_and_not_valid(newcomer):
    newcomer.write("sample.parquet", applications().assign(bad="no"))
    done = newcomer.draft(*SCORED)
    assert done.exit_code == 2
    assert "reference.outcome: found bad of type" in done.output
    assert newcomer.columns == ["income", "age", "ratio", "channel"]


def test_a_batch_that_is_no_parquet_is_named(newcomer):
    (newcomer.folder / "lake" / str(YESTERDAY)).mkdir(parents=True)
    (newcomer.folder / "lake" / str(YESTERDAY) / "part.parquet").write_text("loan_id,income")
    done = newcomer.draft(*SCORED)
    assert done.exit_code == 2
    assert "--batch" in done.stderr
    assert f"{YESTERDAY}/part.parquet: not a readable Parquet file" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("format_", ["delta", "iceberg"])
def test_tables_of_versions(newcomer, tmp_path, format_):
    """The sample is a table; the batches are days of another."""
    lake, catalog = open_storage(str(newcomer.folder)), tmp_path / "catalog"
    write = partial(write_delta, lake) if format_ == "delta" else Icebergs(lake, catalog).write
    write("training", applications().drop(columns="applied_at"))
    for ago in (3, 1):
        batch = applications(ago, 300).drop(columns=["bad", "applied_at"])
        write("lake/loans", batch.assign(applied=days_ago(ago)))
    done = newcomer.draft(*("--reference", "training", *SCORED), batch="lake/loans/applied={date}")
    assert done.exit_code == 0, done.output
    manifest = newcomer.manifest()
    assert manifest["batch"] == {"path": "loans/applied={date}", "key": "loan_id"}
    assert manifest["scoring"]["path"] == "loans/applied={date}"
    assert manifest["deployed_at"] == days_ago(3)
    assert newcomer.columns == ["income", "age", "ratio", "channel"]
    assert f"batch of {days_ago(1)}" in done.output
