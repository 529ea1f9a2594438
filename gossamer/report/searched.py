"""From a finished search to its report: `report.html` and `pareto.svg` in the run's folder."""

from pathlib import Path
from typing import TYPE_CHECKING

from gossamer.ir.files import write_text
from gossamer.report.data import Design, LayerRow, SearchReport
from gossamer.report.layers import kind_of, shape_of
from gossamer.report.page import search_page
from gossamer.report.svg import pareto_svg
from gossamer.report.units import brief, percent
from gossamer.search.objectives import show

if TYPE_CHECKING:
    from gossamer.search.result import Design as Found
    from gossamer.search.result import LayerCost, Run

PAGE, PICTURE = "report.html", "pareto.svg"
MEASURED = (
    "Designs were lowered to IR, compiled for the target and measured again: their accuracy is that of the "
    "integers on held-out images, their costs those of the compiled network. Grey candidates carry what the "
    "search believed: accuracy on validation images, costs from its table."
)
LOOKED_UP = (
    "Designs were looked up again in the published tables that the search asked, and lowered to IR in float with "
    "weights that are not trained. Grey candidates are all that was evaluated."
)


def write_report(run: "Run") -> Path:
    """Write both and return the page. Raises DataError when the disk does not take them."""
    report = report_of(run)
    write_text(run.folder / PICTURE, pareto_svg(report))
    return write_text(run.folder / PAGE, search_page(report))


def report_of(run: "Run") -> SearchReport:
    """The search as plain data for pages and tables."""
    words = run.settings
    data = f", {words['data']}" if _trained(run) else ""
    title = f"{words.get('space', 'networks')} on {words.get('target', 'hardware')}{data}"
    return SearchReport(
        title=title,
        settings=words,
        facts=_facts(run),
        objectives=run.objectives,
        designs=tuple(_design(item) for item in run.front),
        explored=run.explored,
        notes=(*_notes(run), *run.notes),
    )


def _facts(run: "Run") -> dict[str, str]:
    facts = {
        "designs built": str(len(run.front)),
        "on the front": str(run.front_size),
        "evaluated": f"{run.evaluations:,}",
    }
    accuracies = [design.metrics["accuracy"] for design in run.front if "accuracy" in design.metrics]
    if accuracies:
        facts["best on held-out images" if _trained(run) else "best accuracy"] = percent(max(accuracies))
    facts["hypervolume"] = f"{run.hypervolume:.3f}"
    facts["search time"] = f"{run.seconds:.0f} s"
    return facts


def _notes(run: "Run") -> tuple[str, ...]:
    by_key = {item.key: item for item in run.objectives}
    point = ", ".join(
        f"{by_key[key].label} {show(by_key[key], value)}" for key, value in run.reference.items() if key in by_key
    )
    cut = ("The search was interrupted; this is what it had found.",) if run.interrupted else ()
    return (
        *cut,
        f"Hypervolume is the part of the box between the front's best values and the reference point ({point}) that "
        "the front beats.",
        MEASURED if _trained(run) else LOOKED_UP,
    )


def _trained(run: "Run") -> bool:
    """Whether there were images to train on; a search over published tables has none."""
    return run.settings.get("data", "none") not in ("", "none")


def _design(found: "Found") -> Design:
    bits = (".weight_bits", ".input_bits")
    return Design(
        name=found.name,
        objectives=found.metrics,
        # the bits of every layer stand in the layer table
        network={key: str(value) for key, value in found.network.items() if not key.endswith(bits)},
        hardware=found.hardware.values(),
        chip=brief(found.hardware),
        layers=tuple(_layer(row) for row in found.layers),
        ir=found.ir,
        files=tuple(f"{found.folder.name}/{name}" for name in found.files),
    )


def _layer(row: "LayerCost") -> LayerRow:
    return LayerRow(
        label=row.title,
        kind=kind_of(row.layer),
        shape=shape_of(row.layer),
        weight_bits=row.layer.weight_bits,
        activation_bits=row.layer.activation_bits,
        macs=row.layer.macs,
        latency_s=row.latency_s,
        energy_j=row.energy_j,
        stall_cycles=row.stall_cycles,
        dram_bytes=row.dram_bytes,
        utilization=row.utilization,
        mapping=row.mapping,
    )
