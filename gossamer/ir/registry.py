"""Plug-ins by name: the one door through which ops, passes, backends and the parts of a search come in.

A package declares an entry point in one of the groups `gossamer.ops`, `.passes`, `.backends`, `.spaces`,
`.strategies`, `.evaluators`, `.surrogates`, `.encodings`, `.executors`, `.filters`; what ships in the box uses the
same door. Two packages that claim one name are an error that says who, raised only when that name is asked for or the
group is listed.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from gossamer.ir.errors import RegistryError, nearest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@dataclass(frozen=True)
class Registry:
    """One entry-point group. `kind` is the word used in messages ("target", "pass", ...)."""

    group: str
    kind: str

    def names(self) -> tuple[str, ...]:
        """Every installed name, sorted; raises RegistryError on a clash."""
        return tuple(sorted(self._points()))

    def load(self, name: str) -> Any:
        """The object behind `name`; RegistryError names the nearest known one when there is none."""
        points = self._points()
        if name not in points:
            raise RegistryError(f"unknown {self.kind} '{name}'{nearest(name, points)}")
        try:
            return points[name].load()
        except ImportError as error:
            raise RegistryError(
                f"{self.kind} '{name}' from {_owner(points[name])} needs a package that is missing: {error}"
            ) from error
        except AttributeError as error:
            raise RegistryError(f"{self.kind} '{name}' from {_owner(points[name])} is not there: {error}") from error

    def owner(self, name: str) -> str:
        """The distribution that provides `name`, with its version."""
        return _owner(self._points()[name])

    def _points(self) -> "dict[str, EntryPoint]":
        return _collect(self.group, self.kind)


def _owner(point: "EntryPoint") -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


@cache
def _collect(group: str, kind: str) -> "dict[str, EntryPoint]":
    from importlib import metadata  # its modules take some megabytes

    found: dict[str, EntryPoint] = {}
    for point in metadata.entry_points(group=group):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise RegistryError(
                f"two packages provide the {kind} '{point.name}': {_owner(other)} ({other.value}) and "
                f"{_owner(point)} ({point.value}); uninstall one of them"
            )
    return found


OPS = Registry("gossamer.ops", "op package")
PASSES = Registry("gossamer.passes", "pass")
BACKENDS = Registry("gossamer.backends", "target")
SPACES = Registry("gossamer.spaces", "space")
STRATEGIES = Registry("gossamer.strategies", "strategy")
EVALUATORS = Registry("gossamer.evaluators", "evaluator")
SURROGATES = Registry("gossamer.surrogates", "surrogate")
ENCODINGS = Registry("gossamer.encodings", "encoding")
EXECUTORS = Registry("gossamer.executors", "executor")
FILTERS = Registry("gossamer.filters", "filter")
