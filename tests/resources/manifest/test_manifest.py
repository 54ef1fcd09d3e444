"""The contract: what a manifest says, and what may change after landing."""

import datetime as dt
import json
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from resources.manifest import Manifest, ManifestError, Schedule, is_revisable, parse_manifest
from tests.resources.manifest.build import faults_of, landed, parse, valid

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLE = (DOCS / "model.example.yaml").read_text()


def test_the_key_is_the_name_and_the_version():
    assert parse(valid(version="2026.1-b")).key == "pd_cards.2026.1-b"


def test_the_hash_is_of_the_content_whatever_its_layout():
    plain = parse(valid())
    turned = dict(reversed(valid().items()))
    text = "# approved in September\n" + yaml.safe_dump(
        turned, default_flow_style=True, sort_keys=False
    )
    spelt_out = parse(
        valid(features={"columns": [{"name": "income"}, {"name": "region"}]}, revision=1)
    )
    assert parse_manifest(text, "elsewhere").sha256 == plain.sha256 == spelt_out.sha256
    assert parse(valid(owner="someone@lender.example")).sha256 != plain.sha256


@pytest.mark.parametrize("version", ["1...2", "1..2", "1.", ".1", "1" * 42])
def test_a_version_is_no_range_of_versions(version):
    with pytest.raises(ManifestError, match="version"):
        parse(valid(version=version))


def test_a_manifest_survives_being_stored():
    everything = parse_manifest(EXAMPLE, "example")
    assert Manifest.model_validate(everything.model_dump(mode="json")) == everything


def test_what_says_how_a_version_is_watched_needs_a_higher_revision():
    changes = {
        "owner": "other@lender.example",
        "outcome": {"path": "o/{date}/", "column": "bad", "maturity": 90},
        "reference": {"path": "reference.parquet", "outcome": "bad"},
        "segments": ["region"],
        "fairness": {"columns": ["sex"]},
        "thresholds": {"psi": {"warn": 0.05}},
        "checks": {"min_rows": 10},
        "schedule": {"timezone": "Europe/London"},
        "pod": {"memory": "2Gi"},
        "alerts": {"service": "cards"},
        "shadow": True,
    }
    assert landed().refused_changes(parse(valid(**changes)), {}) == [
        "alerts.service",
        "checks.min_rows",
        "fairness.bands",
        "fairness.columns",
        "fairness.min_rows",
        "fairness.reference_groups",
        "outcome.column",
        "outcome.cut_offs",
        "outcome.kind",
        "outcome.maturity",
        "outcome.max_unmatched",
        "outcome.min_share",
        "outcome.path",
        "owner",
        "pod.memory",
        "reference.outcome",
        "schedule.timezone",
        "segments",
        "shadow",
        "thresholds.psi.warn",
    ]
    assert landed().refused_changes(parse(valid(**changes, revision=2)), {}) == []


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"deployed_at": dt.date(2026, 9, 3)}, ["deployed_at"]),
        ({"reference": {"path": "other.parquet"}}, ["reference.path"]),
        ({"batch": {"path": "c/{date}.parquet", "key": "loan_id"}}, ["batch.path"]),
        ({"features": {"columns": ["region", "income"]}}, ["features.columns"]),
        (
            {"scoring": {"flavour": "onnx", "artefact": "model.onnx", "sha256": "b" * 64}},
            ["scoring.sha256"],
        ),
    ],
)
def test_what_a_version_is_never_changes(changes, refused):
    later = parse(valid(**changes, revision=2, owner="other@lender.example"))
    assert landed().refused_changes(later, {}) == refused


@pytest.mark.parametrize(
    ("changes", "field", "allowed"),
    [
        ({"path": "o.parquet"}, "path", "a path with {date}"),
        ({"path": "o/{date}/{horizon}/"}, "path", "no other braces"),
        ({"column": "bad_{days}"}, "column", "no braces but {horizon}"),
        ({"maturity": [30, 90]}, "column", "a name with {horizon}, as `maturity` has several"),
        ({"column": "bad_{horizon}", "maturity": [90, 30]}, "maturity", "days that ascend"),
        ({"column": "bad_{horizon}", "maturity": [30, 30]}, "maturity", "days that ascend"),
        ({"min_share": 0}, "min_share", "greater than 0"),
        ({"cut_offs": [float("inf")]}, "cut_offs.0", "a finite number"),
    ],
)
def test_where_outcomes_are_is_said_in_full(changes, field, allowed):
    outcome = {"path": "o/{date}/", "column": "bad", "maturity": 90} | changes
    (fault,) = faults_of(outcome=outcome)
    assert fault.field == f"outcome.{field}"
    assert allowed in fault.allowed


def test_each_horizon_has_a_column_of_its_own():
    fields = {"path": "o/{date}/", "column": "dpd_{horizon}", "maturity": [30, 90]}
    outcome = parse(valid(outcome=fields)).outcome
    assert [outcome.column_at(horizon) for horizon in outcome.maturity] == ["dpd_30", "dpd_90"]


@pytest.mark.parametrize(
    ("column", "horizons", "columns"),
    [
        ("bad", [30, 90], {90: "bad"}),
        ("bad_{horizon}", [30, 90], {30: "bad_30", 90: "bad_90"}),
        ("bad", None, {None: "bad"}),
        (None, [30, 90], {}),
    ],
)
def test_the_outcome_of_the_reference_is_that_of_the_last_horizon_or_of_each(
    column, horizons, columns
):
    reference = {"path": "reference.parquet", "outcome": column}
    outcome = {"path": "o/{date}/", "column": "dpd_{horizon}", "maturity": horizons}
    manifest = parse(valid(reference=reference, outcome=outcome if horizons else None))
    assert manifest.reference_outcomes == columns


def test_an_older_revision_is_refused():
    assert landed(revision=2).refused_changes(parse(valid()), {}) == ["revision"]


def test_a_version_is_retired_without_a_new_revision():
    assert landed().refused_changes(parse(valid(retired_at=dt.date(2026, 10, 1))), {}) == []


def test_a_version_is_monitored_from_deployment_to_the_day_before_retirement():
    manifest = parse(valid(retired_at=dt.date(2026, 9, 3)))
    days = [dt.date(2026, 8, 31) + dt.timedelta(days=number) for number in range(5)]
    assert [day.day for day in days if manifest.is_monitored(day)] == [1, 2]


def test_a_deadline_is_local_time_on_the_day_after():
    schedule = Schedule(cron="30 6 * * *", timezone="Europe/London")
    for month, hour in ((1, 6), (7, 5)):
        deadline = schedule.deadline(dt.date(2026, month, 9)).astimezone(ZoneInfo("UTC"))
        assert (deadline.day, deadline.hour, deadline.minute) == (10, hour, 30)


LOSSES = {"path": "l/{date}/", "column": "lost", "maturity": 360, "kind": "continuous"}
POINTS = {"flavour": "scored", "path": "s/{date}.parquet", "range": [300, 850]}


def test_a_number_may_be_predicted_instead_of_a_probability():
    assert parse(valid()).predicts_probability
    losses = parse(valid(outcome=LOSSES))
    assert (losses.outcome_kind, losses.predicts_probability) == ("continuous", False)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"outcome": LOSSES | {"cut_offs": [0.5]}}, "outcome.cut_offs", "they part goods and bads"),
        ({"outcome": LOSSES | {"kind": "number"}}, "outcome.kind", "'binary' or 'continuous'"),
        (
            {
                "outcome": LOSSES,
                "scoring": POINTS | {"scale": {"points": 600, "at_odds": 30, "pdo": 20}},
            },
            "outcome.kind",
            "binary, where there is a scoring.scale",
        ),
        (
            {"outcome": LOSSES, "fairness": {"columns": ["sex"]}},
            "fairness",
            "none where outcome.kind is continuous",
        ),
    ],
)
def test_what_is_of_goods_and_bads_is_not_of_numbers(changes, field, words):
    (fault,) = faults_of(**changes)
    assert fault.field == field
    assert words in fault.allowed


def test_the_annotated_example_is_valid():
    manifest = parse_manifest(EXAMPLE, "docs/model.example.yaml")
    assert manifest.key == "pd_cards.3"


def test_the_annotated_example_has_every_field_with_a_comment():
    def fields(content, at=()):
        for name, value in content.items():
            yield (*at, name)
            if isinstance(value, dict):
                yield from fields(value, (*at, name))

    example = set(fields(yaml.safe_load(EXAMPLE)))
    manifest = Manifest.model_validate(yaml.safe_load(EXAMPLE))
    free = {("thresholds", "characteristics"), ("checks", "max_missing"), ("pod", "node_selector")}
    wanted = {
        field
        for field in fields(manifest.model_dump())
        if not any(field[: len(one)] == one and field != one for one in free)
    }
    assert wanted <= example
    lines = EXAMPLE.splitlines()
    for number, line in enumerate(lines):
        if re.match(r" {0,2}[a-z_]+:", line) and not line.strip().startswith("#"):
            above = lines[number - 1].strip()
            inside = line.startswith("  ") and not above.startswith("#")
            # Fields of one kind in a row share what is said of the first.
            assert above.startswith("#") or inside, line


def test_the_published_schema_is_that_of_the_code():
    printed = CliRunner().invoke(main, ["registry", "schema"]).output
    assert json.loads((DOCS / "model.schema.json").read_text()) == json.loads(printed)


def test_the_published_schema_accepts_the_example_and_refuses_faults():
    schema = json.loads((DOCS / "model.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    # Editors read YAML's dates as text.
    example = json.loads(json.dumps(yaml.safe_load(EXAMPLE), default=str))
    jsonschema.validate(example, schema)
    for short in ({"version": 3}, {"outcome": example["outcome"] | {"maturity": 90}}):
        jsonschema.validate(example | short, schema)
    for broken in (
        example | {"ownr": "x"},
        example | {"name": "PD"},
        example | {"version": "v 1"},
        example | {"features": {"columns": [{"type": "double"}]}},
        {name: value for name, value in example.items() if name != "batch"},
        example | {"scoring": {"flavour": "pickle", "artefact": "m.pkl"}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)


@pytest.mark.parametrize(
    ("batch", "allowed"),
    [
        ({"path": "b/"}, "a path with {date}"),
        ({"path": "b.csv", "date_column": "day"}, "Parquet, where there is a `date_column`"),
        ({"path": "b/{day}/", "date_column": "day"}, "no other braces"),
    ],
)
def test_a_batch_says_which_day_it_is_of(batch, allowed):
    (fault,) = faults_of(batch={"key": "loan_id"} | batch)
    assert (fault.field, allowed in fault.allowed) == ("batch.path", True)


def test_a_table_with_a_date_column_needs_no_date_in_its_path():
    fields = valid(batch={"path": "b/", "key": "loan_id", "date_column": "day"})
    assert parse(fields).batch.path == "b/"


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        (
            {"batch": {"path": "b/", "key": "loan_id", "date_column": "day"}},
            "there is a batch.date_column",
        ),
        ({"batch": {"path": "{date}.csv", "key": "loan_id"}}, "batch.path is {date}.csv, which is"),
        (
            {
                "scoring": {
                    "flavour": "command",
                    "artefact": "m.py",
                    "sha256": "a" * 64,
                    "command": ["python", "{artefact}", "{input}", "{output}"],
                }
            },
            "scoring.flavour is command",
        ),
    ],
)
def test_executors_take_what_can_be_in_parts(changes, where):
    (fault,) = faults_of(engine="spark", **changes)
    assert (fault.field, fault.found) == ("engine", "'spark'")
    assert fault.allowed.startswith(f"one_machine, where {where}")
    assert parse(valid(**changes)).engine == "one_machine"


def test_an_engine_may_be_chosen_after_a_version_has_landed():
    assert parse(valid(engine="spark")).engine == "spark"
    assert is_revisable("engine")


def _unbounded(node, at=""):
    """Places of a JSON schema where a value may be of any size."""
    if isinstance(node, list):
        for number, item in enumerate(node):
            yield from _unbounded(item, f"{at}/{number}")
    if not isinstance(node, dict):
        return
    bounds = {
        "integer": [{"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}],
        "number": [{"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}],
        "string": [{"maxLength", "pattern", "enum", "const", "format"}],
        "array": [{"maxItems"}],
    }
    kind = node.get("type")
    is_bounded = "const" in node or all(some & node.keys() for some in bounds.get(str(kind), []))
    if not is_bounded or (kind == "object" and node.get("additionalProperties") is True):
        yield at
    for name, item in node.items():
        yield from _unbounded(item, f"{at}/{name}")


def test_every_number_text_and_list_has_bounds():
    # A short form becomes the long one, which has them; a version's number becomes its text.
    converted = {
        "/$defs/Features/properties/columns/items/anyOf/0",
        "/$defs/Outcome/properties/maturity/anyOf/1",
        "/properties/version/anyOf/1",
        "/properties/version/anyOf/2",
    }
    assert {*_unbounded(Manifest.model_json_schema())} == converted


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": {"path": "o/{date}.parquet", "column": "b", "maturity": 10**30}},
        {"batch": {"path": "{date}.parquet", "key": ""}},
        {"batch": {"path": "{date}.parquet", "key": "k", "marker": "../x"}},
        {"schedule": {"cron": "٣ ٦ * * *"}},
        {"schedule": {"cron": "\uff11 6 * * *"}},
        {"outcome": {"path": "o/{date}.parquet", "column": "b{horizon:>9999999}", "maturity": 1}},
        {"outcome": {"path": "o/{date}.parquet", "column": "b{horizon!r}", "maturity": 1}},
        {"outcome": {"path": "o/{date:>99999999}/", "column": "b", "maturity": 1}},
        {"segments": ["region"] * 101},
        {"features": {"columns": [f"c{n}" for n in range(10_001)]}},
        {"alerts": {"at_once": 1e300}},
        {"thresholds": {"psi": {"warn": 1e308, "fail": 1e308}}},
        {"pod": {"memory": "9" * 100 + "Gi"}},
        {"pod": {"node_selector": {"pool": "{{ conn.other.password }}"}}},
        {"pod": {"node_selector": {"{% if a %}": "a"}}},
        {"pod": {"tolerations": [{"key": "{{ var.value.x }}"}]}},
        {"pod": {"tolerations": [{"any": "x"}]}},
    ],
)
def test_what_has_no_bounds_is_refused(changes):
    assert faults_of(**changes)


@pytest.mark.parametrize(
    ("grades", "allowed"),
    [
        ([{"name": "A", "to": 0.1}], "two grades or more"),
        ([{"name": "A", "to": 0.1}, {"name": "B", "to": 0.2}], "the last without `to`"),
        ([{"name": "A", "to": 0.2}, {"name": "B", "to": 0.2}, {"name": "C"}], "a `to` over 0.2"),
        ([{"name": "A"}, {"name": "B"}], "a `to` over -inf"),
        ([{"name": "A", "to": 0.1}, {"name": "A"}], "names that differ"),
    ],
)
def test_grades_ascend_to_one_without_a_top(grades, allowed):
    (fault,) = faults_of(reference={"path": "reference.parquet", "grades": grades})
    assert (fault.field, allowed in fault.allowed) == ("reference.grades", True)
