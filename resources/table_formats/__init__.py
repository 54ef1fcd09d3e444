"""Tables whose log says which files are of them: Delta Lake and Iceberg, a version at a time."""
