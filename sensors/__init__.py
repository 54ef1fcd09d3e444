"""When: what makes a run start."""
