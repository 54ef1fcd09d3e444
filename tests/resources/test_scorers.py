"""Scorers: one score for every row from real graphs and programs, or a failure that says why."""

import datetime as dt
import hashlib
import os
import sys
import time
from pathlib import Path

import dagster as dg
import numpy as np
import onnx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from onnx import TensorProto, helper

from resources.manifest import Manifest
from resources.scorers.base import FeatureFile, ScoringError
from resources.scoring import score_features
from resources.storage import open_storage
from resources.store import Landed
from tests.conftest import YESTERDAY, job, onboard, rows, sigmoid_of_log_income

FEATURES = pd.DataFrame(
    {
        "loan_id": ["a", "b", "c", "d", "e"],
        "income": [20_000.0, 30_000.0, None, 50_000.0, 10_000.0],
        "age": [1.0, 2.0, 3.0, 4.0, 5.0],
    }
)


@pytest.fixture
def score(lender, tmp_path):
    """Score a frame at a local lender."""
    return scorer_of(lender, tmp_path)


@pytest.fixture
def score_anywhere(any_lender, tmp_path):
    """Score a frame at a local lender, then at one on S3."""
    return scorer_of(any_lender, tmp_path)


def scorer_of(lender, tmp_path):
    """Score a frame with an artefact in the registry; the scores by key, or what was raised."""

    def score(scoring, artefact=b"", features=FEATURES, columns=("income", "age"), rows_a_group=2):
        storage = open_storage(lender.registry.root)
        storage.write("pd_cards/1/model", artefact)
        if scoring["flavour"] not in ("scored", "image"):
            sha256 = hashlib.sha256(artefact).hexdigest()
            scoring = {"artefact": "model", "sha256": sha256} | scoring
        fields = lender.manifest(
            "pd_cards", "1", scoring=scoring, features={"columns": list(columns)}
        )
        landed = Landed(
            manifest=Manifest.model_validate(fields),
            folder="pd_cards/1",
            landed_at=dt.datetime.now(dt.UTC),
        )
        path, output = tmp_path / "features.parquet", tmp_path / "scores.parquet"
        table = features if isinstance(features, pa.Table) else pa.Table.from_pandas(features)
        pq.write_table(table, path, row_group_size=rows_a_group)
        raised = []

        @dg.asset
        def scored(context: dg.AssetExecutionContext):
            file = FeatureFile(path, "loan_id", tuple(columns))
            args = (file, landed, YESTERDAY, *lender.resources.values(), output, context)
            try:
                score_features(*args)
            except Exception as error:
                raised.append(error)
            return dg.MaterializeResult()

        with dg.DagsterInstance.ephemeral() as instance:
            assert dg.materialize([scored], instance=instance).success
        if raised:
            raise raised[0]
        written = pq.ParquetFile(output)
        assert written.schema_arrow.names == ["loan_id", "score"]
        groups = [written.metadata.row_group(i).num_rows for i in range(written.num_row_groups)]
        source = pq.ParquetFile(path).metadata
        assert groups == [source.row_group(i).num_rows for i in range(source.num_row_groups)]
        found = written.read().to_pydict()
        assert found["loan_id"] == table["loan_id"].to_pylist()
        return found["score"]

    return score


def graph(nodes, inputs, outputs, constants=()):
    """A serialised ONNX graph; inputs and outputs are (name, type, shape)."""
    infos = [
        [helper.make_tensor_value_info(*item) for item in items] for items in (inputs, outputs)
    ]
    made = helper.make_graph(nodes, "model", *infos, list(constants))
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return onnx.helper.make_model(made, opset_imports=opset, ir_version=9).SerializeToString()


def sum_of_columns(kind=TensorProto.FLOAT, columns=2):
    node = helper.make_node("ReduceSum", ["X", "axis"], ["sum"], keepdims=0)
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [1])
    return graph([node], [("X", kind, [None, columns])], [("sum", kind, [None])], [axis])


def identity(kind, shape, output_shape=None):
    node = helper.make_node("Identity", ["X"], ["Y"])
    return graph([node], [("X", kind, shape)], [("Y", kind, output_shape or shape)])


ONNX = {"flavour": "onnx", "range": [-1e9, 1e9]}


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.DOUBLE])
def test_onnx_takes_one_tensor_in_the_manifests_order(score_anywhere, kind):
    found = score_anywhere(ONNX, sum_of_columns(kind))
    assert found[:2] == [20_001.0, 30_002.0]
    assert np.isnan(found[2])
    assert found[3:] == [50_004.0, 10_005.0]


def test_onnx_takes_one_input_for_each_characteristic_by_its_name(score):
    features = FEATURES.assign(region=["n", None, "s", "s", "w"]).drop(columns="age")
    # The order of the manifest is not that of the graph.
    found = score(ONNX, sigmoid_of_log_income(), features, ("region", "income"))
    expected = 1 / (1 + np.exp(np.log(features["income"]) - 10))
    assert np.isnan(found[2])
    assert found == pytest.approx(expected.tolist(), rel=1e-5, nan_ok=True)


@pytest.mark.parametrize("name", ["X", "income"])
def test_onnx_takes_a_single_characteristic_under_any_name(score, name):
    node = helper.make_node("Neg", [name], ["out"])
    model = graph(
        [node], [(name, TensorProto.FLOAT, [None, 1])], [("out", TensorProto.FLOAT, [None, 1])]
    )
    assert score(ONNX, model, columns=("income",))[0] == -20_000.0


@pytest.mark.parametrize(
    ("column", "expected"), [(0, FEATURES["income"]), (1, FEATURES["age"]), (-1, FEATURES["age"])]
)
def test_onnx_takes_the_column_of_the_output_that_is_the_score(score, column, expected):
    model = identity(TensorProto.FLOAT, [None, 2])
    found = score(ONNX | {"output_column": column}, model)
    assert found == pytest.approx(expected.tolist(), nan_ok=True)


def test_onnx_takes_the_output_that_is_named(score):
    nodes = [helper.make_node("Neg", ["X"], ["minus"]), helper.make_node("Abs", ["X"], ["plus"])]
    shapes = [(name, TensorProto.FLOAT, [None, 2]) for name in ("minus", "plus")]
    model = graph(nodes, [("X", TensorProto.FLOAT, [None, 2])], shapes)
    assert score(ONNX | {"output": "minus"}, model)[0] == -1.0
    assert score(ONNX, model)[0] == 1.0
    with pytest.raises(ScoringError, match="found 'other'; the graph has minus, plus"):
        score(ONNX | {"output": "other"}, model)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, 2, 3, 4, 5], pa.int32()),
        pa.array([True, False, True, True, False]),
        pa.array([1, 2, 3, 4, 5]).cast(pa.decimal128(22, 2)),
        pa.array([1.0, 2.0, 2.0, 2.0, 1.0]).dictionary_encode(),
    ],
    ids=lambda values: str(values.type),
)
def test_onnx_takes_numbers_of_any_type(score, values):
    table = pa.table({"loan_id": FEATURES["loan_id"], "income": values})
    found = score(ONNX, identity(TensorProto.FLOAT, [None, 1]), table, ("income",))
    plain = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    assert found == [float(value) for value in plain.to_pylist()]


@pytest.mark.parametrize("rows_a_group", [1, 5])
def test_onnx_gives_the_same_scores_whatever_the_row_groups(score, rows_a_group):
    assert score(ONNX, sum_of_columns(), rows_a_group=rows_a_group)[3] == 50_004.0


def test_onnx_scores_no_rows(score):
    assert score(ONNX, sum_of_columns(), FEATURES.head(0).astype({"income": "float64"})) == []


@pytest.mark.parametrize(
    ("model", "changes", "said"),
    [
        (b"not a graph", {}, "is not an ONNX graph that can be run"),
        (sigmoid_of_log_income(), {}, r"only in the graph \['region'\], only in the manif.*'age'"),
        (sum_of_columns(columns=3), {}, "the ONNX graph failed: .*X"),
        (identity(TensorProto.FLOAT16, [None, 2]), {}, r"input X is a tensor\(float16\), not tens"),
        (identity(TensorProto.FLOAT, [None, 2]), {"output_column": 2}, "found 2; Y has 2 columns"),
        (identity(TensorProto.STRING, [None, 2]), {}, "Y is no tensor of numbers"),
        (identity(TensorProto.INT64, [None, 2]), {}, r"income: 1 values are missing.*int64"),
    ],
)
def test_onnx_that_does_not_fit_says_why(score, model, changes, said):
    with pytest.raises(ScoringError, match=said):
        score(ONNX | changes, model)


def test_onnx_that_loses_rows_is_refused(score):
    one = helper.make_tensor("one", TensorProto.INT64, [1], [1])
    zero = helper.make_tensor("zero", TensorProto.INT64, [1], [0])
    node = helper.make_node("Slice", ["X", "zero", "one"], ["Y"])
    shapes = ("X", TensorProto.FLOAT, [None, 2]), ("Y", TensorProto.FLOAT, [None, 2])
    with pytest.raises(ScoringError, match=r"scores of shape \(1,\) for 2 rows"):
        score(ONNX, graph([node], shapes[:1], shapes[1:], [zero, one]))


def test_onnx_with_a_zip_map_is_refused_with_advice(score):
    nodes = [
        helper.make_node("Softmax", ["X"], ["p"]),
        helper.make_node("ZipMap", ["p"], ["Z"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]),
    ]
    infos = helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 2])
    kind = helper.make_sequence_type_proto(
        helper.make_map_type_proto(
            TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, [])
        )
    )
    made = helper.make_graph(nodes, "m", [infos], [helper.make_value_info("Z", kind)])
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = onnx.helper.make_model(made, opset_imports=opset, ir_version=9).SerializeToString()
    with pytest.raises(ScoringError, match="without ZipMap"):
        score(ONNX, model)


def test_onnx_needs_every_characteristic(score):
    with pytest.raises(ScoringError, match="the features have no column age"):
        score(ONNX, sum_of_columns(), FEATURES.drop(columns="age"))


def test_a_text_where_the_graph_takes_a_number_is_refused_without_showing_it(score):
    features = FEATURES.assign(income=["12 Main Street"] * 5)
    with pytest.raises(ScoringError, match=r"income: (large_)?string does not fit") as raised:
        score(ONNX, sum_of_columns(), features)
    assert "Main Street" not in str(raised.value)


COMMAND = {"flavour": "command", "command": [sys.executable, "{artefact}", "{input}", "{output}"]}
READ = "import sys\nimport pyarrow as pa, pyarrow.parquet as pq\nt = pq.read_table(sys.argv[1])\n"
WRITE = "pq.write_table(t, sys.argv[2])\n"


def program(body):
    return (READ + body + WRITE).encode()


SCORED = "t = pa.table({'loan_id': t['loan_id'], 'score': t['age']})\n"


def test_a_program_is_told_where_to_read_and_write(score_anywhere):
    assert score_anywhere(COMMAND, program(SCORED)) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_program_that_knows_of_pipes_is_told_more_and_logs(score, capfd):
    source = b"""
import pyarrow as pa, pyarrow.parquet as pq
from dagster_pipes import open_dagster_pipes
with open_dagster_pipes() as pipes:
    told = pipes.extras
    t = pq.read_table(told["input"], columns=[told["key"], *told["characteristics"]])
    pipes.log.info(f"scoring {len(t)} rows of {told['characteristics']}")
    pq.write_table(pa.table({told["key"]: t[told["key"]], "score": t["age"]}), told["output"])
"""
    assert score(COMMAND, source) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert "scoring 5 rows of ['income', 'age']" in capfd.readouterr().err


def test_a_program_may_write_in_another_order_and_more_columns(score):
    body = "t = pa.table({'loan_id': t['loan_id'], 'pd': t['age'], 'grade': t['age']})\n"
    body += "t = t.take([4, 2, 0, 1, 3])\n"
    assert score(COMMAND | {"score": "pd"}, program(body)) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_score_that_is_missing_stays_missing(score):
    assert score(COMMAND, program(SCORED.replace("age", "income")))[2] is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (SCORED + "t = t.slice(1)\n", "4 rows scored; the features have 5"),
        (SCORED + "t = pa.concat_tables([t, t])\n", "10 rows scored; the features have 5"),
        (SCORED + "t = t.take([0, 1, 2, 3, 3])\n", "1 rows without a score"),
        (SCORED.replace("t['loan_id']", "pa.array(list('abcdx'))"), "1 rows without a score"),
        (SCORED.replace("t['loan_id']", "pa.array([1, 2, 3, 4, 5])"), "5 rows without a score"),
        (SCORED.replace("t['loan_id']", "pa.array([[1]] * 5)"), r"key 'loan_id' is list<"),
        (SCORED.replace("'score'", "'pd'"), r"no column \['score'\], or not just"),
        (SCORED.replace("t['age']", "pa.array(['high'] * 5)"), "score is string, not a number"),
        ("sys.exit()\n", r"succeeded but wrote no \{output\} file"),
        (
            "open(sys.argv[2], 'w').write('done')\nsys.exit()\n",
            r"the \{output\} of .*: not a readable Parquet",
        ),
    ],
    ids=[
        "too few rows",
        "too many rows",
        "a key twice",
        "an unknown key",
        "keys of another type",
        "keys that are no values",
        "no score",
        "a score that is text",
        "no output",
        "an output that is not Parquet",
    ],
)
def test_a_program_that_does_not_give_one_score_for_each_row_is_refused(score, body, said):
    with pytest.raises(ScoringError, match=said):
        score(COMMAND, program(body))


def test_keys_scored_twice_are_refused(score):
    features = FEATURES.assign(loan_id=list("abcda"))
    body = SCORED + "t = t.take([4, 3, 2, 1, 0])\n"
    with pytest.raises(ScoringError, match="some keys are scored twice"):
        score(COMMAND, program(body), features)


def test_a_program_that_fails_shows_the_end_of_its_own_stderr(score):
    body = "for n in range(100): print('line', n, file=sys.stderr)\nraise KeyError('grade')\n"
    with pytest.raises(ScoringError) as raised:
        score(COMMAND, program(body))
    said = str(raised.value)
    assert "ended with code 1; its stderr:" in said
    assert said.rstrip().endswith("KeyError: 'grade'")
    assert "line 99" in said
    assert "line 1\n" not in said


def test_a_program_that_fails_in_silence_is_said_to(score):
    with pytest.raises(ScoringError, match=r"ended with code 3; its stderr:\n\(nothing on stderr"):
        score(COMMAND, b"import sys; sys.exit(3)")


def test_a_program_that_cannot_be_started_is_named(score):
    with pytest.raises(ScoringError, match="'no-such-program' cannot be started"):
        score(COMMAND | {"command": ["no-such-program", "{input}"]})


def test_a_program_that_takes_too_long_ends_with_its_children(score, tmp_path):
    pids = tmp_path / "pids"
    source = f"""
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(pids)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(600)
"""
    with pytest.raises(ScoringError, match="ran longer than 2 s"):
        score(COMMAND | {"timeout_seconds": 2}, source.encode())
    end = time.monotonic() + 30
    while any(map(is_running, pids.read_text().split())):
        assert time.monotonic() < end, "the program or its child is still there"
        time.sleep(0.05)


def is_running(pid):
    """Whether a process is there and has not ended; nobody may have waited for it yet."""
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_what_a_program_reports_is_metadata_of_the_scores(lender, instance):
    source = program(
        "from dagster_pipes import open_dagster_pipes\n"
        "with open_dagster_pipes() as pipes:\n"
        "    pipes.report_asset_materialization(metadata={'trees': 12})\n"
        "t = t.append_column('age', pa.array([0.5] * len(t)))\n" + SCORED
    )
    lender.publish(
        reference={"path": "reference.parquet", "score": "score"},
        scoring=COMMAND | {"artefact": "score.py", "sha256": hashlib.sha256(source).hexdigest()},
    )
    open_storage(lender.registry.root).write("pd_cards/1/score.py", source)
    lender.deliver(YESTERDAY, rows(1))
    onboard(lender, instance)
    assert run_day(lender, instance).success
    (record,) = instance.fetch_materializations(dg.AssetKey("scores"), limit=1).records
    assert record.asset_materialization.metadata["model/trees"].value == 12


IMAGE = {
    "flavour": "image",
    "image": f"lender.example/pd_cards@sha256:{'0' * 64}",
    "command": ["score", "{input}", "{output}"],
}


def test_a_container_is_not_run_where_there_is_no_kubernetes(score, monkeypatch):
    for name in ("KUBERNETES_SERVICE_HOST", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ScoringError, match=r"scoring.flavour: found 'image'.* set KUBECONFIG"):
        score(IMAGE)


SCORES = {"flavour": "scored", "path": "scores/{date}/"}


def deliver_scores(lender, *frames):
    for number, frame in enumerate(frames):
        path = f"scores/{YESTERDAY}/part-{number}.parquet"
        lender.put(open_storage(lender.lake.root), path, frame)


def test_scores_of_production_are_put_beside_the_features(any_lender, score_anywhere):
    frame = pd.DataFrame({"loan_id": list("edcba"), "score": [5, 4, 3, 2, 1], "day": YESTERDAY})
    deliver_scores(any_lender, frame.head(2), frame.tail(3))
    assert score_anywhere(SCORES) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_scores_of_production_that_are_not_there_or_do_not_fit_are_named(
    any_lender, score_anywhere
):
    with pytest.raises(Exception, match=f"no Parquet file at .*scores/{YESTERDAY}/"):
        score_anywhere(SCORES)
    deliver_scores(any_lender, pd.DataFrame({"loan_id": list("abcde"), "pd": 0.5}))
    with pytest.raises(ScoringError, match=r"part-0.parquet: no column \['score'\]"):
        score_anywhere(SCORES)
    deliver_scores(any_lender, pd.DataFrame({"loan_id": list("abcde"), "score": "high"}))
    with pytest.raises(ScoringError, match=r"part-0.parquet: score is .*string, not a number"):
        score_anywhere(SCORES)
    deliver_scores(any_lender, pd.DataFrame({"loan_id": list("abcd"), "score": 0.5}))
    with pytest.raises(ScoringError, match=r"part-0.parquet: 4 rows scored; the features have 5"):
        score_anywhere(SCORES)


def test_score_files_whose_numbers_and_keys_differ_in_width_are_one(any_lender, score_anywhere):
    features = FEATURES.assign(loan_id=[1, 2, 3, 4, 5])
    frames = [
        pd.DataFrame({"loan_id": np.array([5, 4, 3], "int32"), "score": np.float32([5, 4, 3])}),
        pd.DataFrame({"loan_id": [1, 2], "score": [1.0, 2.0], "why": ["a", "b"]}),
    ]
    deliver_scores(any_lender, *frames)
    assert score_anywhere(SCORES, features=features) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_score_file_that_cannot_be_read_is_named(any_lender, score_anywhere):
    frame = pd.DataFrame({"loan_id": list("abcde"), "score": 0.5})
    deliver_scores(any_lender, frame, frame)
    lake = open_storage(any_lender.lake.root)
    path = f"scores/{YESTERDAY}/part-1.parquet"
    whole = lake.read(path)
    # No file of Parquet at all; a good footer over pages that are not.
    for broken in (b"junk", b"", b"PAR1" + bytes(200) + whole[204:]):
        lake.write(path, broken)
        with pytest.raises(ScoringError, match=r"part-1.parquet: not a readable Parquet file"):
            score_anywhere(SCORES)


@pytest.mark.parametrize("flavour", [ONNX, COMMAND])
def test_a_tampered_artefact_is_never_run(score, flavour, tmp_path):
    ran = tmp_path / "ran"
    source = program(f"open({str(ran)!r}, 'w')\n" + SCORED)
    with pytest.raises(ScoringError, match=f"has SHA-256 .*; the manifest says {'0' * 64}"):
        score(flavour | {"sha256": "0" * 64}, source)
    assert not ran.exists()


def test_an_artefact_that_changes_after_landing_fails_the_day_and_is_not_run(lender, instance):
    lender.publish()
    lender.deliver(YESTERDAY)
    onboard(lender, instance)
    open_storage(lender.registry.root).write("pd_cards/1/model.onnx", sum_of_columns())
    result = run_day(lender, instance)
    assert "model.onnx has SHA-256" in failure(result)
    assert not lender.store.has("scores", "pd_cards.1", YESTERDAY)


def test_the_failed_run_of_a_program_shows_its_stderr(lender, instance):
    source = program("if len(t) < 1000: raise ValueError('no model for the south')\n" + SCORED)
    source = source.replace(b"t['age']", b"pa.array([0.5] * len(t))")
    lender.publish(
        reference={"path": "reference.parquet", "score": "score"},
        scoring=COMMAND | {"artefact": "score.py", "sha256": hashlib.sha256(source).hexdigest()},
    )
    open_storage(lender.registry.root).write("pd_cards/1/score.py", source)
    lender.deliver(YESTERDAY, rows(1))
    onboard(lender, instance)
    assert "ValueError: no model for the south" in failure(run_day(lender, instance))
    assert not lender.store.has("scores", "pd_cards.1", YESTERDAY)


def run_day(lender, instance):
    return job("monitor_day", lender).execute_in_process(
        instance=instance, partition_key=f"{YESTERDAY}|pd_cards.1", raise_on_error=False
    )


def failure(result):
    (event,) = (event for event in result.all_events if event.is_step_failure)
    return event.step_failure_data.user_failure_data.description
