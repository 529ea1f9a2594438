"""How long a search goes on: `5m`, `90s`, `1h` of time, or `2000` evaluations.

The order in which designs are evaluated depends on the seed alone, so a time budget gives a prefix of the same
sequence; only an evaluation budget gives the same front on a slower machine.
"""

import re
from dataclasses import dataclass

from gossamer.ir.errors import SearchError

_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)?")
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Budget:
    """One of the two is None."""

    seconds: float | None
    evaluations: int | None

    @staticmethod
    def parse(given: "str | int | float") -> "Budget":
        """`"5m"`, `"2000"` or 2000. SearchError for anything else."""
        match = _TEXT.fullmatch(str(given).strip())
        if match is None or float(match[1]) <= 0 or (match[2] is None and float(match[1]) % 1):
            raise SearchError(
                f"budget '{given}' is neither a time (90s, 5m, 1h) nor a whole number of evaluations (2000), above 0"
            )
        if match[2] is None:
            return Budget(None, int(float(match[1])))
        return Budget(float(match[1]) * _SECONDS[match[2]], None)

    def spent(self, evaluations: int, seconds: float) -> bool:
        if self.seconds is not None:
            return seconds >= self.seconds
        return evaluations >= (self.evaluations or 0)

    def share(self, evaluations: int, seconds: float) -> float:
        """How much of it is used up, 0 .. 1."""
        return min(1.0, seconds / self.seconds if self.seconds else evaluations / (self.evaluations or 1))
