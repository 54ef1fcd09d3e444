"""Flavour ``onnx``: real graphs."""

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from resources.scorers.base import ScoringError
from resources.scorers.onnx import OnnxScoring
from tests.conftest import sigmoid_of_log_income
from tests.resources.scorers.bench import FEATURES, scorer_of
from tests.resources.scorers.contract import ScorerContract


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
        (
            sum_of_columns(columns=3),
            {},
            r"features.columns: found 2 \(income, age\) for the ONNX graph's inputs X \[N, 3\]",
        ),
        (identity(TensorProto.FLOAT16, [None, 2]), {}, r"input X is a tensor\(float16\), not tens"),
        (identity(TensorProto.FLOAT, [None, 2]), {"output_column": 2}, "found 2; Y has 2 columns"),
        (identity(TensorProto.STRING, [None, 2]), {}, "Y is neither a tensor of numbers nor a Zip"),
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


def test_onnx_needs_every_characteristic(score):
    with pytest.raises(ScoringError, match="the features have no column age"):
        score(ONNX, sum_of_columns(), FEATURES.drop(columns="age"))


def test_a_text_where_the_graph_takes_a_number_is_refused_without_showing_it(score):
    features = FEATURES.assign(income=["12 Main Street"] * 5)
    with pytest.raises(ScoringError, match=r"income: (large_)?string does not fit") as raised:
        score(ONNX, sum_of_columns(), features)
    assert "Main Street" not in str(raised.value)


class TestContract(ScorerContract):
    scorer = OnnxScoring

    def land(self, lender, features):
        return ONNX | {"output_column": 1}, identity(TensorProto.FLOAT, [None, 2])

    def land_short(self, lender, features):
        one = helper.make_tensor("one", TensorProto.INT64, [1], [1])
        zero = helper.make_tensor("zero", TensorProto.INT64, [1], [0])
        node = helper.make_node("Slice", ["X", "zero", "one"], ["Y"])
        shapes = ("X", TensorProto.FLOAT, [None, 2]), ("Y", TensorProto.FLOAT, [None, 2])
        return ONNX, graph([node], shapes[:1], shapes[1:], [zero, one])


def loop_without_end():
    """A graph that adds up its input 2^62 times."""

    def tensor(name, kind, shape):
        return helper.make_tensor_value_info(name, kind, shape)

    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still_going"]),
            helper.make_node("Add", ["sum", "x"], ["more"]),
        ],
        "body",
        [
            tensor("number", TensorProto.INT64, []),
            tensor("going", TensorProto.BOOL, []),
            tensor("sum", TensorProto.FLOAT, [None, 1]),
        ],
        [
            tensor("still_going", TensorProto.BOOL, []),
            tensor("more", TensorProto.FLOAT, [None, 1]),
        ],
    )
    times = helper.make_tensor("times", TensorProto.INT64, [], [2**62])
    yes = helper.make_tensor("yes", TensorProto.BOOL, [], [True])
    loop = helper.make_node("Loop", ["times", "yes", "x"], ["score"], body=body)
    return graph_of([loop], [times, yes])


def expand_to(rows):
    """A graph that makes so many rows of one, and takes their mean."""
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["one"], keepdims=1),
        helper.make_node("Expand", ["one", "shape"], ["many"]),
        helper.make_node("ReduceMean", ["many"], ["mean"], keepdims=1),
        helper.make_node("Add", ["x", "mean"], ["score"]),
    ]
    shape = helper.make_tensor("shape", TensorProto.INT64, [2], [rows, 1])
    return graph_of(nodes, [shape])


def graph_of(nodes, initializers):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])
    graph = helper.make_graph(nodes, "endless", [x], [score], initializers)
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


@pytest.mark.parametrize(
    ("graph", "seconds", "said"),
    [
        (loop_without_end(), "1", r"^the ONNX graph took longer than 1 s and was ended"),
        (expand_to(3_000_000_000), "60", r"^the ONNX graph took more than 1,000 MiB of memory"),
    ],
)
def test_a_graph_without_end_or_of_any_size_is_ended(
    lender, tmp_path, monkeypatch, graph, seconds, said
):
    monkeypatch.setenv("MONITORING_MAX_SECONDS", seconds)
    monkeypatch.setenv("MONITORING_MAX_MEMORY", "1000Mi")
    score = scorer_of(lender, tmp_path)
    with pytest.raises(ScoringError, match=said):
        score({"flavour": "onnx"}, graph, columns=("age",))
