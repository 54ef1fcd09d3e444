"""What is written to an account, and what is left alone."""

import copy

import pytest

from monitoring_assets.dashboards.account import Account
from monitoring_assets.dashboards.definition import MANAGED_BY, DashboardSettings
from monitoring_assets.dashboards.plan import definitions, plan
from resources.delivery.channel import UndeliveredError
from tests.monitoring_assets.dashboards.receiver import AccountReceiver
from tests.receivers.server import CUT_AFTER, Answer

WANTED = definitions(DashboardSettings())
OVERVIEW, INCIDENT_OPEN = WANTED[0], WANTED[2]


@pytest.fixture
def receiver(monkeypatch):
    """An account that is empty, and the environment that leads to it."""
    with AccountReceiver() as receiver:
        for name, value in receiver.environment.items():
            monkeypatch.setenv(name, value)
        yield receiver
        assert not receiver.violations


@pytest.fixture
def waits():
    """Seconds that the account was waited for."""
    return []


@pytest.fixture
def account(receiver, waits):
    return Account(say=lambda _: None, wait=waits.append)


def apply(account, wanted=WANTED):
    steps, strays = plan(wanted, account)
    for step in steps:
        step.apply(account)
    return [step.action for step in steps], strays


def test_applying_again_writes_nothing(receiver, account):
    assert apply(account) == (["create"] * len(WANTED), [])
    assert len(receiver.writes) == len(WANTED)
    assert apply(account) == (["keep"] * len(WANTED), [])
    assert len(receiver.writes) == len(WANTED)
    assert {request.method for request in receiver.requests} == {"GET", "POST"}


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("dashboard", lambda theirs: theirs.update(default_timeframe=None)),
        ("dashboard", lambda theirs: theirs["widgets"].pop()),
        ("dashboard", lambda theirs: theirs["widgets"].append(theirs["widgets"][0])),
        ("dashboard", lambda theirs: theirs["widgets"][0]["definition"].update(title="Mine")),
        ("dashboard", lambda theirs: theirs["widgets"][0]["layout"].update(width=3)),
        ("monitor", lambda theirs: theirs.update(message="@me")),
        ("monitor", lambda theirs: theirs["options"]["thresholds"].update(critical=2.0)),
        ("monitor", lambda theirs: theirs["options"].pop("include_tags")),
        ("monitor", lambda theirs: theirs["tags"].append("team:risk")),
    ],
)
def test_what_was_changed_by_hand_is_written_back_with_one_request(receiver, account, kind, change):
    apply(account)
    kept = receiver.dashboards if kind == "dashboard" else receiver.monitors
    identity, theirs = next(iter(kept.items()))
    before = copy.deepcopy(theirs)
    change(theirs)
    receiver.writes.clear()

    steps, _ = plan(WANTED, account)
    [changed] = [step for step in steps if step.action == "update"]
    assert changed.difference.count("\n@@") == 1
    apply(account)
    [(method, path, _)] = receiver.writes
    assert (method, path) == ("PUT", f"/api/v1/{kind}/{identity}")
    server_fields = {"modified_at", "modified"}
    after = receiver.dashboards if kind == "dashboard" else receiver.monitors
    without_ids = [
        {name: value for name, value in item.items() if name not in {*server_fields, "widgets"}}
        for item in (before, after[identity])
    ]
    assert without_ids[0] == without_ids[1]
    assert apply(account)[0] == ["keep"] * len(WANTED)


def test_the_difference_shows_only_what_we_wrote(receiver, account):
    apply(account)
    theirs = next(iter(receiver.monitors.values()))
    theirs["message"] = "@me"
    steps, _ = plan(WANTED, account)
    [step] = [step for step in steps if step.action == "update"]
    lines = step.difference.splitlines()
    assert lines[:2] == [
        "--- datadog/monitors/incident-open.json",
        "+++ defined/monitors/incident-open.json",
    ]
    assert [line for line in lines[2:] if line.startswith("-")] == ['-  "message": "@me",']
    assert not any("overall_state" in line or "silenced" in line for line in lines)


def test_what_people_set_on_a_dashboard_stays(receiver, account):
    apply(account)
    theirs = next(iter(receiver.dashboards.values()))
    people = {
        "tags": ["team:risk"],
        "notify_list": ["jane@example.com"],
        "template_variable_presets": [{"name": "cards", "template_variables": []}],
    }
    theirs |= people
    assert apply(account)[0] == ["keep"] * len(WANTED)
    theirs["layout_type"] = "free"
    assert apply(account)[0].count("update") == 1
    after = next(iter(receiver.dashboards.values()))
    assert after["layout_type"] == "ordered"
    assert people.items() <= after.items()


@pytest.mark.parametrize("item", [OVERVIEW, INCIDENT_OPEN], ids=["dashboard", "monitor"])
@pytest.mark.parametrize("change", ["unmarked", "half marked", "retitled", "not defined", "copied"])
def test_what_is_not_ours_is_never_touched(receiver, account, item, change):
    name, mark = ("title", "description") if item.kind == "dashboard" else ("name", "tags")
    body = copy.deepcopy(item.body)
    if change == "copied":
        apply(account)
        receiver.writes.clear()
    if change == "unmarked":
        body[mark] = "Mine" if mark == "description" else []
    elif change == "half marked":
        body[mark] = (
            body[mark].replace(MANAGED_BY, "")
            if mark == "description"
            else [tag for tag in body[mark] if tag != MANAGED_BY]
        )
    elif change == "retitled":
        body[name] = f"(cloned) {body[name]}"
    elif change == "not defined":
        old = f"definition:{item.slug}"
        body[mark] = (
            body[mark].replace(old, "definition:gone")
            if mark == "description"
            else [tag.replace(old, "definition:gone") for tag in body[mark]]
        )
    # It differs from what is defined, so that it would be written over if it were taken for ours.
    body["widgets" if item.kind == "dashboard" else "message"] = (
        [] if item.kind == "dashboard" else "Mine"
    )
    theirs = receiver.put(item.kind, body)
    kept = receiver.dashboards if item.kind == "dashboard" else receiver.monitors
    before = copy.deepcopy(kept[str(theirs["id"])])

    actions, strays = apply(account)
    assert kept[str(theirs["id"])] == before
    assert not any(path.endswith(str(theirs["id"])) for _, path, _ in receiver.writes)
    if change == "copied":
        assert receiver.writes == []
    else:
        assert actions == ["create"] * len(WANTED)
    if change in ("unmarked", "half marked"):
        assert strays == []
    else:
        [stray] = strays
        assert (stray.kind, stray.title) == (item.kind, body[name])
        assert str(theirs["id"]) in stray.link


def test_ours_is_found_on_whatever_page_it_is(receiver, account):
    foreign = {"title": "Mine", "layout_type": "ordered", "widgets": [], "description": None}
    for _ in range(100):
        receiver.put("dashboard", foreign)
    for _ in range(120):
        gone = {"name": "old", "tags": [MANAGED_BY, "definition:gone"], "options": {}}
        receiver.put("monitor", gone)
    apply(account)
    for _ in range(100):
        receiver.put("dashboard", foreign)
    receiver.requests.clear()
    actions, strays = apply(account)
    assert actions == ["keep"] * len(WANTED)
    assert len(strays) == 120
    lists = [request.path for request in receiver.requests if "?" in request.path]
    assert len(lists) == 3 + 2  # 202 dashboards, 126 monitors with the mark
    assert "page=1" in lists[-1]


@pytest.mark.parametrize("count", [0, 99, 100, 101, 200])
def test_no_dashboard_is_listed_twice_or_never(receiver, account, count):
    foreign = {"title": "Mine", "layout_type": "ordered", "widgets": [], "description": None}
    for _ in range(count):
        receiver.put("dashboard", foreign)
    assert [item["id"] for item in account.marked("dashboard")] == [*receiver.dashboards]


@pytest.mark.parametrize("header", ["Retry-After", "X-RateLimit-Reset"])
def test_requests_are_as_slow_as_datadog_asks(receiver, account, waits, header):
    limited = Answer(429, {"errors": ["Too many requests"]}, {header: "7"})
    receiver.fail(limited, limited)
    assert apply(account)[0] == ["create"] * len(WANTED)
    assert waits == [7.0, 7.0]
    assert len(receiver.writes) == len(WANTED)


@pytest.mark.parametrize(("asked", "requests"), [("7", 5), ("3600", 1)])
def test_there_is_an_end_to_waiting(receiver, account, waits, asked, requests):
    receiver.fail(*[Answer(429, {"errors": ["Too many"]}, {"Retry-After": asked})] * 9)
    with pytest.raises(UndeliveredError, match="429"):
        plan(WANTED, account)
    assert len(receiver.requests) == requests
    assert waits == [7.0] * (requests - 1)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(403, {"errors": ["Forbidden"]}), "403.*Forbidden"),
        (Answer(500, {"errors": ["Internal"]}), "500"),
        (Answer(200, b"<html>a proxy</html>"), "not JSON"),
        (
            Answer(
                400, {"errors": [f"bad key {AccountReceiver.API_KEY} {AccountReceiver.APP_KEY}"]}
            ),
            "400",
        ),
        (Answer(302, {}, {"Location": "http://example.com/"}), "302"),
    ],
)
def test_what_goes_wrong_is_said_without_a_key(receiver, account, answer, says):
    receiver.fail(answer)
    with pytest.raises(UndeliveredError, match=says) as caught:
        plan(WANTED, account)
    assert AccountReceiver.API_KEY not in str(caught.value)
    assert AccountReceiver.APP_KEY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_account_that_cannot_be_reached(receiver, account):
    receiver.refuse_connections()
    with pytest.raises(UndeliveredError, match="no connection"):
        plan(WANTED, account)


@pytest.mark.parametrize("key", ["", "f00d\nf00d", "f00d\u20acf00d", "f00d\n"])
@pytest.mark.parametrize("name", ["DD_API_KEY", "DD_APP_KEY"])
def test_without_what_can_be_a_key_nothing_is_asked(receiver, account, monkeypatch, name, key):
    monkeypatch.setenv(name, key)
    with pytest.raises(UndeliveredError, match=f"^{name}: found ") as caught:
        plan(WANTED, account)
    assert "f00d" not in str(caught.value)
    assert receiver.requests == []


def test_what_was_cut_off_is_made_good_by_the_next(receiver, account):
    steps, _ = plan(WANTED, account)
    steps[0].apply(account)
    receiver.fail(Answer(500, {"errors": ["Internal"]}))
    with pytest.raises(UndeliveredError, match="500"):
        steps[1].apply(account)
    assert apply(account)[0] == ["keep"] + ["create"] * (len(WANTED) - 1)


@pytest.mark.parametrize("number", range(len(WANTED)))
def test_what_was_created_without_an_answer_is_not_created_again(receiver, account, number):
    steps, _ = plan(WANTED, account)
    receiver.fail(CUT_AFTER)
    with pytest.raises(UndeliveredError, match="no connection"):
        steps[number].apply(account)
    actions, strays = apply(account)
    assert [at for at, action in enumerate(actions) if action == "keep"] == [number]
    assert strays == []
    assert len(receiver.writes) == len(WANTED)


def test_of_two_that_are_equal_the_older_is_ours_whichever_is_listed_first(receiver, account):
    younger, older = "2026-11-02T00:00:00+00:00", "2026-11-01T00:00:00+00:00"
    first = receiver.put("dashboard", OVERVIEW.body | {"created_at": younger})
    second = receiver.put("dashboard", OVERVIEW.body | {"created_at": older})
    [step, *_], [stray] = plan(WANTED, account)
    assert step.theirs["id"] == second["id"]
    assert first["id"] in stray.link
