"""Recipes by name or by file, and the experiments they make.

    load_recipe("young", target="systolic", changes=("strategy.population=20", "budget=30"))

A recipe is a file `NAME.yaml` beside this one, or any file of that form.
"""

from collections.abc import Iterable
from pathlib import Path

from gossamer.ir.errors import DataError, SearchError, nearest
from gossamer.search.experiment import Experiment
from gossamer.search.recipes.edits import with_changes
from gossamer.search.recipes.nodes import MOST_CHARACTERS
from gossamer.search.recipes.schema import Recipe, build, composed, default_targets, read_recipe, words

FOLDER = Path(__file__).parent
END = ".yaml"


def recipe_names() -> tuple[str, ...]:
    """Every recipe in the box, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob(f"*{END}")))


def find_recipe(name: str) -> Recipe:
    """By name, or by path of a file. SearchError: no such recipe, or what is wrong in it; DataError: unreadable."""
    if name.endswith((END, ".yml")) or "/" in name:
        return _read(Path(name).expanduser(), Path(name).stem)
    if name not in recipe_names():
        raise SearchError(f"unknown recipe '{name}'{nearest(name, recipe_names())}")
    return _read(FOLDER / f"{name}{END}", name)


def _read(path: Path, name: str) -> Recipe:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MOST_CHARACTERS + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "").lower() if isinstance(error, OSError) else "it is not UTF-8 text"
        raise DataError(f"{path}: cannot be read as a recipe ({reason})") from None
    return read_recipe(text, name, path.name if path.parent == FOLDER else str(path))


def load_recipe(name: str, target: str = "", changes: Iterable[str] = ()) -> Experiment:
    """The experiment of a recipe. `target`: one or several with commas, by default the recipe's first; `changes`:
    texts like `strategy.population=20`, applied in order. SearchError says where something is wrong.
    """
    recipe = find_recipe(name)
    targets = words(target) or default_targets(recipe)
    if len(set(targets)) != len(targets):
        raise SearchError(f"a target is named twice in '{target}'")
    return build(recipe.name, with_changes(composed(recipe, targets), changes), targets)
