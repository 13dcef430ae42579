"""A world in which machines crash, messages are lost and acknowledgements do not arrive."""
