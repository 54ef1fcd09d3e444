"""Tests that a validation unit reports: calibration, discrimination, concentration."""
