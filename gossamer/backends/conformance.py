"""The conformance suite: every promise of the backend seam, tried on any installed target.

    for finding in check_backend("systolic"):
        print(finding.passed, finding.check, finding.detail)

`gossamer check-backend NAME` prints it; a backend from outside runs it in its own tests. A check is a function of a
`Backend` that returns what it saw and raises `Broken` when a promise is not kept; any other exception is a failure too.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gossamer.backends.base import Backend
from gossamer.backends.conformance_cost import COST_CHECKS
from gossamer.backends.conformance_declare import DECLARATION_CHECKS
from gossamer.backends.conformance_run import RUN_CHECKS
from gossamer.ir.registry import BACKENDS


@dataclass(frozen=True)
class Finding:
    """What one check found; `detail` says what was seen, or what was wrong and what is needed."""

    check: str
    passed: bool
    detail: str


CHECKS: tuple[tuple[str, Callable[[Backend], str]], ...] = (*DECLARATION_CHECKS, *COST_CHECKS, *RUN_CHECKS)
"""Name and function of every check, in order."""


def check_backend(name: str) -> list[Finding]:
    """Every check on the target installed as `name`. Raises RegistryError when there is none."""
    backend: Backend = BACKENDS.load(name)
    named = Finding("registered name", getattr(backend, "name", None) == name, f"entry point '{name}'")
    if not named.passed:
        named = Finding(
            named.check, False, f"entry point '{name}' gives a backend called {getattr(backend, 'name', None)!r}"
        )
    return [named, *check_object(backend)]


def check_object(backend: Backend, *names: str) -> list[Finding]:
    """The checks of these names, or every one, on a backend at hand, installed or not."""
    return [_try(name, check, backend) for name, check in CHECKS if not names or name in names]


def _try(name: str, check: Callable[[Backend], str], backend: Backend) -> Finding:
    try:
        return Finding(name, True, check(backend))
    except Exception as error:  # a backend may break in any way; each is a finding
        words = str(error) or "no message"
        kind = "" if type(error).__name__ == "Broken" else f"{type(error).__name__}: "
        return Finding(name, False, kind + words)
