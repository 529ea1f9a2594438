"""Gossamer's CPU target against the runtimes people use: the same file, the same cores, in turns.

    python benchmarks/cpu.py                                         # every network, fp32 and int8: an hour
    python benchmarks/cpu.py resnet18 mobilenet_v2 --precisions fp32 --engines gossamer,onnxruntime,OpenVINO
    python benchmarks/cpu.py my.onnx --runs 100 --json
    python benchmarks/cpu.py resnet50 --record cpu.json              # into a file of results; --show prints such a file
    python benchmarks/cpu.py --record benchmarks/cpu.json --show --pages   # the README's figures anew
    python benchmarks/cpu.py resnet18 --layers                       # GFLOP/s of each layer against the measured peak

Batch 1; a process an engine, bound to the first cores, one thread on each; all but one are stopped (SIGSTOP) while it
runs a block of at least 10; medians, p10 and p90 of all blocks. Every engine's output is held against onnxruntime's
without graph optimisations; an engine that fails, is wrong or takes too long is a row that says so. The table's ratio
is Gossamer's median over that of the fastest other runtime; below 1 Gossamer is faster.

int8: one QDQ file a network, made by onnxruntime's quantiser, for all engines. torch runs the zoo's modules and no QDQ.
Engines that are not installed are rows that say so: pip install 'gossamer[peers]'.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.runtimes import layers, models, pages, tables  # noqa: E402
from benchmarks.runtimes.engines import ENGINES  # noqa: E402
from benchmarks.runtimes.machine import described  # noqa: E402
from benchmarks.runtimes.models import NETS, PRECISIONS, Net  # noqa: E402
from benchmarks.runtimes.results import Record, Row  # noqa: E402
from benchmarks.runtimes.turns import Plan, measure  # noqa: E402


def main() -> int:
    asked = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that workers are ended
    try:
        with tempfile.TemporaryDirectory() as temporary:
            work = asked.work or Path(temporary)
            nets = [_net(name, work) for name in asked.nets or NETS]
            if asked.layers:
                return _print_layers(asked, nets, work)
            record = _measured(asked, nets, work)
    except (ValueError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if asked.pages:
        pages.write_pages(record)
    table = tables.short if asked.short else tables.markdown
    print(json.dumps(record.to_json(), indent=1) if asked.json else table(record))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "nets", nargs="*", help=f"{', '.join(NETS)}, or ONNX files with one input (default: all of the list)"
    )
    parser.add_argument("--precisions", type=_names(PRECISIONS), default=["fp32", "int8"], help=",".join(PRECISIONS))
    parser.add_argument("--engines", type=_names(ENGINES), default=list(ENGINES), help=", ".join(ENGINES))
    parser.add_argument("--runs", type=int, default=60, help="timed runs of each engine, at least (default: 60)")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="and cores (default: 2)")
    parser.add_argument(
        "--build-limit", type=float, default=300, metavar="S", help="of one preparation (default: 300 s)"
    )
    parser.add_argument(
        "--run-limit", type=float, default=20, metavar="S", help="of all runs of an engine (default: 20 s)"
    )
    parser.add_argument("--tune", type=float, default=60, metavar="S", help="tuning time a network (default: 60 s)")
    parser.add_argument("--work", type=Path, help="keep the networks' files in this folder, and use those it has")
    parser.add_argument("--record", type=Path, help="add the results to this file, which is printed as a whole")
    parser.add_argument("--show", action="store_true", help="measure nothing, print what --record holds")
    parser.add_argument("--short", action="store_true", help="medians and ratios alone")
    parser.add_argument("--lock", type=Path, help="a file to hold while times are taken")
    parser.add_argument("--layers", action="store_true", help="Gossamer's layers instead, against the measured peak")
    parser.add_argument("--pages", action="store_true", help="also write the tables and plots of README.md and docs/")
    parser.add_argument("--json", action="store_true")
    return parser


def _names(known):
    """A list with commas of some of these."""

    def parse(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",")]
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return names

    return parse


def _net(name: str, work: Path) -> Net:
    if name in NETS:
        return NETS[name]
    if not Path(name).is_file():
        raise ValueError(f"{name}: neither a file nor one of {', '.join(NETS)}")
    return models.adopted(Path(name), work)


def _measured(asked: argparse.Namespace, nets: list[Net], work: Path) -> Record:
    """What --record has with what is measured now; written after every network."""
    record = Record.read(asked.record) if asked.record else Record()
    if asked.show:
        return record
    cores = tuple(sorted(os.sched_getaffinity(0)))[: asked.threads]
    plan = Plan(cores, asked.runs, asked.build_limit, asked.run_limit, asked.tune, asked.lock)
    machine = described(cores)
    for precision in asked.precisions:
        for net in nets:
            if precision == "fp32" or net.cnn:
                rows = _rows(net, precision, work, asked.engines, plan)
                record = record.merged(Record(tuple(rows), ((f"{net.name} {precision}", machine),)))
                if asked.record:
                    record.write(asked.record)
    return record


def _rows(net: Net, precision: str, work: Path, engines: list[str], plan: Plan) -> list[Row]:
    """A network whose file cannot be made is a failure of every engine."""
    try:
        return measure(net, precision, models.prepared(net, precision, work), engines, plan, _tell)
    except RuntimeError as error:
        return [Row(net.name, precision, name, note=str(error)) for name in engines]


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _print_layers(asked: argparse.Namespace, nets: list[Net], work: Path) -> int:
    cores = tuple(sorted(os.sched_getaffinity(0)))[: asked.threads]
    for precision in asked.precisions:
        for net in nets:
            found, peak = layers.layer_by_layer(models.prepared(net, precision, work), precision, cores, asked.runs)
            if asked.json:
                data = {"net": net.name, "precision": precision, "peak_gflops": peak}
                print(json.dumps({**data, "layers": [asdict(layer) | {"gflops": layer.gflops} for layer in found]}))
            else:
                print(layers.table(f"{net.title}, {precision}", found, peak))
    return 0


if __name__ == "__main__":
    sys.exit(main())
