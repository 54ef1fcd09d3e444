"""Secrets of the environment in texts of others."""

import base64
import json
from urllib.parse import quote

import pytest

from resources.masking import mask_error, masked

SECRET = 'p"ä/9+s3cret&of=us'


@pytest.mark.parametrize(
    "name",
    [
        *("DD_API_KEY", "DD_APP_KEY", "PAGERDUTY_ROUTING_KEY", "PAGERDUTY_ROUTING_KEY_CARDS"),
        *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "MLFLOW_TRACKING_PASSWORD", "PGPASSWORD"),
        *("DAGSTER_PG_PASSWORD", "SENTRY_DSN", "GITHUB_TOKEN", "MONITORING_SLACK_WEBHOOK_URL"),
        *("SNOWFLAKE_PRIVATE_KEY", "AIRFLOW_CONN_SECRET", "db_password", "SERVICE_ACCOUNT_KEY"),
    ],
)
def test_the_value_of_a_secret_variable_is_masked(monkeypatch, name):
    monkeypatch.setenv(name, SECRET)
    assert masked(f"a {SECRET} b {SECRET}") == "a *** b ***"


@pytest.mark.parametrize("parameter", ["privateKey", "token", "passcode_password"])
def test_a_secret_parameter_of_a_url_is_masked(monkeypatch, parameter):
    monkeypatch.setenv(
        "WAREHOUSE_URL", f"snowflake://me@lender/db?role=READER_ROLE&{parameter}={quote(SECRET)}"
    )
    assert masked(f"a {SECRET} b {quote(SECRET, safe='')} c READER_ROLE") == (
        "a *** b *** c READER_ROLE"
    )


@pytest.mark.parametrize(
    "form",
    [
        *(str, json.dumps, lambda text: json.dumps(text, ensure_ascii=False)),
        *(lambda text: quote(text, safe=""), repr),
        *(lambda text: base64.b64encode(text.encode()).decode(),),
        *(lambda text: base64.b64encode(f"user:{text}".encode()).decode(),),
        *(lambda text: base64.b64encode(f"me:{text}:x".encode()).decode(),),
    ],
)
def test_a_secret_is_masked_in_other_forms(monkeypatch, form):
    monkeypatch.setenv("RISK_TOKEN", SECRET)
    said = masked(f"they said {form(SECRET)}.")
    assert "***" in said
    assert "s3cret" not in said
    assert form("s3cret&of") not in said


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("postgresql://risk:c0nfidential@db/loans", "c0nfidential"),
        ("http://user:c0nfi%40dential@proxy:3128", "c0nfi@dential"),
        ("postgresql://risk:c0nfidential@[db", None),
    ],
)
def test_the_password_of_a_url_is_masked_whatever_its_variable(monkeypatch, url, secret):
    monkeypatch.setenv("SOME_PLACE", url)
    if secret is not None:
        assert secret not in masked(f"refused {secret} of {url}")
    assert masked("nothing of it") == "nothing of it"


def test_the_path_of_a_webhook_is_masked(monkeypatch):
    monkeypatch.setenv(
        "MONITORING_SLACK_WEBHOOK_URL", "https://hooks.example/services/T0/B0/XYZW1234"
    )
    assert masked("POST /services/T0/B0/XYZW1234: 404") == "POST ***: 404"
    assert masked("no hook XYZW1234") == "no hook ***"


def test_what_is_no_secret_stays(monkeypatch):
    monkeypatch.setenv("API_TOKEN", "test")  # too short to be one
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/token")
    monkeypatch.setenv("MONITORING_LAKE", "s3://lender-lake/batches")
    text = "a test of s3://lender-lake/batches with /var/run/secrets/token"
    assert masked(text) == text


def test_an_error_is_masked_with_what_led_to_it(monkeypatch):
    monkeypatch.setenv("RISK_TOKEN", SECRET)
    error = ValueError(f"told {SECRET}")
    error.__cause__ = OSError(5, f"refused {SECRET}")
    error.__cause__.__context__ = error  # a circle has an end
    mask_error(error)
    assert str(error) == "told ***"
    assert error.__cause__.args == (5, "refused ***")
