"""Every error a user can cause, one class a stage, all below `GossamerError`.

A message says where, what was found, what is needed and what to do, in one sentence:
`conv1 (nn.conv2d): input has 3 channels but the weight expects 4 x groups 1`.
The command line prints the message and exits with 2; nothing else may reach a user as a traceback.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class GossamerError(Exception):
    """Base of every error that is the input's fault rather than the program's."""


class IRError(GossamerError):
    """A malformed op, graph, module or type."""


class ParseError(IRError):
    """IR text that does not parse; the message starts with `line:column`."""


class FrontendError(GossamerError):
    """A model file that cannot be imported."""


class PassError(GossamerError):
    """A pass given bad options, or a module it has to refuse."""


class HardwareError(GossamerError):
    """A hardware description out of bounds."""


class BackendError(GossamerError):
    """A target that is unknown, cannot run an op, or an artifact that cannot be loaded."""


class DataError(GossamerError):
    """Data (images, calibration inputs, a result store) that cannot be read or written."""


class SearchError(GossamerError):
    """A search that was asked for something impossible."""


class RegistryError(GossamerError):
    """An unknown plug-in name, or two packages that claim one name."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The tail of an unknown-name message: `; did you mean 'x'?` and the list of what there is."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"{hint} (known: {', '.join(names) or 'none'})"
