"""Model files and programs -> IR."""
