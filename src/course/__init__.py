"""The course around the world: catalog, grading, the page's glue and the command line."""
