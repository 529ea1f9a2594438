"""Names for what a pipeline left: `import`, then every pass by its name, `fuse#2` for the second `fuse`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from gossamer.ir.errors import DataError, nearest

if TYPE_CHECKING:
    from gossamer.ir.graph import Module

START = "import"


class Stage(Protocol):
    """A module as one pass left it; `gossamer.api.Stage`."""

    @property
    def name(self) -> str: ...
    @property
    def module(self) -> "Module": ...
    @property
    def seconds(self) -> float: ...
    @property
    def refusals(self) -> Mapping[str, str]: ...


AnyStage = TypeVar("AnyStage", bound=Stage)


def stage_names(stages: Sequence[Stage]) -> tuple[str, ...]:
    """One short name a stage, each different."""
    seen: dict[str, int] = {}
    names: list[str] = []
    for stage in stages:
        bare = stage.name.partition("{")[0] or START
        seen[bare] = seen.get(bare, 0) + 1
        names.append(bare if seen[bare] == 1 else f"{bare}#{seen[bare]}")
    return tuple(names)


def stage_called(stages: Sequence[AnyStage], wanted: str) -> tuple[str, AnyStage]:
    """Name and stage by a name of `stage_names`, or the pass as the pipeline writes it. DataError: none."""
    names = stage_names(stages)
    asked = wanted.strip().removesuffix("#1")
    for name, stage in zip(names, stages):
        if asked in (name, stage.name or START):
            return name, stage
    raise DataError(f"'{wanted}' is no pass of this pipeline{nearest(asked, names)}")
