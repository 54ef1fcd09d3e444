"""From reports to a decision, and who has been told of it."""
