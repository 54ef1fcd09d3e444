"""With what: the registry and its manifests, the lake, the store, the scorers."""
