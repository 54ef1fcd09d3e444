"""What is computed: the asset graph, its checks and its statistics."""
