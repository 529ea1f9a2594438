"""`gossamer search`: a Pareto front of (network, bits, schedule, hardware), built, checked and written to a folder."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gossamer.cli.output import JsonFlag, Output

if TYPE_CHECKING:
    from rich.progress import TaskID

    from gossamer.search.evaluators import Progress
    from gossamer.search.result import Design, Run

EXAMPLE = (
    "Example: [bold]gossamer search --target systolic --data digits --budget 5m "
    '--limit "area<=4mm2" -o runs/first[/bold]   '
    "ends with a table and the path of a report. "
    "[bold]gossamer search --recipe random --target pixel3[/bold]   searches published tables."
)

DEFAULT_FOLDER = Path("runs/search")
NONE = "By default what the recipe says; without one"
SECONDS_BETWEEN_LINES = 15.0


def search(
    recipe: Annotated[
        str | None,
        typer.Option(
            help="A published search by name, or a YAML file; `gossamer recipes` lists them.", show_default=False
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help=f"An installed target, or a device of published tables. {NONE} systolic."),
    ] = None,
    space: Annotated[str | None, typer.Option(help=f"The family of networks to choose from. {NONE} mobilenet.")] = None,
    data: Annotated[
        str | None, typer.Option(help=f"digits, or mnist:PATH (PNG tar or IDX folder). {NONE} digits.")
    ] = None,
    objectives: Annotated[
        str | None, typer.Option(help=f"What to trade, comma-separated. {NONE} accuracy,latency,energy,area.")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Time, training (one to two minutes) included, or evaluations: 5m, 300s, 1h, 20000. "
            f"At least one batch of designs is evaluated. {NONE} 5m."
        ),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(help='What designs must not exceed: "latency<=2ms". May be repeated.', show_default=False),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The run's folder; one that exists goes on. By default runs/search, or runs/RECIPE-TARGET-DATA.",
        ),
    ] = None,
    strategy: Annotated[str | None, typer.Option(help=f"The search method. {NONE} nsga2.")] = None,
    estimator: Annotated[
        str | None, typer.Option(help=f"Where accuracies come from, without a recipe. {NONE} supernet.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help=f"Same seed, same front. {NONE} 0.", min=0)] = None,
    designs: Annotated[
        int | None, typer.Option(help=f"How many designs of the front to build, at most. {NONE} 12.", min=1)
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Change an option of a recipe: strategy.population=50. May be repeated.", show_default=False
        ),
    ] = None,
    executor: Annotated[
        str | None, typer.Option(help="Where candidates that take long are evaluated: processes, serial, ray.")
    ] = None,
    store: Annotated[
        str, typer.Option(help="Database for the results: postgresql://... By default a file in the folder.")
    ] = "",
    host: Annotated[bool, typer.Option(help="Compile every returned network for this machine too.")] = True,
    as_json: JsonFlag = False,
) -> None:
    """Search networks, precision and hardware together; Ctrl-C ends it with what it has found, saved."""
    import gossamer.api as api
    from gossamer.report.searched import PAGE, report_of
    from gossamer.report.tables import front_table, pairs_table

    with Output(as_json) as out:
        with _display(out) as progress:
            run = api.search(
                recipe=recipe or "",
                target=target,
                space=space,
                data=data,
                objectives=objectives,
                budget=budget,
                limits=limit,
                output=folder or (None if recipe else DEFAULT_FOLDER),
                strategy=strategy,
                estimator=estimator,
                seed=seed,
                designs=designs,
                changes=change or (),
                executor=executor,
                store=store,
                host=host,
                progress=progress,
            )
        if run.interrupted:
            out.note("interrupted: this is what had been found; the same command goes on from here")
        report = report_of(run)
        rows = [*report.facts.items(), ("report", str(run.folder / PAGE))]
        out.answer(document(run), front_table(report), "", pairs_table(rows), *notes(run))


def document(run: "Run") -> dict[str, Any]:
    """The run as data."""
    from gossamer.report.searched import PAGE, PICTURE

    return {
        "folder": run.folder,
        "report": run.folder / PAGE,
        "picture": run.folder / PICTURE,
        "settings": dict(run.settings),
        "facts": dict(run.facts),
        "evaluations": run.evaluations,
        "seconds": run.seconds,
        "interrupted": run.interrupted,
        "front_size": run.front_size,
        "hypervolume": run.hypervolume,
        "reference": dict(run.reference),
        "front": [_design(item) for item in run.front],
        "notes": run.notes,
    }


def _design(item: "Design") -> dict[str, Any]:
    return {
        "name": item.name,
        "metrics": dict(item.metrics),
        "searched": dict(item.searched),
        "network": dict(item.network),
        "hardware": item.hardware.values(),
        "folder": item.folder,
        "files": item.files,
        "notes": item.notes,
    }


def notes(run: "Run") -> tuple[str, ...]:
    """What a reader of the table should know, each once."""
    from rich.markup import escape

    every = dict.fromkeys([*run.notes, *(note for item in run.front for note in item.notes)])
    return tuple(f"[dim]{escape(note)}[/dim]" for note in every)


@contextmanager
def _display(out: Output) -> "Iterator[Progress]":
    """One bar a phase on stderr, made when the phase first reports; where stderr is no terminal, a line at times."""
    with out.progress() as bars:
        tasks: dict[str, TaskID] = {}
        said: dict[str, float] = {}

        def progress(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=of)
            if bars.disable and time.monotonic() - said.get(what, -math.inf) > SECONDS_BETWEEN_LINES:
                said[what] = time.monotonic()
                out.note(f"{what} ... {100 * done // max(of, 1)} %")
            bars.update(tasks[what], completed=done, total=of)

        yield progress
