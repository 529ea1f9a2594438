"""The target `tinydsp`: see backend.py."""

from gossamer_tinydsp.backend import TinyDsp

backend = TinyDsp()
