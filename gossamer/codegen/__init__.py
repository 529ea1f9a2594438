"""IR -> code."""
