"""The page of all models."""

import datetime as dt
import re

from monitoring_assets.pages.fleet_page import fleet_lines, fleet_page, write_fleet_page
from monitoring_assets.pages.summary import Summary
from resources import layout

TODAY = dt.date(2026, 3, 1)
NOW = dt.datetime(2026, 3, 1, 7, 0, tzinfo=dt.UTC)


def summary(key, outcome="ok", day=dt.date(2026, 2, 28), **more):
    return Summary(
        key=key, owner="risk", day=day, outcome=outcome, verdict=f"{key}: {outcome}.",
        **({"psi": (0.1, None, 0.2), "fail": 0.25} | more),
    )  # fmt: skip


def test_the_worst_is_first():
    found = [
        summary("calm", csi=0.01),
        summary("warned", "warn", csi=0.2),
        summary("unsure", "insufficient evidence"),
        summary("failing", "fail", csi=0.3),
        summary("worse", "fail", csi=0.9),
        summary("stopped", "stopped", psi=()),
        summary("younger", "incident open", since=dt.date(2026, 2, 20)),
        summary("older", "incident open", since=dt.date(2026, 2, 1)),
        summary("silent", day=dt.date(2026, 2, 26)),
        summary("open and silent", "incident open", dt.date(2026, 1, 5), since=dt.date(2026, 1, 1)),
        summary("retired"),
        summary("shadow", "fail", dt.date(2026, 1, 5), csi=2.0, is_shadow=True),
        summary("told before", "incident open", since=dt.date(2026, 2, 21), is_shadow=True),
    ]
    keys = {one.key for one in found} - {"retired"} | {"new"}
    lines = fleet_lines(found, keys, TODAY)
    assert [line.key for line in lines] == [
        *("open and silent", "older", "younger", "told before", "stopped", "new", "silent"),
        *("worse", "failing", "warned", "unsure", "calm", "shadow"),
    ]
    assert [line.outcome for line in lines if line.key in ("new", "silent")] == ["silent"] * 2
    assert lines[-1].outcome == "shadow"


def test_a_day_old_report_is_not_silent():
    (line,) = fleet_lines([summary("a", day=dt.date(2026, 2, 27))], {"a"}, TODAY)
    assert line.outcome == "ok"


def test_each_has_a_line_with_what_matters():
    found = [
        summary("bad.1", "fail", csi=0.9, column="<income>", auc=0.7, auc_reference=0.75,
                auc_day=dt.date(2026, 1, 9)),
        summary("good.1"),
    ]  # fmt: skip
    page = fleet_page(fleet_lines(found, {"bad.1", "good.1", "new.1"}, TODAY), NOW)
    assert 'href="bad.1/2026-02-28.html"' in page
    assert "bad.1: fail." in page
    assert "good.1: ok." not in page  # nothing to tell
    assert "&lt;income&gt;" in page
    assert "9 Jan, reference 0.750" in page
    assert "no day of it has been monitored yet" in page
    assert page.count('<path class="value"') == 2
    assert "1 March 2026, 07:00" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//|url\(""", page)


def test_it_is_written_of_what_is_monitored(monitored):
    write_fleet_page(monitored.store, NOW)
    page = monitored.store.storage.read(layout.FLEET_PAGE).decode()
    assert "pd_cards.1" in page
