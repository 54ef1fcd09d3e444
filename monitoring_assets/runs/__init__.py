"""What a run of the graph is: how it is made, tagged, executed, and why it failed."""
