"""Gossamer: co-design of a neural network and the hardware it runs on."""

__version__ = "0.1.0"
