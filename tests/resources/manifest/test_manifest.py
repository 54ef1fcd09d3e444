"""The contract: what is said of a manifest that breaks it, and what may change after landing."""

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
from resources.manifest import Manifest, ManifestError, Schedule, parse_manifest
from resources.store import Landed

DOCS = Path(__file__).parents[3] / "docs"
IMAGE = {
    "flavour": "image",
    "image": f"registry.lender.example:5000/risk/pd_cards@sha256:{'a' * 64}",
    "command": ["score", "{input}", "{output}"],
}
EXAMPLE = (DOCS / "model.example.yaml").read_text()


def valid(**changes):
    fields = {
        "name": "pd_cards",
        "version": "3",
        "owner": "risk@lender.example",
        "deployed_at": dt.date(2026, 9, 1),
        "reference": {"path": "reference.parquet"},
        "batch": {"path": "cards/{date}.parquet", "key": "loan_id"},
        "features": {"columns": ["income", "region"]},
        "scoring": {"flavour": "onnx", "artefact": "model.onnx", "sha256": "a" * 64},
    } | changes
    return {name: value for name, value in fields.items() if value is not None}


def parse(fields):
    return parse_manifest(yaml.safe_dump(fields), "m/model.yaml")


def faults_of(**changes):
    with pytest.raises(ManifestError) as raised:
        parse(valid(**changes))
    return raised.value.faults


def landed(**changes):
    return Landed(
        manifest=parse(valid(**changes)),
        folder="pd_cards/3",
        landed_at=dt.datetime(2026, 9, 2, tzinfo=dt.UTC),
    )


def test_every_fault_is_named_at_once_with_what_is_allowed():
    faults = faults_of(
        owner=None,
        ownr="risk",
        deployed_at="soon",
        batch={"path": "cards/today.parquet", "key": "loan_id"},
        scoring={"flavour": "onnx", "artefact": "../model.onnx", "sha256": "ABC"},
        schedule={"cron": "@hourly", "timezone": "London"},
        thresholds={"psi": {"warn": 0.3, "fail": 0.2}, "smoothing": "laplace"},
    )
    assert {fault.file for fault in faults} == {"m/model.yaml"}
    assert {fault.field: (fault.found, fault.allowed) for fault in faults} == {
        "owner": ("nothing", "this field must be given"),
        "ownr": ("a field that is not known", "no such field (a typing error?)"),
        "deployed_at": ("'soon'", "a date, YYYY-MM-DD"),
        "batch.path": (
            "'cards/today.parquet'",
            "a path with {date}, the day as YYYY-MM-DD, and no other braces",
        ),
        "scoring.artefact": ("'../model.onnx'", "a path that does not leave its folder (no '..')"),
        "scoring.sha256": ("'ABC'", "text that matches ^[0-9a-f]{64}$"),
        "schedule.cron": (
            "'@hourly'",
            "a daily cron line 'MINUTE HOUR * * *', such as '0 6 * * *'",
        ),
        "schedule.timezone": (
            "'London'",
            "a name of the IANA time zone database, such as Europe/London",
        ),
        "thresholds.psi.warn": ("0.3", "at most `fail`, 0.2"),
        "thresholds.smoothing": ("'laplace'", "'jeffreys' or a share over 0 and under 0.1"),
    }
    assert len(faults) == 10


def test_fields_that_disagree_with_each_other_are_named_at_once():
    faults = faults_of(
        retired_at=dt.date(2026, 8, 1),
        thresholds={"characteristics": {"incme": {}}},
        checks={"max_missing": {"age": 0.1}},
    )
    feature = "a feature: income, region"
    assert [(fault.field, fault.found, fault.allowed) for fault in faults] == [
        ("retired_at", "'2026-08-01'", "a day from deployed_at on, 2026-09-01"),
        ("thresholds.characteristics", "'incme'", feature),
        ("checks.max_missing", "'age'", feature),
    ]
    faults = faults_of(owner="", features={"columns": ["income", "score", "loan_id"]})
    assert [(fault.field, fault.found, fault.allowed) for fault in faults[1:]] == [
        ("features.columns", "'score'", "another name; this is the model's output"),
        ("features.columns", "'loan_id'", "another name; this is the batch's key"),
    ]


def test_fields_that_disagree_are_named_whatever_is_wrong_elsewhere():
    faults = faults_of(
        owner="",
        retired_at=dt.date(2026, 8, 1),
        reference={"path": "reference.parquet", "bins": 1},
        features={"columns": ["income", "region"]},
        scoring={"flavour": "pickle"},
        checks={"max_missing": {"age": 0.1}},
    )
    assert {fault.field for fault in faults} == {
        "owner",
        "retired_at",
        "reference.bins",
        "scoring.flavour",
        "checks.max_missing",
    }


@pytest.mark.parametrize(
    ("changes", "field", "found", "allowed"),
    [
        ({"name": "PD Cards"}, "name", "'PD Cards'", r"matches \^\[a-z\]"),
        ({"version": "v/1"}, "version", "'v/1'", r"matches \^\[a-z0-9\]"),
        ({"revision": 0}, "revision", "0", "greater than or equal to 1"),
        ({"reference": "r.parquet"}, "reference", "'r.parquet'", "^a mapping of fields$"),
        ({"reference": {"path": ""}}, "reference.path", "''", "^text that is not empty$"),
        ({"owner": ["risk"]}, "owner", r"\['risk'\]", "^text$"),
        ({"revision": "two"}, "revision", "'two'", "^a whole number$"),
        ({"revision": 1.5}, "revision", "1.5", "^a whole number$"),
        ({"retired_at": [1]}, "retired_at", r"\[1\]", "^a date, YYYY-MM-DD$"),
        ({"thresholds": {"psi": {"warn": "low"}}}, "thresholds.psi.warn", "'low'", "^a number$"),
        ({"thresholds": {"psi": {"warn": []}}}, "thresholds.psi.warn", r"\[\]", "^a number$"),
        ({"checks": {"max_missing": []}}, "checks.max_missing", r"\[\]", "^a mapping of fields$"),
        ({"scoring": "onnx"}, "scoring", "'onnx'", "^a mapping of fields$"),
        ({"pod": {"memory": "2 GB"}}, "pod.memory", "'2 GB'", "text that matches"),
        ({"pod": {"memory": "0"}}, "pod.memory", "'0'", "text that matches"),
        ({"pod": {"cpu": "half"}}, "pod.cpu", "'half'", "text that matches"),
        ({"pod": {"retry_memory": "2Gi"}}, "pod.memory", "nothing", "given, as `retry_memory` is"),
        (
            {"pod": {"memory": "2Gi", "retry_memory": "2147483648"}},
            "pod.retry_memory",
            "'2147483648'",
            "more than `memory`, 2Gi",
        ),
        (
            {"pod": {"memory": "2Gi", "retry_memory": "2147M"}},
            "pod.retry_memory",
            "'2147M'",
            "more than `memory`, 2Gi",
        ),
        (
            {"scoring": IMAGE | {"image": "lender/pd_cards:3"}},
            "scoring.image",
            "'lender/pd_cards:3'",
            "sha256",
        ),
        (
            {"scoring": IMAGE | {"command": ["score", "{artefact}"]}},
            "scoring.command.1",
            "'{artefact}'",
            "no braces but {input} and {output}",
        ),
        ({"pod": {1: 2}}, "pod.1", "1", "^a name that is text$"),
        ({"reference": {"path": "r", "bins": 1}}, "reference.bins", "1", "greater than or equal"),
        ({"features": {"columns": []}}, "features.columns", r"\[\]", "^a list of at least 1$"),
        ({"features": {"columns": ["a", "a"]}}, "features.columns", "'a twice'", "names that diff"),
        (
            {"scoring": {"artefact": "m"}},
            "scoring.flavour",
            "nothing",
            "'onnx', 'command', 'image' or 'sc",
        ),
        ({"scoring": {"flavour": "pickle"}}, "scoring.flavour", "'pickle'", "'onnx', 'command'"),
        ({"segments": "region"}, "segments", "'region'", "^a list$"),
        ({"checks": {"blocking": ["ks"]}}, "checks.blocking.0", "'ks'", "'batch_quality', 'csi'"),
        ({"checks": {"min_rows": 0}}, "checks.min_rows", "0", "greater than or equal to 1"),
        ({"checks": {"max_missing": {"income": 2}}}, "checks.max_missing.income", "2", "or equal"),
        ({"thresholds": {"csi": {"level": 1}}}, "thresholds.csi.level", "1", "less than 1"),
        ({"thresholds": {"smoothing": 0.5}}, "thresholds.smoothing", "0.5", "'jeffreys' or a sha"),
        ({"alerts": {"service": "a|b"}}, "alerts.service", "'a|b'", "text that matches"),
        ({"alerts": {"open": {"days": 4}}}, "alerts.open.days", "4", "at most `of`, 3"),
        ({"alerts": {"resolve": 0}}, "alerts.resolve", "0", "greater than or equal to 1"),
        (
            {"alerts": {"mute": [{"first": "2026-09-02", "last": "2026-09-01", "why": "x"}]}},
            "alerts.mute.0.last",
            "'2026-09-01'",
            "a day from `first` on, 2026-09-02",
        ),
        (
            {"batch": {"path": "{date}", "key": "score"}},
            "batch.key",
            "'score'",
            "another name; this is the model's output",
        ),
    ],
)
def test_each_rule_says_field_found_and_allowed(changes, field, found, allowed):
    (fault,) = faults_of(**changes)
    assert fault.field == field
    assert re.search(found, fault.found)
    assert re.search(allowed, fault.allowed)
    assert str(fault) == f"m/model.yaml: {field}: found {fault.found}; allowed: {fault.allowed}"


@pytest.mark.parametrize(
    ("scoring", "field"),
    [
        ({"flavour": "scored", "path": "s/{date}.parquet", "range": [1, 0]}, "scoring.range"),
        (
            {"flavour": "scored", "path": "s/{date}.parquet", "range": [0, 0.5, 1]},
            "scoring.range",
        ),
        ({"flavour": "scored", "path": "s/{day}/{date}.parquet"}, "scoring.path"),
        ({"flavour": "scored", "path": "s/{date.parquet"}, "scoring.path"),
        (
            {"flavour": "command", "artefact": "m", "sha256": "a" * 64, "command": ["a", "{in}"]},
            "scoring.command.1",
        ),
        (
            {"flavour": "command", "artefact": "m", "sha256": "a" * 64, "command": ["a", '{"a"}']},
            "scoring.command.1",
        ),
    ],
)
def test_a_fault_of_the_scoring_is_named_as_the_file_names_it(scoring, field):
    assert [fault.field for fault in faults_of(scoring=scoring)] == [field]


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_a_number_is_finite(number):
    faults = faults_of(
        scoring=valid()["scoring"] | {"range": [number, 1]},
        thresholds={"psi": {"fail": number}, "characteristics": {"income": {"warn": number}}},
        checks={"max_missing": {"income": number}},
    )
    assert {fault.field for fault in faults} == {
        "scoring.range.0",
        "thresholds.psi.fail",
        "thresholds.characteristics.income.warn",
        "checks.max_missing.income",
    }
    assert {(fault.found, fault.allowed) for fault in faults} == {(str(number), "a finite number")}


def test_a_characteristic_may_have_the_name_of_a_flavour():
    faults = faults_of(
        features={"columns": ["onnx"]}, thresholds={"characteristics": {"onnx": {"warn": 0}}}
    )
    assert [fault.field for fault in faults] == ["thresholds.characteristics.onnx.warn"]


@pytest.mark.parametrize(
    ("text", "field", "found"),
    [
        ("", "", "NoneType"),
        ("- a\n- b", "", "list"),
        ("name: a\nowner: [b", "line 2", "expected"),
        ("name: a\nb: !!python/name:os.system x", "line 2", "constructor"),
        ("\x00", "", "unreadable text"),
    ],
)
def test_a_text_that_is_no_mapping_is_one_fault_of_the_file(text, field, found):
    with pytest.raises(ManifestError) as raised:
        parse_manifest(text, "m/model.yaml")
    (fault,) = raised.value.faults
    assert (fault.file, fault.field) == ("m/model.yaml", field)
    assert found in fault.found


def test_a_value_that_is_long_is_cut():
    (fault,) = faults_of(name="x" * 500)
    assert len(fault.found) == 80


def test_the_key_is_the_name_and_the_version():
    assert parse(valid(version="2026.1-b")).key == "pd_cards.2026.1-b"


@pytest.mark.parametrize(("written", "version"), [("3", "3"), ("2026-09-01", "2026-09-01")])
def test_a_version_without_quotes_is_text(written, version):
    text = yaml.safe_dump(valid()).replace("version: '3'", f"version: {written}")
    assert parse_manifest(text, "m").version == version


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


def test_a_manifest_survives_being_stored():
    everything = parse_manifest(EXAMPLE, "example")
    assert Manifest.model_validate(everything.model_dump(mode="json")) == everything


def test_what_says_how_a_version_is_watched_needs_a_higher_revision():
    changes = {
        "owner": "other@lender.example",
        "outcome": {"path": "o/{date}/", "column": "bad", "maturity": 90},
        "reference": {"path": "reference.parquet", "outcome": "bad"},
        "segments": ["region"],
        "thresholds": {"psi": {"warn": 0.05}},
        "checks": {"min_rows": 10},
        "schedule": {"timezone": "Europe/London"},
        "pod": {"memory": "2Gi"},
        "alerts": {"service": "cards"},
    }
    assert landed().refused_changes(parse(valid(**changes)), {}) == [
        "alerts.service",
        "checks.min_rows",
        "outcome.column",
        "outcome.cut_offs",
        "outcome.maturity",
        "outcome.min_share",
        "outcome.path",
        "owner",
        "pod.memory",
        "reference.outcome",
        "schedule.timezone",
        "segments",
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


def test_what_landed_before_outcomes_were_read_is_still_watched():
    stored = landed().model_dump(mode="json")
    stored["manifest"]["outcome"] = {"path": "outcomes/", "column": "bad", "maturity": [30, 90]}
    assert Landed.model_validate(stored).manifest == landed().manifest
    stored["manifest"]["outcome"]["path"] = "outcomes/{date}/"
    stored["manifest"]["outcome"]["column"] = "bad_{horizon}"
    assert Landed.model_validate(stored).manifest.outcome.maturity == [30, 90]


def test_limits_of_performance_ascend():
    performance = {"auc_drop": {"warn": 0.1}, "bad_rate_ratio": {"warn": 0.9}}
    faults = faults_of(thresholds={"performance": performance})
    assert {fault.field for fault in faults} == {
        "thresholds.performance.auc_drop.warn",
        "thresholds.performance.bad_rate_ratio.warn",
    }


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


@pytest.mark.parametrize("more", ["2148M", "3Gi", "1Ti", "2147483649", "2097153Ki", "3G"])
def test_a_retry_may_ask_for_more_memory_in_any_unit(more):
    pod = parse(valid(pod={"memory": "2Gi", "retry_memory": more})).pod
    assert pod.retry_memory == more


def test_a_container_image_is_a_model():
    assert parse(valid(scoring=IMAGE)).scoring.image == IMAGE["image"]


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
