import datetime as dt

from monitoring_assets.demo.detection import detect
from monitoring_assets.demo.findings import Alarm, DayFindings
from monitoring_assets.demo.truth import Event, Truth, VersionTruth

END = dt.date(2026, 3, 10)
DAYS = [END - dt.timedelta(days=back) for back in reversed(range(10))]
PUSH = Event("a push", DAYS[4], None, ("income",))


def alarm(subject, status="warn", check="csi", observed=0.2):
    return Alarm(check, "ExpectSomething", subject, status, observed)


def judge(event, alarms):
    version = VersionTruth("pd.1", DAYS[0], event)
    days = {
        day: DayFindings(0.01, {"income": 0.02, "region": 0.03}, alarms.get(number, []))
        for number, day in enumerate(DAYS)
    }
    (detection,) = detect(Truth(END, 10, 1, (version,)), {"pd.1": days})
    return detection


def test_delays_count_from_the_first_day_of_the_event():
    detection = judge(PUSH, {6: [alarm("income")], 8: [alarm("income", "fail", observed=0.4)]})
    assert (detection.first_alarm.day, detection.first_alarm.delay) == (DAYS[6], 2)
    assert (detection.first_failure.day, detection.first_failure.delay) == (DAYS[8], 4)
    assert detection.false_alarms == 0


def test_the_score_may_move_because_characteristics_do():
    detection = judge(PUSH, {5: [alarm("score", check="psi")]})
    assert detection.first_alarm.delay == 1
    assert detection.first_failure is None
    assert detection.false_alarms == 0


def test_alarms_before_the_event_or_elsewhere_are_false():
    detection = judge(PUSH, {1: [alarm("income")], 5: [alarm("region")], 6: [alarm("income")]})
    assert detection.false_alarms == 2
    assert detection.first_alarm.day == DAYS[6]


def test_every_alarm_of_a_healthy_version_is_false():
    detection = judge(None, {2: [alarm("income"), alarm("region")], 3: [alarm("score")]})
    assert detection.false_alarms == 2
    assert detection.first_alarm is None


def test_a_version_without_findings_has_no_days():
    version = VersionTruth("pd.1", DAYS[0])
    (detection,) = detect(Truth(END, 10, 1, (version,)), {})
    assert (detection.days, detection.worst_csi, detection.worst_psi) == (0, None, None)


def test_the_worst_indices_are_over_all_days():
    detection = judge(None, {})
    assert detection.worst_csi == ("region", 0.03)
    assert detection.worst_psi == 0.01


def test_alarms_in_words():
    assert str(alarm("income", observed=7.1384)) == "income CSI 7.14"
    assert str(alarm("score", check="psi", observed=0.301)) == "score PSI 0.30"
    lost = Alarm("batch_quality", "ExpectMissingShareToBeAtMost", "income", "fail", 0.402)
    assert str(lost) == "income 40% missing"
    constant = Alarm("broken_columns", "ExpectValuesToBeSpread", "income", "fail", 0.998)
    assert str(constant) == "income 100% in one bin"
    assert str(alarm("key", check="batch_quality", observed=3.0)) == "key: batch_quality 3"
    assert str(alarm("income", "error", observed=None)) == "income: csi not computed"
