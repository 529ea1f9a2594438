"""IR -> IR: each pass a frozen dataclass in one file."""
