"""`gossamer recipes [NAME]`: published searches that `gossamer search --recipe` can run, or one of them as text."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gossamer.cli.output import JsonFlag, Output

if TYPE_CHECKING:
    from rich.table import Table

    from gossamer.search.recipes.schema import Recipe

EXAMPLE = (
    "Example: [bold]gossamer recipes random[/bold]   its source, what it reproduces and its YAML, ready to be copied "
    "and changed."
)


def recipes(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One recipe, or a YAML file, as text.", show_default=False)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the recipes: name, source, what each reproduces, its targets; or show one."""
    import gossamer.api as api

    with Output(as_json) as out:
        if name is not None:
            from gossamer.search.recipes.load import find_recipe

            recipe = find_recipe(name)
            out.answer(_described(recipe) | {"text": recipe.text}, _plain(recipe.text))
            return
        found = list(api.recipes().values())
        out.answer({"recipes": [_described(item) for item in found]}, _table(found))


def _described(recipe: "Recipe") -> dict[str, Any]:
    """A recipe as data."""
    return {
        "name": recipe.name,
        "source": recipe.source,
        "reproduces": recipe.reproduces,
        "targets": list(recipe.targets),
    }


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text.rstrip())


def _table(recipes: "list[Recipe]") -> "Table":
    from rich.table import Table

    table = Table("recipe", "targets", "source", "what it reproduces", box=None, header_style="bold", pad_edge=False)
    for item in recipes:
        table.add_row(item.name, ", ".join(item.targets), _plain(item.source), _plain(item.reproduces))
    return table
