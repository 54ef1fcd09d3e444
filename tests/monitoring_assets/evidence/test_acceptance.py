"""Tables of decisions in a pack."""

from monitoring_assets.evidence.content import collect
from monitoring_assets.evidence.page import evidence_page
from monitoring_assets.periods.calendar import periods
from monitoring_assets.periods.decisions import read_decisions
from tests.monitoring_assets.conftest import KEY


def pack(one):
    return collect(one.store, KEY, one.days[0], one.days[-1], lambda *_: None)


def test_a_pack_has_each_month_as_the_command_shows_it(decided):
    content = pack(decided)
    months = list(periods(decided.days[0], decided.days[-1], "month"))
    found = list(read_decisions(decided.store, content.manifest, months, 30))
    rows = content.rows("acceptance")
    assert [row["period"] for row in rows] == [one.period.name for one in found]
    for row, one in zip(rows, found, strict=True):
        assert row["change"] == one.text
        for name, value in (one.total.figures if one.total else {}).items():
            assert row[name] == value
    assert rows[-1]["change"].replace("'", "&#39;") in evidence_page(content)
    bands, outcomes = content.rows("acceptance_bands"), content.rows("acceptance_outcomes")
    assert sum(row["scored"] for row in bands) == 3800
    assert {row["decision"] for row in outcomes} >= {"approved", "low-side override"}


def test_a_pack_of_another_model_has_no_such_tables(scored):
    assert not [name for name in pack(scored).tables if name.startswith("acceptance")]
