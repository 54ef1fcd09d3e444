"""What goes over the rows of a day: one machine, or a cluster that runs the same code."""
