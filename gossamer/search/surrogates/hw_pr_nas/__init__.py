"""HW-PR-NAS: one surrogate of the Pareto rank of a design, for all objectives at once (thesis, 3.2)."""
