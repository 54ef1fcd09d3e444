"""How pages write text, numbers and colours."""

import re
from importlib.resources import files

import pytest

from monitoring_assets.pages.render import colour, number, percent, render, signed
from monitoring_assets.statistics.drift.thresholds import WORST_FIRST

STYLE = (files("monitoring_assets.pages") / "templates" / "style.css").read_text()


def test_numbers_have_fixed_digits_and_none_is_a_dash():
    assert (number(1234.5678), number(0.5, 1), number(None)) == ("1,234.568", "0.5", "\u2013")
    assert (signed(0.25), signed(-0.25, 1), signed(None)) == ("+0.2500", "-0.2", "\u2013")
    assert (percent(0.1234), percent(None)) == ("12.3%", "\u2013")


def test_every_status_has_a_colour_of_the_style_sheet():
    for status in (*WORST_FIRST, "incident open", "stopped", "silent"):
        assert f".badge.{colour(status)} " in STYLE


def test_text_is_escaped():
    page = render("fleet.html.j2", **one_line("<script>alert(1)</script>"))
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def one_line(key):
    import datetime as dt

    from monitoring_assets.pages.fleet_page import Line

    return {
        "lines": [Line(key, None, "silent")],
        "counts": [("silent", 1)],
        "made_at": dt.datetime(2026, 9, 1, tzinfo=dt.UTC),
    }


def luminance(colour):
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def palettes():
    found = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    for block in found:
        short = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+)", block))
        yield {
            name: "#" + "".join(c * 2 for c in value[1:]) if len(value) == 4 else value[:7]
            for name, value in short.items()
        }


@pytest.mark.parametrize("palette", palettes(), ids=["light", "dark"])
def test_text_can_be_read_in_both_schemes(palette):
    for text in ("text", "dim", "now", "fail", "warn", "ok", "unsure"):
        for behind in ("page", "panel"):
            assert contrast(palette[text], palette[behind]) >= 4.5, (text, behind)
    for name in ("fail", "warn", "ok", "unsure"):
        assert contrast(palette[name], palette[f"{name}-back"]) >= 4.5, name
        assert contrast(palette["text"], palette[f"{name}-back"]) >= 4.5, name
    # Bars and lines, WCAG 1.4.11.
    assert contrast(palette["now"], palette["page"]) >= 3
