"""The Python interface: what `import gossamer as gs` offers.

    module = gs.load("resnet18.onnx")
    artifact = gs.compile(module, target="cpu")
    y = artifact.run({"x": x})
    artifact.save("out")
    artifact = gs.load_artifact("out")
    run = gs.search(target="systolic", space="mobilenet", data="digits", budget="5m")

Every function raises a `GossamerError` (one sentence: where, found, needed, what to do) for a mistake in its arguments.
Imports stand inside the functions, so that `import gossamer` costs nothing that is not used.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gossamer.backends.folder import MANIFEST
from gossamer.ir.errors import BackendError

if TYPE_CHECKING:
    from gossamer.backends.base import Artifact, Backend
    from gossamer.backends.conformance import Finding
    from gossamer.frontends.load import Model
    from gossamer.ir.graph import Array, Module
    from gossamer.ir.hardware import Hardware, Number
    from gossamer.passes.base import Pass
    from gossamer.report.searches.one import SearchReport
    from gossamer.report.searches.several import Comparison
    from gossamer.search.evaluators import Progress
    from gossamer.search.recipes.schema import Recipe
    from gossamer.search.result import Run

    HardwareValues = Hardware | Mapping[str, Number]


@dataclass(frozen=True)
class Stage:
    """A module as one pass left it; `name` is the pass as a pipeline writes it, "" for the module as it came.

    `refusals`: title of every statement the pass left alone where one would expect a change -> why.
    """

    name: str
    module: "Module"
    seconds: float
    refusals: "Mapping[str, str]" = field(default_factory=dict[str, str])


def load(
    model: "Model",
    shapes: "Mapping[str, Sequence[int]] | None" = None,
    constants: "Mapping[str, Array] | None" = None,
) -> "Module":
    """A network as a module: an ONNX or TensorFlow Lite file, IR text, a torch module or program, an ONNX model.

    `shapes` gives shapes of inputs that the model leaves open: `{"x": (1, 3, 224, 224)}`; a torch module needs one for
    every input. `constants` fixes the numbers of inputs of an ONNX model that shapes depend on:
    `{"sizes": numpy.array([1, 3, 448, 448])}`. Raises FrontendError: not a model, cut off or malformed, external data
    missing, dynamic shapes, operators that are not supported (all of them).
    """
    from gossamer import frontends

    return frontends.load(model, shapes, constants)


def compile(
    module: "Module",
    target: str = "cpu",
    *,
    passes: str | None = None,
    hardware: "HardwareValues | None" = None,
    calibration: "Mapping[str, Array] | None" = None,
    tune_s: float = 0.0,
    tune_db: Path | str | None = None,
) -> "Artifact":
    """Build a network for a target.

    `passes` is a pipeline ("fold-bn,fuse,quantize{bits=8},tile{target=cpu}"), by default the target's own.
    `calibration` gives real inputs by name (batch first) for `quantize`. Raises BackendError, with what was needed,
    what there was and what would help, when the network does not fit.

    `tune_s` and `tune_db` are as `tune` has them: schedules measured before, here, are used without being asked for.
    """
    ready = prepare(module, target, passes=passes, hardware=hardware, calibration=calibration)
    return build(tune(ready, target, tune_s, tune_db)[0], target)


def tune(
    module: "Module",
    target: str,
    seconds: float = 0.0,
    database: Path | str | None = None,
    progress: Callable[[str], None] | None = None,
) -> "tuple[Module, str]":
    """A prepared module with the fastest schedules that have been measured on this machine, and that in words.

    Schedules that nobody measured yet are measured for up to `seconds`, in processes of their own. The database is
    GOSSAMER_TUNING or a file in the user's cache; "off" for none. The words are "" when there was nothing to do.
    Raises BackendError: a target without schedules to measure, a machine or a database that cannot be used.
    """
    own: Any = backend(target)
    if not hasattr(own, "tuned"):
        if seconds > 0:
            raise BackendError(f"{target}: has no schedules to measure; leave the tuning time out")
        return module, ""
    found = own.tuned(module, seconds, database, progress)
    return (module, "") if found is None else (found.module, str(found))


def build(module: "Module", target: str) -> "Artifact":
    """The last step of `compile`: a module that has been through its passes, built. Raises BackendError."""
    from gossamer.backends.base import Infeasible

    result = backend(target).compile(module)
    if isinstance(result, Infeasible):
        raise BackendError(f"{target}: {result}")
    return result


def prepare(
    module: "Module",
    target: str,
    *,
    passes: str | None = None,
    hardware: "HardwareValues | None" = None,
    calibration: "Mapping[str, Array] | None" = None,
) -> "Module":
    """What `compile` hands to the backend: the module on its hardware, after the pipeline."""
    placed = module.with_hardware(_hardware(backend(target), module, hardware))
    return inspect(placed, passes if passes is not None else standard_passes(target), calibration=calibration)[
        -1
    ].module


def standard_passes(target: str) -> str:
    """The pipeline `compile` uses for a target when it is given none."""
    from gossamer.passes.pipeline import print_pipeline, standard

    return print_pipeline(standard(target))


def inspect(
    module: "Module",
    passes: str = "",
    *,
    calibration: "Mapping[str, Array] | None" = None,
    after_each: Callable[[Stage], None] | None = None,
) -> "tuple[Stage, ...]":
    """The module before and after every pass of a pipeline."""
    import time

    from gossamer.passes.options import written
    from gossamer.passes.pipeline import parse_pipeline, run_pipeline

    stages = [Stage("", module, 0.0)]
    for item in parse_pipeline(passes):
        before = stages[-1].module
        start = time.perf_counter()
        current = _calibrated(item, before, calibration)
        after = run_pipeline(before, (current,))
        stage = Stage(written(item), after, time.perf_counter() - start, item.refusals(before))
        stages.append(stage)
        if after_each is not None:
            after_each(stage)
    return tuple(stages)


def export(
    module: "Module", path: Path | str, format: str = "", *, weights_as_arguments: bool = False
) -> "tuple[Path, ...]":
    """Write a network for other tools, and say which files that made.

    `format`: "onnx", "mlir", "torch" (python source and an .npz with the weights) or "text" (the IR, and an .npz); by
    default what the end of the name says: .onnx, .mlir, .py, .gsm. With `weights_as_arguments` the parameters of an
    MLIR function are arguments after its inputs. Raises BackendError: an unknown format, or what a format cannot say.
    """
    from gossamer.formats import WRITERS, export_format

    kind = export_format(path, format)
    if weights_as_arguments and kind != "mlir":
        raise BackendError(f"{path}: weights can be arguments in MLIR alone, found the format {kind}")
    return WRITERS[kind](module, Path(path), weights_as_arguments)


def needs_calibration(passes: str) -> bool:
    """Whether a pipeline quantises without naming the data to calibrate on."""
    from gossamer.passes.pipeline import parse_pipeline
    from gossamer.passes.quantize import Quantize

    return any(isinstance(item, Quantize) and not item.calibration for item in parse_pipeline(passes))


def search(
    *,
    recipe: str = "",
    target: str | None = None,
    space: str | None = None,
    data: str | None = None,
    objectives: "str | Iterable[str] | None" = None,
    limits: "Iterable[str] | None" = None,
    budget: "str | int | float | None" = None,
    output: Path | str | None = None,
    seed: int | None = None,
    strategy: str | None = None,
    estimator: str | None = None,
    designs: int | None = None,
    changes: "Iterable[str]" = (),
    executor: str | None = None,
    store: str = "",
    host: bool = True,
    report: bool = True,
    progress: "Progress | None" = None,
) -> "Run":
    """Search networks, precision and hardware together; `run.front` are the designs, built and measured.

    Without a `recipe`: networks of `space` ("mobilenet") for images of `data` ("digits") on `target` ("systolic"), by
    `strategy` ("nsga2"), accuracies from `estimator` ("supernet"), for `objectives` ("accuracy,latency,energy,area").
    With one, a name or a YAML file, all of that is what the recipe says, but for what is given here; `changes` set its
    options ("strategy.population=50").

    `budget` is a time ("5m") or a number of evaluations (2000); `limits` have units ("latency<=2ms"). Everything is
    left in the folder `output`, `report.html` included; a folder that holds the same search goes on from it. `store`
    is the URL of a database for the results, `executor` where candidates are evaluated ("processes", "ray"). `host`
    compiles every returned network for this machine too. `progress(what, done, of)` is called often.

    Raises SearchError: unknown names, impossible limits, nothing found; DataError: data or the store.
    """
    from gossamer.search import engine
    from gossamer.search.keywords import recipe_changes

    given = {
        "space": space,
        "data": data,
        "objectives": objectives,
        "limits": None if limits is None else tuple(limits),
        "budget": budget,
        "seed": seed,
        "strategy": strategy,
        "designs": designs,
        "executor": executor,
    }
    known = {name: value for name, value in given.items() if value is not None}
    told = progress or (lambda what, done, of: None)
    if recipe:
        asked = (*recipe_changes(known, estimator), *changes)
        run = engine.search_recipe(recipe, target or "", asked, out=output, store=store, host=host, progress=told)
    else:
        more = {"target": target, "estimator": estimator}
        known |= {name: value for name, value in more.items() if value is not None}
        run = engine.search(**known, changes=changes, out=output, store=store, host=host, progress=told)
    if report:
        from gossamer.report.searched import write_report

        write_report(run)
    return run


def recipes() -> "dict[str, Recipe]":
    """Every recipe in the box by name: its source, what it reproduces, its targets."""
    from gossamer.search.recipes.load import find_recipe, recipe_names

    return {name: find_recipe(name) for name in recipe_names()}


def report(
    run: Path | str, reference: "Mapping[str, str] | None" = None, output: Path | str | None = None
) -> "SearchReport":
    """A search so far, from its folder, its store or its database URL; it may be running, or have been killed.

    `.history` has every evaluation (`columns`, `points`, `front`), `.standing` the hypervolumes and the anytime curve,
    `.shared` what the front has in common. `reference` gives the tight reference point values of objectives
    ({"accuracy": "60%"}). With `output` the page is written there too. Raises DataError: no search there, or nothing
    evaluated; SearchError: a reference on no objective.
    """
    from gossamer.report.searches.one import report_search, write_page

    found = report_search(run, reference)
    if output is not None:
        write_page(found, Path(output))
    return found


def compare(
    runs: "Sequence[Path | str]",
    objectives: str | None = None,
    reference: "Mapping[str, str] | None" = None,
    output: Path | str | None = None,
) -> "Comparison":
    """Several searches by one yardstick: the best front of all of them together. Those that differ only in their seed
    stand together in `.groups`.

    By the objectives of the first, or by `objectives` ("accuracy,latency"), which all must have measured. `reference`
    and `output` as for `report`. Raises DataError: no search there; SearchError: a metric that one lacks, no feasible
    design anywhere.
    """
    from gossamer.report.searches.several import compare_searches, write_page

    found = compare_searches(runs, objectives, reference)
    if output is not None:
        write_page(found, Path(output))
    return found


def load_artifact(folder: Path | str) -> "Artifact":
    """Load what `Artifact.save` wrote, in any process, without the model or the compiler's input."""
    path = Path(folder)
    target = target_of(path)
    if target == "cpu":  # loading takes less time and memory than asking which targets are installed
        from gossamer.backends.cpu import backend as cpu

        return cpu.load(path)
    return backend(target).load(path)


def target_of(folder: Path) -> str:
    """The target a saved artifact was built for. Raises BackendError when the folder holds none."""
    from gossamer.backends import folder as folders

    try:
        return folders.target_of(folder)
    except NotADirectoryError:
        what = "is a file, needed the folder of a compiled network"
        raise BackendError(f"{folder}: {what}; `gossamer compile MODEL -o FOLDER` makes one") from None
    except FileNotFoundError:
        what = f"holds no compiled network (no {MANIFEST})" if folder.is_dir() else "no such folder"
        raise BackendError(f"{folder}: {what}; `gossamer compile MODEL -o {folder}` makes one") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BackendError(f"{folder / MANIFEST}: cannot be read ({error}); compile again") from error


def backend(target: str) -> "Backend":
    """An installed target by name. Raises RegistryError, with the nearest name, when there is none."""
    from gossamer.ir.registry import BACKENDS

    found: Backend = BACKENDS.load(target)
    return found


def targets() -> "dict[str, Backend]":
    """Every installed target by name."""
    from gossamer.ir.registry import BACKENDS

    return {name: backend(name) for name in BACKENDS.names()}


def check_backend(target: str) -> "tuple[Finding, ...]":
    """Every promise of the backend seam, tried on an installed target."""
    from gossamer.backends.conformance import check_backend as check

    return tuple(check(target))


def _calibrated(item: "Pass", module: "Module", inputs: "Mapping[str, Array] | None") -> "Pass":
    """`quantize` with the ranges that the activations of `module` take on `inputs`; any other pass as it is."""
    from gossamer.passes.quantize import Quantize

    if inputs is None or not isinstance(item, Quantize):
        return item
    from gossamer.passes.calibrate import calibrate

    return item.calibrated(calibrate(module, inputs))


def _hardware(target: "Backend", module: "Module", given: "HardwareValues | None") -> "Hardware":
    """What was given, over the module's own hardware or else the target's default (for cpu: this machine)."""
    own = module.hardware
    # only a target that is a machine at hand has a default_hardware of its own
    fallback: Callable[[], Hardware] = getattr(target, "default_hardware", target.hardware)
    base = own if isinstance(own, target.hardware) else fallback()
    if isinstance(given, Mapping):
        return base.changed(given)
    return base if given is None else given
