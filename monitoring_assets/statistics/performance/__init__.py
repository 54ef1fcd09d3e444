"""Realised performance: how well scores foretold outcomes, from one pass in the order of scores."""
