"""The job of a search: some of its evaluators, built from their settings in every worker."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gossamer.search.evaluators import Context, Evaluator, EvaluatorSettings, Together

if TYPE_CHECKING:
    from gossamer.search.space import CoDesignSpace


@dataclass(frozen=True)
class EvaluatorJob:
    """`parts`: as in a recipe. The rest is their context but for the progress, which stays with the search."""

    parts: tuple[EvaluatorSettings, ...]
    space: "CoDesignSpace"
    seed: int
    data: str
    folder: Path

    @staticmethod
    def of(parts: tuple[EvaluatorSettings, ...], context: Context) -> "EvaluatorJob":
        return EvaluatorJob(parts, context.space, context.seed, context.data, context.folder)

    def start(self) -> Evaluator:
        context = Context(self.space, self.seed, self.data, self.folder, _silent)
        started = [part.start(context) for part in self.parts]
        return started[0] if len(started) == 1 else Together(started)


def _silent(what: str, done: int, of: int) -> None:
    """Workers show no progress."""
