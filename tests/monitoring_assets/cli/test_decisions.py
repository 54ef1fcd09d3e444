from click.testing import CliRunner
from monitoring_assets.cli.main import main


def test_x(decided):
    for args in (
        ["decisions", "pd_cards.1", "--by", "day"],
        ["report", "pd_cards.1"],
        ["decisions", "pd_cards.1", "--format", "json", "--by", "all"],
    ):
        r = CliRunner().invoke(main, args)
        print(r.output[:6000])
        assert r.exit_code == 0, r.exception
    assert 0
