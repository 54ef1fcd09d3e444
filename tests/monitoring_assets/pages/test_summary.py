"""The last day of each version in a few lines."""

from monitoring_assets.pages.day_content import read_day
from monitoring_assets.pages.summary import Summary, read_summaries, summary_of
from resources import layout
from resources.store import Store
from tests.monitoring_assets.pages.conftest import KEY


def test_a_day_in_a_few_lines(monitored):
    content = read_day(monitored.store, KEY, monitored.drifted)
    found = summary_of(content)
    assert (found.key, found.day, found.owner) == (KEY, monitored.drifted, "risk@lender.example")
    assert (found.outcome, found.verdict) == (content.outcome, content.verdict)
    assert found.since == monitored.drifted
    assert found.psi == content.score.history
    assert (found.column, found.rows) == ("income", 400)
    # No outcome is known of any cohort.
    assert (found.auc, found.auc_reference, found.auc_day) == (None, None, None)


def test_a_stopped_day_has_no_score(monitored):
    found = summary_of(read_day(monitored.store, KEY, monitored.stopped))
    assert (found.outcome, found.psi, found.rows) == ("incident open", (), None)


def test_they_are_read_as_they_were_written(monitored, tmp_path):
    store = Store(root=str(tmp_path))
    assert read_summaries(store) == []
    one = summary_of(read_day(monitored.store, KEY, monitored.quiet))
    other = one.model_copy(update={"key": "pd_a.1"})
    for found in (one, other):
        store.storage.write(layout.summary(found.key), found.model_dump_json().encode())
    store.storage.write(layout.page(KEY, monitored.quiet), b"<p>no summary</p>")
    assert read_summaries(store) == [other, one]
    assert isinstance(other, Summary)
