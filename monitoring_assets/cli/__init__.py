"""The command line, thin over the functions of the other packages."""
