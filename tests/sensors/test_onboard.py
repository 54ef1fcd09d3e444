"""Onboarding without a daemon: as many ticks as it takes."""

from resources.registry import scan
from tests.conftest import definitions


def test_onboard_ticks_until_every_version_had_its_turn(lender, instance, monkeypatch):
    from sensors.onboard import onboard

    # The first tick has no time to judge anything, and each has room for one run.
    seconds = iter([-1.0, 60.0, 60.0, 60.0])
    monkeypatch.setattr(
        "sensors.registry_sensor.scan",
        lambda registry, known, **_: scan(registry, known, seconds=next(seconds)),
    )
    monkeypatch.setattr("sensors.run_requests.MAX_OPEN_RUNS", 1)
    lender.publish()
    lender.publish(version="2")
    lines = onboard(definitions(lender), instance, lender.registry)
    assert [(line.folder, line.status) for line in lines] == [
        ("pd_cards/1", "monitored"),
        ("pd_cards/2", "monitored"),
    ]
