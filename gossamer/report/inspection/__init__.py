"""What `gossamer inspect` shows: one op in full, the difference between two passes, the page."""
