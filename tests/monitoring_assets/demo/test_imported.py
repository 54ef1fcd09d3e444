"""What the demo's processes import reads nothing of the environment."""

import subprocess
import sys

LOADED = """
import sys
import monitoring_assets.demo.imported
reading = ("monitoring_assets.partitions", "resources.", "sensors.")
print([name for name in sys.modules if name.startswith(reading)])
"""


def test_nothing_that_reads_the_environment_is_imported():
    found = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "[]\n"), found.stderr
