"""Pods: what a run asks for and what became of it."""
