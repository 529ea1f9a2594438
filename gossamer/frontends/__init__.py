"""Model files and programs -> IR. `load` recognises what it is given; each frontend is a package of its own."""

from gossamer.frontends.load import load
from gossamer.frontends.shapes import parse_shapes
from gossamer.frontends.text import load_text, save_text

__all__ = ["load", "load_text", "parse_shapes", "save_text"]
