"""How well the CPU target foresees what networks take that it has not seen: analytical model against learned model.

    python benchmarks/cpu_latency_model.py --networks 300 --held 200 --seconds 3600 --keep times.json
    python benchmarks/cpu_latency_model.py --held 200 --keep times.json      # predict anew, measure nothing

Networks are drawn from the mobile and the ResNet spaces in turn, compiled, and run. Of a share of them every layer's
time goes into a database; the rest are predicted from it: a layer that was among those is known, the others are
learned, and once more with every layer learned. Kendall's tau and the median relative error are over the rest.
"""

import argparse
import contextlib
import fcntl
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.stats import kendalltau

from gossamer import api
from gossamer.backends.cpu.tuning.database import TuningDatabase
from gossamer.backends.cpu.tuning.latency import CALL_S, LayerRow, expected_of, layer_rows, record_rows
from gossamer.backends.cpu.tuning.learned import fitted
from gossamer.cli.options import random_inputs
from gossamer.search.spaces.once_for_all import OfaMobileNetV2, OfaMobileNetV3
from gossamer.search.spaces.resnet_vector import ResNetVector

RESOLUTIONS = (128, 160, 192, 224)
"""Some of the spaces' own: with all 25 hardly a layer would be met twice."""

SPACES = {
    "ofa-mobilenetv2": OfaMobileNetV2(resolutions=RESOLUTIONS),
    "ofa-mobilenetv3": OfaMobileNetV3(resolutions=RESOLUTIONS),
    # a small part of the space: compiling its largest takes minutes
    "resnet-vector": ResNetVector(
        main_blocks=(1, 2),
        residual_blocks=(1, 2),
        branches=(1,),
        kernels=(3, 5),
        widenings=(1, 2),
        out_channels=(16, 32, 48, 64),
    ),
}


BLOCKS, RUNS, BLOCK_S = 24, 3, 0.015
"""Blocks of a network; runs in one, at least so many and for so long. Many short ones, as the machine's pace changes
from one tenth of a second to the next: a network's share of the reference deviates by 1.5 % so, by 4 % in 8 long."""


@dataclass(frozen=True)
class Timed:
    """A network: seconds of a run and of every layer.

    Other work on the machine comes and goes, and makes all times longer while it is there. So every block of runs
    stands between runs of one fixed network, the times are shares of its time, medians over the blocks, and
    `Reference.seconds` makes seconds of them.
    """

    space: str
    seconds: float
    rows: tuple[LayerRow, ...]
    layers: tuple[float, ...]


class Reference:
    """A network that every other one is measured beside. `seconds`: what it takes when nothing else runs."""

    def __init__(self):
        self._run = runner(built(drawn_module("ofa-mobilenetv2", 0)))
        self.seconds = min(self.now() for _ in range(BLOCKS))

    def now(self):
        return median_s(self._run)


def drawn_module(space, seed):
    genome = SPACES[space].sample(1, np.random.default_rng(seed))[0]
    return api.prepare(SPACES[space].module(genome), "cpu")


def built(module):
    return api.build(module, "cpu"), random_inputs(module.graph.inputs)


def runner(pair):
    artifact, inputs = pair
    return lambda: artifact.run(inputs)


def median_s(run):
    spent, end = [], time.perf_counter() + BLOCK_S
    while len(spent) < RUNS or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        spent.append(time.perf_counter() - start)
    return float(np.median(spent))


def timed(space, seed, reference):
    module = drawn_module(space, seed)
    artifact, inputs = built(module)
    whole, layers, after = [], [], reference.now()
    for _ in range(BLOCKS):
        before = after
        here = median_s(runner((artifact, inputs)))
        parts = artifact.layer_seconds(inputs, max(RUNS, int(BLOCK_S / here)))
        after = reference.now()
        scale = 2 / (before + after)
        whole.append(here * scale)
        layers.append(_adding_up(parts) * scale)
    seconds = np.median(whole) * reference.seconds
    each = np.median(layers, axis=0) * reference.seconds
    return Timed(space, float(seconds), tuple(layer_rows(module)), tuple(map(float, each)))


def _adding_up(parts):
    """Medians of [runs, layers] that add up to the median of the runs: in every run some layers are interrupted."""
    each = np.median(parts, axis=0)
    return each * (np.median(parts.sum(axis=1)) / each.sum())


@contextlib.contextmanager
def held_lock(path):
    """`path`: a file that is held while a network is built and timed, where several people measure; None for none."""
    if path is None:
        yield
        return
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def kept(path):
    """What an earlier run measured."""
    if path is None or not path.exists():
        return []
    rows = json.loads(path.read_text())
    return [Timed(r["space"], r["seconds"], tuple(LayerRow(**x) for x in r["rows"]), tuple(r["layers"])) for r in rows]


def sampled(spaces, count, seconds, seed, keep, lock):
    """As many networks as fit in the time, at most `count`; those in `keep` are not measured again."""
    end, found = time.monotonic() + seconds, kept(keep)
    reference = Reference() if len(found) < count else None
    while len(found) < count and time.monotonic() < end:
        with held_lock(lock):
            found.append(timed(spaces[len(found) % len(spaces)], seed + len(found), reference))
        if keep is not None:
            keep.write_text(json.dumps([asdict(network) for network in found]))
        print(f"{len(found):4d} {found[-1].space:16s} {found[-1].seconds * 1e3:8.3f} ms", file=sys.stderr, flush=True)
    return found


def score(networks, predicted):
    wanted = np.array([network.seconds for network in networks])
    error = np.abs(np.array(predicted) / wanted - 1)
    tau = kendalltau(predicted, wanted)[0] if len(networks) > 1 else float("nan")
    return {"kendall_tau": float(tau), "median_error": float(np.median(error))}


def shares(network):
    """Seconds of every layer that add up to those of the run: a layer alone does not count what is between layers."""
    scale = max(network.seconds - CALL_S, CALL_S) / sum(network.layers)
    return [scale * s for s in network.layers]


def compared(train, held):
    """Scores of the held-out networks by method; how many of their layers were known."""
    with TemporaryDirectory() as folder:
        empty, full = (TuningDatabase(Path(folder) / name, "this") for name in ("empty", "full"))
        for network in train:
            record_rows(network.rows, shares(network), full)
        model = fitted(full)
        ways = {"analytical": (empty, None), "learned": (empty, model), "known + learned": (full, model)}
        found = {
            way: [expected_of(network.rows, database, by) for network in held]
            for way, (database, by) in ways.items()
        }
        known = found["known + learned"]
        share = sum(x.measured for x in known) / sum(x.measured + x.learned + x.analytical for x in known)
        scores = {way: score(held, [x.seconds for x in rows]) for way, rows in found.items()}
        if model is None:
            del scores["learned"]
        return {"rows": len(full.rows()), "known_layers": share, "scores": scores}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=240.0, help="no network is begun after so long")
    parser.add_argument("--held", type=int, default=10, help="networks that are predicted; the others are learned from")
    parser.add_argument("--keep", type=Path, help="a file for what was measured; a later run goes on from it")
    parser.add_argument("--lock", type=Path, help="a file to hold while times are taken")
    parser.add_argument("--spaces", default=",".join(SPACES), help="names with commas between")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    start = time.monotonic()
    spaces = chosen.spaces.split(",")
    networks = sampled(spaces, chosen.networks, chosen.seconds, chosen.seed, chosen.keep, chosen.lock)
    if len(networks) < 2:
        print(f"{len(networks)} networks in {chosen.seconds:.0f} s; two are needed, one to learn from")
        return 1
    order = np.random.default_rng(chosen.seed).permutation(len(networks))
    held = min(len(networks) - 1, max(1, chosen.held))
    result = {"networks": len(networks), "held": held, "seconds": 0.0}
    result |= compared([networks[i] for i in order[held:]], [networks[i] for i in order[:held]])
    result["seconds"] = time.monotonic() - start
    if chosen.json:
        print(json.dumps(result))
        return 0
    print(
        f"{len(networks) - held} networks ({result['rows']} distinct layers) learned from, {held} predicted, "
        f"{result['known_layers']:.0%} of whose layers were known; {result['seconds']:.0f} s"
    )
    for way, values in result["scores"].items():
        print(f"{way:16s} Kendall's tau {values['kendall_tau']:6.3f}   median error {values['median_error']:6.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
