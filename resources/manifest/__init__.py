"""The model manifest: the contract between a team that ships a model and this project.

A version lands in the registry as a folder whose last file to be written is ``model.yaml``. Its
JSON Schema is published in ``docs/model.schema.json``; an annotated example is
``docs/model.example.yaml``. One module for each section with rules of its own.
"""

from resources.kubernetes.pod import (
    Pod,
)
from resources.manifest.alerts import (
    Alerts,
)
from resources.manifest.checks import (
    CHECKS,
    CheckDefinition,
)
from resources.manifest.decisions import (
    Decisions,
)
from resources.manifest.fairness import (
    Fairness,
    band_labels,
)
from resources.manifest.faults import (
    WORDS,
    FieldFault,
    ManifestError,
)
from resources.manifest.manifest import (
    MANIFEST_NAME,
    WEEKDAYS,
    Manifest,
    Outcome,
    Schedule,
    is_revisable,
    parse_manifest,
)
from resources.manifest.text import (
    MOST_BYTES,
)
from resources.manifest.thresholds import (
    PerformanceThresholds,
    ThresholdPolicy,
)

__all__ = [
    "CHECKS",
    "MANIFEST_NAME",
    "MOST_BYTES",
    "WEEKDAYS",
    "WORDS",
    "Alerts",
    "CheckDefinition",
    "Decisions",
    "Fairness",
    "FieldFault",
    "Manifest",
    "ManifestError",
    "Outcome",
    "PerformanceThresholds",
    "Pod",
    "Schedule",
    "ThresholdPolicy",
    "band_labels",
    "is_revisable",
    "parse_manifest",
]
