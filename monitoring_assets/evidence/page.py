"""The pack as a page to read or print: what failed, when, and what was done, in its first lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from monitoring_assets.evidence.content import ABOUT, Content
from monitoring_assets.pages.chart import Chart
from monitoring_assets.pages.render import render
from monitoring_assets.statistics.validation.outcome import AMBER_UNDER, LIGHTS_IN_WORDS, RED_UNDER

WIDTH, HEIGHT = 720, 140
LIGHTS = {"green": "ok", "amber": "warn", "red": "fail", "not computed": "unsure"}
"""Colour of each light, in the style sheet."""
NOT_GREEN = ("red", "amber")
STATES = {"resolved": "warn", "open": "fail"}
MOST_FINDINGS = 500
"""Rows of indices over a limit that are printed; the tables have all."""
ALARMING = ("warn", "fail", "error")
REPORTED, NOT_MONITORED = "reported", "not monitored"


def evidence_page(content: Content) -> str:
    """Return the page of a pack as one file of HTML."""
    days = content.rows("days")
    gaps = [one for one in days if one["state"] not in (REPORTED, NOT_MONITORED)]
    tests = content.rows("validation")
    findings = [one for one in _drift(content) if one["status"] in ALARMING]
    return render(
        "evidence.html.j2",
        content=content,
        incidents=content.rows("incidents"),
        states=STATES,
        notices=content.rows("notices"),
        deliveries=content.rows("deliveries"),
        faults=content.rows("faults"),
        days=days,
        reported=sum(one["state"] == REPORTED for one in days),
        expected=sum(one["state"] != NOT_MONITORED for one in days),
        gaps=_runs(gaps),
        tests=tests,
        not_green=[one for one in tests if one["light"] in NOT_GREEN],
        verdicts=list(_verdicts(tests)),
        accepted=content.rows("accepted"),
        reviews=content.rows("reviews"),
        revised=_revised(content),
        portfolio=[one for one in tests if one["scope"] == "portfolio"],
        lights=LIGHTS,
        levels=(AMBER_UNDER, RED_UNDER),
        lights_in_words=LIGHTS_IN_WORDS,
        findings=findings[:MOST_FINDINGS],
        all_findings=len(findings),
        charts=list(_charts(content, days)),
        realised=_realised(content),
        decided=[one for one in _table(content, "decisions") if one["action"] != "none"],
        about=ABOUT,
        bins=_latest_bins(content),
    )


def _table(content: Content, name: str) -> list[dict[str, Any]]:
    return content.rows(name) if name in content.tables else []


def _drift(content: Content) -> list[dict[str, Any]]:
    return _table(content, "drift")


def _verdicts(tests: list[dict[str, Any]]) -> Iterator[str]:
    """What is red and amber after each horizon, in words."""
    for horizon in dict.fromkeys(one["horizon"] for one in tests):
        parts = []
        for light in NOT_GREEN:
            found = [one for one in tests if (one["horizon"], one["light"]) == (horizon, light)]
            names = [one["test"] for one in found if one["scope"] == "portfolio"]
            if bands := len(found) - len(names):
                names.append(f"{bands} of score bands")
            if names:
                parts.append(f"{light}: {', '.join(names)}")
        if parts:
            yield f"{'' if horizon is None else f'after {horizon} days '}{'; '.join(parts)}"


def _revised(content: Content) -> list[dict[str, Any]]:
    """Revisions that came into force in the period, with the fields that they changed."""
    later = [one for one in content.rows("manifests") if one["first"] is not None][1:]
    fields: dict[str, list[str]] = {}
    for one in content.rows("changes"):
        fields.setdefault(one["sha256"], []).append(one["field"])
    return [one | {"fields": fields.get(one["sha256"], [])} for one in later]


def _runs(gaps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Days without a report, those that follow each other for the same reason together."""
    found: list[dict[str, Any]] = []
    for one in gaps:
        before = found[-1] if found else None
        if (
            before is not None
            and (one["date"] - before["last"]).days == 1
            and (one["state"], one["why"]) == (before["state"], before["why"])
        ):
            before |= {"last": one["date"], "days": before["days"] + 1}
        else:
            found.append(one | {"first": one["date"], "last": one["date"], "days": 1})
    return found


def _charts(content: Content, days: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """PSI and the largest CSI over the days, with the limit of the last day."""
    limits = {one["index"]: one["fail"] for one in content.rows("thresholds")}
    found = []
    for index, column, title in (
        ("PSI", "psi", "PSI of the score"),
        ("CSI", "largest_csi", "Largest CSI of a characteristic"),
    ):
        values = [one[column] for one in days]
        if index in limits and any(value is not None for value in values):
            chart = Chart.of_index((WIDTH, HEIGHT), values, limits[index])
            found.append(
                {
                    "title": title,
                    "chart": chart,
                    "values": values,
                    "fail": limits[index],
                    "days": [one["date"] for one in days],
                }
            )
    return found


def _realised(content: Content) -> list[dict[str, Any]]:
    """AUC and bad rate of each mature cohort."""
    wanted = ("auc", "bad_rate")
    return [
        one
        for one in _table(content, "performance_metrics")
        if one["kind"] == "realised" and one["metric"] in wanted
    ]


def _latest_bins(content: Content) -> list[dict[str, Any]]:
    """The bins in force on the last day that has any, a row a column."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in content.rows("bins"):
        known = found.setdefault(one["column"], [])
        if known and known[-1]["last"] != one["last"]:
            known.clear()
        known.append(one)
    return [{"column": name, "bins": bins} for name, bins in found.items()]
