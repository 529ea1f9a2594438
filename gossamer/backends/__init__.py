"""Targets: what each supports, what a design costs there, how it is built and run."""
