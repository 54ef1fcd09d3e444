"""Models as the exporters of their libraries write them: the product's score is the library's."""

import numpy as np
import onnxmltools
import pandas as pd
import pytest
from onnxmltools.convert.common.data_types import FloatTensorType as OtherFloatTensorType
from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
from skl2onnx import to_onnx, update_registered_converter
from skl2onnx.common.data_types import (
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from resources.scorers.base import ScoringError
from tests.resources.scorers.bench import scorer_of

try:
    # Both want the library of OpenMP, which a system may lack.
    import lightgbm as lgb
    import xgboost as xgb
except OSError as error:
    pytest.skip(f"{error}: install libgomp1", allow_module_level=True)


NUMBERS = ["income", "utilisation", "months"]
COLUMNS = [*NUMBERS, "region"]
ONNX = {"flavour": "onnx"}
# Of a classifier that is not scikit-learn's own, in a pipeline of scikit-learn.
OPTIONS = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
# onnxmltools has converters up to this one.
OPSET = {"": 15, "ai.onnx.ml": 3}
for classifier, convert in (
    (lgb.LGBMClassifier, convert_lightgbm),
    (xgb.XGBClassifier, convert_xgboost),
):
    update_registered_converter(
        classifier,
        f"Other{classifier.__name__}",
        calculate_linear_classifier_output_shapes,
        convert,
        options=OPTIONS,
    )


def applications(seed, rows=600):
    """Applications with missing numbers, whose numbers are floats of 32 bits."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "loan_id": [f"L{n}" for n in range(rows)],
            "income": random.lognormal(10, 0.5, rows).astype(np.float32).astype(float),
            "utilisation": random.random(rows).astype(np.float32).astype(float),
            "months": random.integers(0, 300, rows),
            "region": pd.Series(random.choice(list("nsew"), rows), dtype=object),
        }
    )
    odds = np.log(frame["income"]) - 10 - 2 * frame["utilisation"] + (frame["region"] == "n")
    frame["bad"] = (random.random(rows) < 1 / (1 + np.exp(odds))).astype(int)
    frame.loc[::7, "income"] = np.nan
    frame.loc[::5, "utilisation"] = np.nan
    return frame


SAMPLE = applications(1)
BATCH = applications(2, 50)
BATCH.loc[3, "region"] = "moon"  # no category of the sample


@pytest.fixture
def score(lender, tmp_path):
    """Scores of BATCH by a graph, in its order."""
    scored = scorer_of(lender, tmp_path)

    def run(graph, columns=COLUMNS, features=BATCH, **section):
        content = graph.SerializeToString()
        return scored(ONNX | section, content, features, tuple(columns), rows_a_group=20)

    return run


def pipeline(estimator, labels=(0, 1), *, numbers=None):
    """Categories beside numbers, which have missing values."""
    if numbers is None:
        numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = [("numbers", numbers, NUMBERS), ("texts", encoder, ["region"])]
    made = make_pipeline(ColumnTransformer(columns, sparse_threshold=0), estimator)
    return made.fit(SAMPLE[COLUMNS], np.array(labels)[SAMPLE["bad"]])


def one_input_a_column(rows=None, number=FloatTensorType):
    return [
        ("income", number([rows, 1])),
        ("utilisation", number([rows, 1])),
        ("months", Int64TensorType([rows, 1])),
        ("region", StringTensorType([rows, 1])),
    ]


@pytest.fixture(scope="module")
def logistic():
    return pipeline(LogisticRegression())


def trees(kind):
    if kind == "lightgbm":
        return lgb.LGBMClassifier(n_estimators=30, verbose=-1, n_jobs=1)
    return xgb.XGBClassifier(n_estimators=30, n_jobs=1)


def of_class(model, place=1, features=BATCH, columns=COLUMNS):
    return pytest.approx(model.predict_proba(features[columns])[:, place], abs=1e-6)


@pytest.mark.parametrize(
    "options",
    [{}, {"zipmap": False}, {"zipmap": "columns"}, {"zipmap": False, "output_class_labels": True}],
    ids=["a map a row", "probabilities", "an output a class", "the classes last"],
)
@pytest.mark.parametrize("kind", ["scikit-learn", "lightgbm", "xgboost"])
def test_a_pipeline_with_an_input_for_each_column(score, logistic, kind, options):
    model = logistic
    if kind != "scikit-learn":
        if "output_class_labels" in options:
            pytest.skip("an option of scikit-learn's own classifiers")
        model = pipeline(trees(kind), numbers="passthrough")
    graph = to_onnx(
        model,
        initial_types=one_input_a_column(),
        options={id(model): options} if options else None,
        target_opset=OPSET,
    )
    assert score(graph) == of_class(model)
    # By name, so the manifest's order is its own.
    assert score(graph, COLUMNS[::-1]) == of_class(model)


def test_a_pipeline_with_an_input_for_each_kind_of_column(score, logistic):
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    encoder = OneHotEncoder(handle_unknown="ignore")
    columns = [("numbers", numbers, [0, 1, 2]), ("texts", encoder, [3])]
    model = make_pipeline(ColumnTransformer(columns), LogisticRegression())
    model.fit(SAMPLE[COLUMNS], SAMPLE["bad"])
    types = [("numbers", FloatTensorType([None, 3])), ("texts", StringTensorType([None, 1]))]
    assert score(to_onnx(model, initial_types=types)) == of_class(model)


def test_a_pipeline_of_doubles(score):
    """Scaled only: onnxruntime has no imputer of doubles."""
    model = make_pipeline(StandardScaler(), LogisticRegression())
    filled = BATCH.fillna({"income": 0.0, "utilisation": 0.0})
    model.fit(SAMPLE[NUMBERS].fillna(0.0), SAMPLE["bad"])
    graph = to_onnx(
        model,
        initial_types=[("X", DoubleTensorType([None, 3]))],
        options={id(model): {"zipmap": False}},
    )
    found = score(graph, NUMBERS, filled)
    assert found == pytest.approx(model.predict_proba(filled[NUMBERS])[:, 1], abs=1e-12)


@pytest.mark.parametrize("zipmap", [True, False])
def test_a_graph_of_doubles_that_onnxruntime_cannot_run_is_refused(score, logistic, zipmap):
    """What `to_onnx(model, sample[:1])` writes, if the sample has doubles."""
    graph = to_onnx(
        logistic,
        initial_types=one_input_a_column(number=DoubleTensorType),
        options={id(logistic): {"zipmap": zipmap}},
    )
    with pytest.raises(
        ScoringError, match=r"not an ONNX graph that can be run: .*(ZipMap|Imputer)"
    ):
        score(graph)


def test_texts_alone_are_one_tensor(score):
    features = BATCH.assign(product=["card", "loan"] * 25)
    sample = SAMPLE.assign(product=["loan", "card"] * 300)
    columns = ["region", "product"]
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    model.fit(sample[columns], sample["bad"])
    graph = to_onnx(model, initial_types=[("X", StringTensorType([None, 2]))])
    assert score(graph, columns, features) == of_class(model, 1, features, columns)


@pytest.mark.parametrize("missing", [np.nan, None], ids=["nan", "None"])
def test_a_missing_text_that_the_encoder_knows_as_a_category(score, missing):
    sample, features = SAMPLE.copy(), BATCH.copy()
    sample.loc[::4, "region"] = missing
    features.loc[::6, "region"] = missing
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    model.fit(sample[["region"]], sample["bad"] * (sample["region"].notna()))
    graph = to_onnx(model, initial_types=[("region", StringTensorType([None, 1]))])
    right = of_class(model, 1, features, ["region"])
    assert score(graph, ["region"], features, missing_text=str(missing)) == right
    assert score(graph, ["region"], features) != right  # else the case shows nothing


@pytest.mark.parametrize("zipmap", [True, False])
def test_classes_that_are_texts(score, zipmap):
    model = pipeline(LogisticRegression(), labels=("good", "bad"))
    graph = to_onnx(
        model, initial_types=one_input_a_column(), options={id(model): {"zipmap": zipmap}}
    )
    if zipmap:
        assert score(graph, output_class="bad") == of_class(model, 0)
        with pytest.raises(ScoringError, match=r"output_class: found nothing; .* bad, good"):
            score(graph)
    else:
        assert score(graph, output_column=0) == of_class(model, 0)
        with pytest.raises(
            ScoringError, match=r"output_class: found 'bad'; .*scoring.output_column"
        ):
            score(graph, output_class="bad")


def test_an_encoder_that_knows_no_other_category_fails_in_words(score):
    model = make_pipeline(OneHotEncoder(), LogisticRegression())
    model.fit(SAMPLE[["region"]], SAMPLE["bad"])
    graph = to_onnx(model, initial_types=[("region", StringTensorType([None, 1]))])
    with pytest.raises(ScoringError, match=r"the ONNX graph failed: .*Unknown Category") as raised:
        score(graph, ["region"])
    assert "moon" not in str(raised.value)


def test_a_whole_number_that_is_missing_is_refused(score, logistic):
    graph = to_onnx(logistic, initial_types=one_input_a_column())
    features = BATCH.assign(months=BATCH["months"].astype("Int64").mask(BATCH.index == 4))
    with pytest.raises(ScoringError, match=r"months: 1 values are missing; .* tensor\(int64\)"):
        score(graph, features=features)


@pytest.mark.parametrize("rows", [1, 50])
def test_a_graph_that_takes_one_row_is_refused(score, logistic, rows):
    graph = to_onnx(logistic, initial_types=one_input_a_column(rows=1))
    with pytest.raises(ScoringError, match=r"takes 1 row and no other number .* None as the first"):
        score(graph, features=BATCH.head(rows))


@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("booster", [True, False], ids=["booster", "classifier"])
@pytest.mark.parametrize("kind", ["lightgbm", "xgboost"])
def test_trees_with_one_tensor_and_missing_numbers(score, kind, booster, zipmap):
    types = {
        "initial_types": [("float_input", OtherFloatTensorType([None, 3]))],
        "target_opset": OPSET[""],
    }
    sample = SAMPLE[NUMBERS].to_numpy(np.float32)
    model = trees(kind).fit(sample, SAMPLE["bad"])
    if kind == "lightgbm":
        fitted = model.booster_ if booster else model
        graph = onnxmltools.convert_lightgbm(fitted, zipmap=zipmap, **types)
    elif zipmap:
        pytest.skip("XGBoost's exporter writes no ZipMap")
    else:
        graph = onnxmltools.convert_xgboost(model.get_booster() if booster else model, **types)
    right = model.predict_proba(BATCH[NUMBERS].to_numpy(np.float32))[:, 1]
    assert score(graph, NUMBERS) == pytest.approx(right, abs=1e-6)


@pytest.mark.parametrize("kind", ["lightgbm", "xgboost"])
def test_trees_that_give_points(score, kind):
    points = 600 + 50 * SAMPLE["bad"]
    sample = SAMPLE[NUMBERS].to_numpy(np.float32)
    types = {
        "initial_types": [("float_input", OtherFloatTensorType([None, 3]))],
        "target_opset": OPSET[""],
    }
    if kind == "lightgbm":
        model = lgb.LGBMRegressor(n_estimators=20, verbose=-1, n_jobs=1).fit(sample, points)
        graph = onnxmltools.convert_lightgbm(model, **types)
    else:
        model = xgb.XGBRegressor(n_estimators=20, n_jobs=1).fit(sample, points)
        graph = onnxmltools.convert_xgboost(model, **types)
    right = model.predict(BATCH[NUMBERS].to_numpy(np.float32))
    assert score(graph, NUMBERS, range=[0, 1000]) == pytest.approx(right, rel=1e-6)
