"""Spaces, strategies, estimators, objectives, the store of results."""
