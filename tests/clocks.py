"""Schedules, and fortnights in which the clocks change near them."""

import datetime as dt

from resources.manifest import WEEKDAYS

# Zones whose clocks change at one, at two, by half an hour, at midnight either way, or never.
ZONES = [
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Kolkata",
]
TIMES = ["0 6", "30 1", "0 2", "45 2", "0 0", "30 0", "59 23"]
WEEKS = [WEEKDAYS, WEEKDAYS[:5], ("tue",), ("sat", "sun")]
# Each fortnight has a change of the clocks of one of the zones near its begin or in its midst.
STARTS = [
    dt.date(2026, month, day)
    for month, day in [
        (3, 7),
        (3, 27),
        (3, 28),
        (4, 4),
        (4, 23),
        (9, 5),
        (10, 3),
        (10, 24),
        (11, 1),
    ]
]
