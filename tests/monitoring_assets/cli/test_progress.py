"""Progress of a command whose stderr is no terminal."""

import subprocess
import sys

CODE = """
import time
from monitoring_assets.cli import progress as of
of.LINE_SECONDS = 0.2
with of.progress() as step:
    for done in range(100):
        step(f"days: the {done}th", done, 100)
        time.sleep(0.005)
    step("days", 100, 100)
"""


def test_a_pipe_gets_plain_lines_now_and_then():
    result = subprocess.run([sys.executable, "-c", CODE], capture_output=True, check=True)
    assert result.stdout == b""
    assert b"\r" not in result.stderr
    assert b"\x1b" not in result.stderr
    lines = result.stderr.decode().splitlines()
    assert lines[0] == "days: the 0th: 0 of 100"
    assert lines[-1] == "days: 100 of 100"
    assert 3 <= len(lines) <= 20
