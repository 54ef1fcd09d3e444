"""Print `N passed, N failed, N skipped` over the JUnit files of a folder."""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

run = failed = skipped = 0
for file in Path(sys.argv[1]).glob("*.xml"):
    for suite in ET.parse(file).iter("testsuite"):
        run += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
print(f"{run - failed - skipped} passed, {failed} failed, {skipped} skipped")
