"""Disks that are full or read-only: named in one line, no half file, and on once there is room.

Each is a file system of its own, mounted where only the command under test sees it.
"""

import os
import subprocess

import pytest

from tests.conftest import YESTERDAY, Lender, rows
from tests.monitoring_assets.cli.conftest import MONITORING

pytestmark = pytest.mark.slow

OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
# Onboards and makes a day: with the disk as it is mounted, then with room.
SCRIPT = """
mount -t tmpfs -o "$HOW" tmpfs "$DISK" || exit 99
"$MONITORING" onboard && "$MONITORING" backfill pd_cards.1 && exit 98
find "$MONITORING_STORE" -name '*.parquet' -size 0
echo "-- room"
mount -o remount,rw,size=200m "$DISK" || exit 99
"$MONITORING" onboard && "$MONITORING" backfill pd_cards.1 || exit 97
find "$MONITORING_STORE/.unfinished" "$TMPDIR" -type f
"""
FULL = "No space left on device"
CASES = {
    "full store, at the first write": ("store", "size=4k", FULL),
    "full store, in a day": ("store", "size=64k", FULL),
    "read-only store": ("store", "ro", "Read-only file system"),
    "full TMPDIR": ("tmp", "size=8k", FULL),
    "full home": ("home", "size=600k", "database or disk is full"),
    "read-only home": ("home", "ro", "Read-only file system"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_disk_without_room_is_named_and_work_goes_on_once_there_is(tmp_path, case):
    name, how, said = CASES[case]
    lender = Lender(str(tmp_path), tmp_path)
    lender.publish(deployed_at=str(YESTERDAY))
    lender.deliver(YESTERDAY, rows(1, 20_000))
    for folder in ("store", "tmp", "home"):
        (tmp_path / folder).mkdir()
    environment = lender.environment | {
        "PATH": os.environ["PATH"],
        "DAGSTER_HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "MONITORING": str(MONITORING),
        "DISK": str(tmp_path / name),
        "HOW": how,
    }
    done = subprocess.run(
        [*OWN_MOUNTS, SCRIPT], capture_output=True, text=True, check=False, env=environment
    )
    if "unshare" in done.stderr or done.returncode == 99:
        pytest.skip(f"no mounts of one's own here: {done.stderr.strip()}")
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "Traceback" not in output
    lines = [line for line in output.splitlines() if said in line]
    assert lines, output
    assert all(str(tmp_path / name) in line for line in lines), output
    before, _, after = done.stdout.partition("-- room\n")
    assert ".parquet" not in before
    assert after.endswith("pd_cards.1: 1 day done, 0 failed\n")
