"""From where on a number is yellow, and red."""

from monitoring_assets.statistics.drift import Thresholds

INDEX_LIMITS = (Thresholds().warn, Thresholds().fail)
"""PSI and CSI; a manifest's own thresholds are not known to Datadog."""
AGE_LIMITS = (2, 3)
"""Days since the newest report; that of yesterday's batch is 1 day old."""
