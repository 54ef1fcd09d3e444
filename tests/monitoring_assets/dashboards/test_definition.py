"""Every definition against Datadog's published API, and what it is known by."""

from monitoring_assets.dashboards.plan import definitions
from tests.monitoring_assets.dashboards.drawn import FULL, PLAIN, by_slug
from tests.monitoring_assets.dashboards.published import (
    faults,
)


@by_slug([*definitions(PLAIN), *definitions(FULL)])
def test_the_published_api_takes_it(item):
    assert faults(item.kind, item.body) == []


def test_what_an_account_knows_them_by_never_changes():
    assert [(item.kind, item.slug, item.title) for item in definitions(PLAIN)] == [
        ("dashboard", "overview", "Model monitoring: all models"),
        ("dashboard", "model", "Model monitoring: one model"),
        ("monitor", "incident-open", "Model monitoring: incident open"),
        ("monitor", "psi-at-fail", "Model monitoring: PSI at fail"),
        ("monitor", "report-late", "Model monitoring: report late"),
        ("monitor", "silence", "Model monitoring: silence"),
        ("monitor", "pipeline-failure", "Model monitoring: pipeline failure"),
        ("monitor", "messages-waiting", "Model monitoring: messages not delivered"),
    ]
