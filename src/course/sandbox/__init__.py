"""The sandbox: where a submission runs when somebody's marks depend on it."""
