"""How large a thing a file may declare. A few bytes can ask for terabytes, so this is asked before anything is made."""

from collections.abc import Sequence
from math import prod

from gossamer.ir.errors import FrontendError

ELEMENTS_MAX = 1 << 33
AXES_MAX = 64
"""As many as a numpy array can have."""


def check_elements(shape: Sequence[int], where: str) -> None:
    """FrontendError when a tensor of that shape has too many axes or elements."""
    if len(shape) > AXES_MAX:
        raise FrontendError(f"{where} declares {len(shape)} axes and may have {AXES_MAX}")
    if prod(shape) > ELEMENTS_MAX:
        size = f"{prod(shape):.3g} elements {list(shape)}"
        raise FrontendError(f"{where} declares {size} and may have {ELEMENTS_MAX:.3g}")
