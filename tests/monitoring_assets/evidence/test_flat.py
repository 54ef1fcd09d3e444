"""Nested reports become flat tables, each row with the keys of its parents."""

import datetime as dt

import pyarrow as pa

from monitoring_assets.evidence.flat import flatten

DAY = dt.date(2026, 9, 12)


def flat(name, rows, schema):
    return {
        part: table.to_pylist()
        for part, table in flatten(name, pa.Table.from_pylist(rows, pa.schema(schema)), DAY)
    }


def test_records_have_the_day_and_the_keys_of_their_parents():
    metric = pa.struct([("metric", pa.string()), ("value", pa.float64())])
    segment = pa.struct(
        [("segment_column", pa.string()), ("segment", pa.string()), ("metrics", pa.list_(metric))]
    )
    rows = [
        {
            "kind": "realised",
            "horizon": 30,
            "metrics": [{"metric": "auc", "value": 0.7}],
            "segments": [
                {
                    "segment_column": "region",
                    "segment": "north",
                    "metrics": [{"metric": "auc", "value": 0.6}],
                }
            ],
        },
        {"kind": "estimated", "horizon": 30, "metrics": None, "segments": []},
    ]
    schema = [
        ("kind", pa.string()),
        ("horizon", pa.int32()),
        ("metrics", pa.list_(metric)),
        ("segments", pa.list_(segment)),
    ]
    of_realised = {"date": DAY, "kind": "realised", "horizon": 30}
    north = {"segment_column": "region", "segment": "north"}
    assert flat("performance", rows, schema) == {
        "performance": [of_realised, of_realised | {"kind": "estimated"}],
        "performance_metrics": [of_realised | {"metric": "auc", "value": 0.7}],
        "performance_segments": [of_realised | north],
        "performance_segments_metrics": [of_realised | north | {"metric": "auc", "value": 0.6}],
    }


def test_a_list_of_texts_is_one_text():
    schema = [("family", pa.string()), ("reasons", pa.list_(pa.string()))]
    rows = [{"family": "population", "reasons": ["one", "two"]}, {"family": "pipeline"}]
    assert [one["reasons"] for one in flat("decisions", rows, schema)["decisions"]] == [
        "one; two",
        None,
    ]
