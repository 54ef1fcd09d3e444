"""Profiles: rows become counts by bin."""
