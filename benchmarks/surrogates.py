"""How well surrogates order designs they have not seen, on NAS-Bench-201 (CIFAR-100, twelve devices of HELP).

    python benchmarks/surrogates.py [accuracy] [latency] [pareto] [--seeds 3] [--only "brp;gcn"]

accuracy: Kendall's tau over all other designs, from 500 and 900 designs; target .85 and .88 for the best surrogate.
latency:  the same from 500 designs for every device; target .88 on each for the best surrogate.
pareto:   500 designs are known; each method names 200 more. Share of the exact front's hypervolume in all 700 and in
          the 200 alone (reference: 60 % accuracy and the exact front's largest latency), seconds of CPU to train.
Means over seeds; the spread is the standard deviation.
"""

import argparse
import sys
import time

import numpy as np
from scipy.stats import kendalltau

from gossamer.ir.errors import DataError
from gossamer.ir.registry import SURROGATES
from gossamer.search.published.devices import HELP_DEVICES
from gossamer.search.published.nasbench201 import read
from gossamer.search.spaces.nasbench201 import NasBench201
from gossamer.search.strategies.standing import badness, standing
from gossamer.search.surrogates.hw_pr_nas.model import HwPrNas
from gossamer.search.surrogates.hw_pr_nas.ranks import pareto_ranks

SPACE = NasBench201(classes=100)
KNOWN, MORE = 500, 200


def table(device=""):
    """Genomes, accuracy as a fraction, latency in seconds, where both are there."""
    found = read("cifar100", device)
    genomes = np.array([SPACE.parse(text) for text in found.texts])
    columns = found.columns
    return genomes, columns["accuracy"], columns.get("latency_s", np.zeros(len(genomes)))


def drawn(count, seed, total):
    known = np.random.default_rng(seed).choice(total, count, replace=False)
    return known, np.setdiff1d(np.arange(total), known)


def tau(name, genomes, values, count, seed):
    known, rest = drawn(count, seed, len(genomes))
    mean, _ = SURROGATES.load(name)().fit(SPACE, genomes[known], values[known], seed).predict(genomes[rest])
    return kendalltau(mean, values[rest])[0]


def line(title, found, target):
    print(f"{title:34s} {np.mean(found):.4f} +- {np.std(found):.4f}   (target {target})", flush=True)


def accuracy(names, seeds):
    genomes, values, _ = table()
    for name in names:
        for count, target in ((500, 0.85), (900, 0.88)):
            line(f"accuracy {name} {count}", [tau(name, genomes, values, count, seed) for seed in seeds], target)


def latency(names, seeds):
    for device in HELP_DEVICES:
        genomes, _, values = table(device)
        fine = np.isfinite(values)
        for name in names:
            line(f"latency {device} {name}", [tau(name, genomes[fine], values[fine], 500, s) for s in seeds], 0.88)


def volume(values, corner):
    """Hypervolume of two objectives, less is better."""
    inside = values[(values < corner).all(axis=1)]
    total, level = 0.0, corner[1]
    for first, second in inside[np.lexsort((inside[:, 1], inside[:, 0]))]:
        if second < level:
            total += (corner[0] - first) * (level - second)
            level = second
    return total


def independent(first, second):
    """Two surrogates, one per objective; the designs that stand best by both predictions."""

    def choose(genomes, values, known, rest, seed):
        found = [
            SURROGATES.load(name)().fit(SPACE, genomes[known], values[known, place], seed).predict(genomes[rest])[0]
            for place, name in enumerate((first, second))
        ]
        return best(np.stack(found, axis=1), rest)

    return choose


def best(predicted, rest):
    return rest[np.argsort(standing(predicted, badness(predicted, np.zeros((len(rest), 0)))))[:MORE]]


def by_flops(genomes, values, known, rest, seed):
    """FLOPs for accuracy, ridge regression for latency."""
    slow = SURROGATES.load("ridge")().fit(SPACE, genomes[known], values[known, 0], seed).predict(genomes[rest])[0]
    return best(np.stack([slow, -SPACE.flops(genomes[rest])], axis=1), rest)


def at_random(genomes, values, known, rest, seed):
    return np.random.default_rng(seed + 10_000).choice(rest, MORE, replace=False)


def by_score(**options):
    def choose(genomes, values, known, rest, seed):
        model = HwPrNas(**options).fit(SPACE, genomes[known], values[known], seed)
        return rest[np.argsort(-model.scores(genomes[rest]))[:MORE]]

    return choose


PARETO = {
    "hw-pr-nas": by_score(),
    "hw-pr-nas, Eq. 3.7 as printed": by_score(loss="printed"),
    "hw-pr-nas, encoder tuned": by_score(tuned=True),
    "two of xgboost": independent("xgboost", "xgboost"),
    "brp-nas-like": independent("gcn", "brp"),
    "gates-like": independent("gates", "gates"),
    "flops": by_flops,
    "random": at_random,
}


def pareto(seeds, only, device="pixel3"):
    genomes, accurate, slow = table(device)
    values = np.stack([slow, -accurate], axis=1)
    front = values[pareto_ranks(values, np.zeros(len(values))) == 0]
    corner = np.array([front[:, 0].max(), -0.6])
    for name, choose in PARETO.items():
        if only and name not in only:
            continue
        shares, seconds = [], []
        for seed in seeds:
            known, rest = drawn(KNOWN, seed, len(genomes))
            start = time.process_time()
            named = choose(genomes, values, known, rest, seed)
            seconds.append(time.process_time() - start)
            both = values[np.concatenate([known, named])]
            shares.append([volume(part, corner) / volume(front, corner) for part in (both, values[named])])
        mean, spread = np.mean(shares, axis=0), np.std(shares, axis=0)
        print(
            f"pareto {device} {name:30s} all {mean[0]:.4f} +- {spread[0]:.4f}   named {mean[1]:.4f} +- {spread[1]:.4f}"
            f"   {np.mean(seconds):.1f} s of CPU",
            flush=True,
        )


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", nargs="*", default=["accuracy", "latency", "pareto"])
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--only", default="", help="names, separated by semicolons")
    chosen = options.parse_args()
    seeds, only = range(chosen.seeds), [name for name in chosen.only.split(";") if name]
    try:
        if "accuracy" in chosen.what:
            accuracy(only or ["brp", "gcn", "gin", "gates", "lstm", "xgboost"], seeds)
        if "latency" in chosen.what:
            latency(only or ["gaussian-process", "xgboost"], seeds)
        if "pareto" in chosen.what:
            pareto(seeds, only)
    except DataError as error:
        print(f"skipped: {error}")
    return 0


sys.exit(main())
