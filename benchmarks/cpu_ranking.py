"""How good the CPU target's schedules are that nobody measured: the analytical pick against exhaustive tuning.

    python -m gossamer.frontends.zoo resnet18 -o resnet18.onnx
    python benchmarks/cpu_ranking.py resnet18.onnx                   # some ten minutes
    python benchmarks/cpu_ranking.py *.onnx --tiles 12 --threads 1 --json

Every distinct layer that has a choice is measured in all its schedules: every register tile that fits (or the best
`--tiles` of them), Winograd's tiles, im2col. The pick and the fastest few are then measured once more, in one process,
and compared by those times: the least of many noisy numbers is not the fastest. 1 means that the pick is the best.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from gossamer import api
from gossamer.backends.cpu.tuning.layers import tunable_layers
from gossamer.backends.cpu.tuning.measure import Trial, measured

AT_ONCE = 24
"""Schedules in one process."""

AGAIN = 4
"""Schedules that are measured twice, besides the pick."""


@dataclass(frozen=True)
class Ranked:
    """A layer's times: of the pick, and of the best schedule found, both of the second measurement."""

    network: str
    layer: str
    schedules: int
    failed: int
    pick: str
    best: str
    pick_s: float
    best_s: float
    macs: int

    @property
    def ratio(self):
        return self.pick_s / self.best_s


def times(module, layer, texts):
    """Seconds of schedules of a layer; the pick is in every process, the others are scaled by it."""
    own, found = layer.schedules[0], {}
    others = [text for text in texts if text != own]
    for start in range(0, max(1, len(others)), AT_ONCE - 1):
        batch = [Trial(layer, text) for text in (own, *others[start : start + AT_ONCE - 1])]
        now = {row.schedule: row.seconds for row in measured(module, batch)}
        scale = found.get(own, now[own]) / now[own]
        found |= {text: s * scale for text, s in now.items() if s is not None and text not in found}
    return found


def ranked(network, module, layer):
    first = times(module, layer, layer.schedules)
    order = sorted(first, key=first.__getitem__)
    second = times(module, layer, order[:AGAIN])
    best, pick = min(second, key=second.__getitem__), layer.schedules[0]
    failed = len(layer.schedules) - len(first)
    name = layer.results[0].name
    return Ranked(network, name, len(first), failed, pick, best, second[pick], second[best], layer.work)


def measure(network, threads, tiles):
    module = api.prepare(api.load(network), "cpu", hardware={"cores": threads})
    name = f"{network.parent.name}/{network.stem}"
    layers = tunable_layers(module, module.hardware, tiles)
    for place, layer in enumerate(layers, 1):
        row = ranked(name, module, layer)
        print(f"{name} {place}/{len(layers)} {row.layer}: {row.schedules} schedules, pick {row.ratio:.2f} of the best",
              file=sys.stderr, flush=True)  # fmt: skip
        yield row


def mean(rows):
    return float(np.exp(np.mean(np.log([row.ratio for row in rows]))))


def table(rows):
    lines = ["| network | layers | schedules | geometric mean | worst | whole time |", "|---|---|---|---|---|---|"]
    for network in (*dict.fromkeys(row.network for row in rows), None):
        own = [row for row in rows if network in (None, row.network)]
        whole = sum(r.pick_s for r in own) / sum(r.best_s for r in own)
        lines.append(
            f"| {network or 'all'} | {len(own)} | {sum(r.schedules for r in own)} | {mean(own):.3f} | "
            f"{max(r.ratio for r in own):.2f} | {whole:.3f} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+", type=Path, help="ONNX files")
    parser.add_argument("--tiles", type=int, default=1000, help="register tiles of a layer, at most (default: all)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    start = time.monotonic()
    rows = [row for name in chosen.networks for row in measure(name, chosen.threads, chosen.tiles)]
    if chosen.json:
        print(json.dumps([asdict(row) for row in rows]))
        return 0
    print(table(rows))
    for row in sorted(rows, key=lambda row: -row.ratio)[:8]:
        print(f"{row.ratio:.2f} {row.network} {row.layer}: {row.pick_s * 1e6:.0f} us {row.pick}\n"
              f"     {row.best_s * 1e6:.0f} us {row.best}")  # fmt: skip
    print(f"{time.monotonic() - start:.0f} s, {chosen.threads} threads")
    return 0


if __name__ == "__main__":
    sys.exit(main())
