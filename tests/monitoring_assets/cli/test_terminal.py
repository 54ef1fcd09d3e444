"""What data says never orders a terminal about."""

import io
import sys
from contextlib import redirect_stderr

import pandas as pd
import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from monitoring_assets.cli.terminal import Terminal, console_of_bars

ORDERS = ["\x1b[2J", "\x1b]0;all is well\x07", "\x1b[1A", "\x9b2J", "\u202e", "\b\b"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("output", ["table", "json"])
def test_names_of_columns_and_categories_are_texts(tmp_path, order, output):
    for name, number in (("a", 1.0), ("b", 5.0)):
        frame = pd.DataFrame({f"inc{order}ome": [number] * 99 + [3.0], f"r{order}": [order] * 100})
        frame.to_parquet(tmp_path / f"{name}.parquet")
    files = ["--reference", f"{tmp_path}/a.parquet", "--current", f"{tmp_path}/b.parquet"]
    said = CliRunner().invoke(main, ["drift", *files, "--format", output]).output
    assert "inc" in said
    assert order not in said
    assert not any(sign in said for sign in "\x1b\x07\x9b\u202e\b")


def test_colours_and_bars_of_our_own_stay():
    stream = io.StringIO()
    Terminal(stream).write("\x1b[31mfound\x1b[0m\n")
    assert stream.getvalue() == "\x1b[31mfound\x1b[0m\n"
    with redirect_stderr(Terminal(sys.stderr)):
        assert not isinstance(console_of_bars().file, Terminal)
