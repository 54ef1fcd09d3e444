"""Which columns go into which input of a graph."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from resources.scorers.base import ScoringError
from resources.scorers.onnx import open_graph
from resources.scorers.onnx_inputs import GraphInput, columns_by_input, graph_inputs
from tests.conftest import sigmoid_of_log_income
from tests.resources.scorers.bench import FEATURES
from tests.resources.scorers.test_onnx import ONNX, graph, identity, sum_of_columns

FLOAT, TEXT = "tensor(float)", "tensor(string)"


def one(name, columns=1, kind=FLOAT):
    return GraphInput(name, kind, columns)


def test_the_inputs_of_a_graph_are_told_with_their_columns():
    def told(model):
        return graph_inputs(open_graph(model))

    assert told(sum_of_columns(columns=3)) == [GraphInput("X", FLOAT, 3)]
    for shape in ([None, None], ["rows", "columns"], None):
        assert told(identity(TensorProto.STRING, shape)) == [GraphInput("X", TEXT, None)]
    for shape in ([None], ["rows"]):
        assert told(identity(TensorProto.STRING, shape)) == [GraphInput("X", TEXT, 1, True)]
    assert told(sigmoid_of_log_income()) == [one("income"), one("region", kind=TEXT)]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ([1, 2], r"input X takes 1 row and no other number \(its shape is \[1, 2\]\); export the"),
        ([5, 2], r"input X takes 5 rows and no other number .* None as the first dimension"),
        ([1], r"input X takes 1 row "),
        ([None, 2, 1], r"input X has the shape \[None, 2, 1\]; allowed: \[N\] or \[N, columns\]"),
    ],
)
def test_a_graph_that_takes_other_numbers_of_rows_is_refused_in_words(score, shape, said):
    # Also where the batch has just as many rows.
    for rows in (1, 5):
        with pytest.raises(ScoringError, match=said):
            score(ONNX, identity(TensorProto.FLOAT, shape), FEATURES.head(rows), rows_a_group=5)


@pytest.mark.parametrize(
    ("inputs", "columns", "expected"),
    [
        ([one("X", 2)], "ab", ["ab"]),
        ([one("X", None)], "ab", ["ab"]),
        ([one("X", None)], "a", ["a"]),
        ([one("X")], "a", ["a"]),
        ([one("a", 2)], "ab", ["ab"]),
        ([one("a", None)], "ab", ["ab"]),
        ([one("b"), one("a")], "ab", ["b", "a"]),
        # As scikit-learn's exporter writes a graph of numbers and texts.
        ([one("num", 2), one("cat", 1, TEXT)], "abc", ["ab", "c"]),
        ([one("num", 2), one("cat", 3, TEXT)], "abcde", ["ab", "cde"]),
        ([one("num", 2), one("b", 1, TEXT)], "abc", ["ac", "b"]),
    ],
)
def test_inputs_take_columns_by_name_then_by_place(inputs, columns, expected):
    taken = columns_by_input(inputs, tuple(columns))
    assert [graph_input for graph_input, _ in taken] == inputs
    assert ["".join(columns) for _, columns in taken] == expected


@pytest.mark.parametrize(
    ("names", "columns", "expected"),
    [
        (["debt_ratio", "_2nd_loan", "é+"], ["é+", "debt ratio", "2nd-loan"], [1, 2, 0]),
        (["a_b", "c"], ["a b", "c"], [0, 1]),
        # The column of that very name comes first, and two that are alike are none.
        (["a_b", "a b"], ["a b", "a_b"], [1, 0]),
        (["a_b", "c"], ["a-b", "a b", "c"], None),
        (["a_b", "a b"], ["a b", "c"], None),
    ],
)
def test_an_exporter_may_have_written_a_name_in_its_own_form(names, columns, expected):
    inputs = [one(name) for name in names]
    if expected is None:
        with pytest.raises(ScoringError, match=r"only in the graph \['a_b'\]"):
            columns_by_input(inputs, columns)
        return
    taken = [column for _, (column,) in columns_by_input(inputs, columns)]
    assert taken == [columns[place] for place in expected]


@pytest.mark.parametrize(
    ("inputs", "columns", "said"),
    [
        ([one("a"), one("x")], "ab", r"only in the graph \['x'\], only in the manifest \['b'\]"),
        ([one("a"), one("b")], "abc", r"only in the graph \[\], only in the manifest \['c'\]"),
        ([one("x", 2)], "abc", r"found 3 \(a, b, c\) for the ONNX graph's inputs x \[N, 2\]; all"),
        ([one("x")], "ab", r"found 2 \(a, b\) for the ONNX graph's inputs x \[N, 1\]"),
        ([one("x", 2), one("y", 2)], "abc", r"inputs x \[N, 2\], y \[N, 2\]"),
        ([one("x", 2), one("y", None)], "abc", r"inputs x \[N, 2\], y \[N, \?\]"),
        ([one("x", 2), one("c")], "c", r"found 0 \(none\) for the ONNX graph's inputs x \[N, 2\]"),
        ([one("x", 2)] * 0, "a", r"found 1 \(a\) for the ONNX graph's inputs none"),
    ],
)
def test_inputs_that_do_not_come_out_even_are_refused(inputs, columns, said):
    with pytest.raises(ScoringError, match=said):
        columns_by_input(inputs, tuple(columns))


def test_a_graph_may_take_columns_without_a_second_dimension(score):
    node = helper.make_node("Add", ["income", "age"], ["sum"])
    inputs = [(name, TensorProto.FLOAT, [None]) for name in ("age", "income")]
    found = score(ONNX, graph([node], inputs, [("sum", TensorProto.FLOAT, [None])]))
    assert found == pytest.approx((FEATURES["income"] + FEATURES["age"]).tolist(), nan_ok=True)


def test_a_missing_text_is_what_the_manifest_says(score):
    node = helper.make_node(
        "LabelEncoder",
        ["region"],
        ["code"],
        domain="ai.onnx.ml",
        keys_strings=["", "nan", "n"],
        values_floats=[1.0, 2.0, 3.0],
    )
    shapes = [("region", TensorProto.STRING, [None, 1])], [("code", TensorProto.FLOAT, [None, 1])]
    features = FEATURES.assign(region=["n", None, "n", np.nan, "n"])
    for section, missing in ((ONNX, 1.0), (ONNX | {"missing_text": "nan"}, 2.0)):
        found = score(section, graph([node], *shapes), features, ("region",))
        assert found == [3.0, missing, 3.0, missing, 3.0]
