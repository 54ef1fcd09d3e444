"""What is computed: the asset graph, its checks and its statistics."""

from monitoring_assets.packages import take_beside

take_beside()
