"""What `make` needs and no package has: a free port, and lessons that are executed only when they must be."""
