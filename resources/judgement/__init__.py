"""Judging a model version, in a process that loads neither Dagster nor the registry."""
