"""Which output of a graph, and which part of it, is the score."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from resources.scorers.base import ScoringError
from resources.scorers.onnx_outputs import score_output, scores


def session(**outputs):
    listed = [SimpleNamespace(name=name, shape=shape) for name, shape in outputs.items()]
    return SimpleNamespace(get_outputs=lambda: listed)


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({"label": [None], "probabilities": [None, 2]}, "probabilities"),
        # LightGBM's exporter says 1; scikit-learn's adds the classes where it is asked to.
        ({"label": [1], "probabilities": []}, "probabilities"),
        ({"label": [None], "probabilities": ["N", 2], "class_labels": [2]}, "probabilities"),
        ({"score": [1]}, "score"),
        ({"score": [2]}, "score"),
    ],
)
def test_the_score_is_the_last_output_of_rows(outputs, expected):
    assert score_output(session(**outputs), None) == expected
    assert score_output(session(**outputs), next(iter(outputs))) == next(iter(outputs))


def test_an_output_that_the_graph_lacks_is_refused():
    with pytest.raises(ScoringError, match="found 'p'; the graph has label, pd"):
        score_output(session(label=[None], pd=[None, 2]), "p")


NUMBERS = [{0: 0.9, 1: 0.1}, {0: 0.3, 1: 0.7}]
TEXTS = [{"good": 0.9, "bad": 0.1}, {"good": 0.3, "bad": 0.7}]


@pytest.mark.parametrize(
    ("result", "column", "label", "expected"),
    [
        (np.array([1.0, 2.0]), -1, None, [1.0, 2.0]),
        (np.array([[1.0], [2.0]]), -1, None, [1.0, 2.0]),
        (np.array([[0.9, 0.1], [0.3, 0.7]]), -1, None, [0.1, 0.7]),
        (np.array([[0.9, 0.1], [0.3, 0.7]]), 0, None, [0.9, 0.3]),
        (NUMBERS, -1, None, [0.1, 0.7]),
        (NUMBERS, 0, None, [0.9, 0.3]),
        (NUMBERS, -1, "0", [0.9, 0.3]),
        ([{2: 0.1, 1: 0.9}, {2: 0.7, 1: 0.3}], -1, None, [0.1, 0.7]),
        (TEXTS, -1, "bad", [0.1, 0.7]),
        (TEXTS, -1, "good", [0.9, 0.3]),
    ],
)
def test_the_score_is_a_column_or_a_class(result, column, label, expected):
    assert scores(result, "out", 2, column, label).tolist() == expected


@pytest.mark.parametrize(
    ("result", "column", "label", "said"),
    [
        (TEXTS, -1, None, "output_class: found nothing; out has the classes bad, good: say whose"),
        (TEXTS, 1, None, "output_class: found nothing; out has the classes bad, good: say whose"),
        (TEXTS, -1, "Bad", "output_class: found 'Bad'; out has the classes bad, good"),
        (NUMBERS, -1, "bad", "output_class: found 'bad'; out has the classes 0, 1"),
        (NUMBERS, 2, None, "output_column: found 2; out has 2 classes"),
        (NUMBERS[:1], -1, None, "scores of shape (1,) for 2 rows"),
        (np.ones((2, 2)), -1, "bad", "output_class: found 'bad'; out has no labels: give the"),
        (np.ones((2, 2)), 2, None, "output_column: found 2; out has 2 columns"),
        (np.ones((3, 2)), 1, None, "scores of shape (3,) for 2 rows"),
        (np.ones((2, 2, 2)), 1, None, "scores of shape (2, 2, 2) for 2 rows"),
        (np.array(["a", "b"]), 0, None, "out is neither a tensor of numbers nor a ZipMap's"),
        ([1.0, 2.0], 0, None, "out is neither a tensor of numbers nor a ZipMap's"),
    ],
)
def test_an_output_that_is_no_score_is_refused(result, column, label, said):
    with pytest.raises(ScoringError, match=re.escape(said)):
        scores(result, "out", 2, column, label)


def test_no_rows_have_no_scores():
    assert scores([], "out", 0, -1, None).tolist() == []
