"""airflow.yaml: every fault is named with file, field, what was found and what is allowed."""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from airflow_bridge.export.settings import BridgeSettings, KubernetesSettings, load_settings
from resources.errors import InputError

PAGE = Path(__file__).parents[3] / "docs" / "airflow.md"
POD = {"image": "registry.lender.example/monitoring:1", "namespace": "monitoring"}


@pytest.fixture
def read(tmp_path):
    def read(text, **changes):
        path = tmp_path / "airflow.yaml"
        path.write_text(text)
        return load_settings(path, **changes)

    return read


def test_nothing_need_be_said(read, monkeypatch):
    monkeypatch.setenv("MONITORING_DAGSTER_URL", "https://dagster.lender.example")
    settings = read("")
    assert settings.mode == "dagster"
    assert settings.dagster.url == "https://dagster.lender.example"
    assert (settings.retries, settings.pool, settings.kubernetes) == (8, None, None)


def test_a_mode_can_be_asked_for(read):
    text = "kubernetes: {image: 'monitoring:1', namespace: monitoring}"
    settings = read(text, mode="kubernetes")
    assert settings.mode == "kubernetes"
    assert settings.kubernetes.command == ["monitoring"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("mode: kubernetes", "mode: found 'kubernetes'; allowed: dagster; or kubernetes with"),
        ("mode: spark", "mode: found 'spark'; allowed: 'dagster' or 'kubernetes'"),
        ("bundle: dags", "bundle: found 'dags'; allowed: an absolute path, or s3://"),
        ("pool: 3", "pool: found 3; allowed: text"),
        ("retries: -1", "retries: found -1; allowed: greater than or equal to 0"),
        ("poool: x", "poool: found an unknown field; allowed: no such field"),
        ("on_failure: page", "on_failure: found 'page'; allowed: text that matches"),
        ("dag_id_prefix: a/b", "dag_id_prefix: found 'a/b'; allowed: text that matches"),
        ("tags: staging", "tags: found 'staging'; allowed: a list"),
        ("tags: ['']", "tags.0: found ''; allowed: "),
        ("dagster: {url: dagster}", "dagster.url: found 'dagster'; allowed: text that matches"),
        ("dagster: 3", "dagster: found 3; allowed: a mapping of fields"),
        (
            "kubernetes: {image: a}",
            "kubernetes.namespace: found nothing; allowed: this field must be given",
        ),
        (
            "retry_delay_seconds: 7200",
            "max_retry_delay_seconds: found 3600; allowed: at least `retry_delay_seconds`, 7200",
        ),
        (
            "deadline_seconds: 3600",
            "on_deadline: found None; allowed: a callback with `deadline_seconds`, and nothing",
        ),
        (
            "on_deadline: lender.oncall:late",
            "on_deadline: found 'lender.oncall:late'; allowed: a callback with `deadline_seconds`",
        ),
        ("[1]", "found list; allowed: a mapping of fields"),
        ("a: [", "cannot be read as YAML"),
    ],
)
def test_a_fault_names_file_field_what_was_found_and_what_is_allowed(read, text, fault):
    with pytest.raises(InputError) as error:
        read(text)
    assert fault in str(error.value)
    assert "airflow.yaml: " in str(error.value)


def test_all_faults_are_named_at_once_and_no_environment_is_shown(read):
    with pytest.raises(InputError) as error:
        read("pool: 3\nretries: x\nkubernetes: {image: a, namespace: b, env: {TOKEN: 83721}}")
    assert len(str(error.value).splitlines()) == 3
    assert "kubernetes.env.TOKEN: found int; allowed: text" in str(error.value)
    assert "83721" not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.yaml: cannot be read"):
        load_settings(tmp_path / "nowhere.yaml")


def settings_of(section, prefix=""):
    """Name and default of every setting, as the table shows them."""
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings_of(field.annotation, f"{name}.")
        elif field.is_required():
            yield f"{prefix}{name}", "required"
        elif field.default_factory is None:
            default = field.default
            shown = default if default and isinstance(default, str) else json.dumps(default)
            yield f"{prefix}{name}", "none" if default is None else f"`{shown}`"


def test_the_page_has_a_table_of_every_setting():
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    table = {row[0].strip("| `"): row[1] for row in rows if len(row) == 3}
    expected = {
        **dict(settings_of(BridgeSettings)),
        **dict(settings_of(KubernetesSettings, "kubernetes.")),
        "dagster.url": "`MONITORING_DAGSTER_URL`",
    }
    del expected["kubernetes"]
    assert {name: table.get(name) for name in expected} == expected
