"""Alert decisions: pure functions of history and policy."""
