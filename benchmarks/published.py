"""How much of the exact front a search finds: NAS-Bench-201 (CIFAR-100, 200 epochs) x HELP latencies.

    python benchmarks/published.py                                    # the table of docs/search.md: an hour on 2 cores
    python benchmarks/published.py --devices pixel3 --seeds 4 --strategies bayes,nsga2 --evaluations 200
    python benchmarks/published.py --energy                           # three objectives: energy as a linear table

Share of the exact front's hypervolume after 100, 200 and 500 evaluations, mean and standard deviation over the seeds;
reference point: 60 % accuracy and the exact front's largest latency (and energy). "far" is the same share at the last
evaluation with the worst values of all designs as reference: with it 500 random designs look nearly perfect. "best"
counts the seeds that had evaluated the most accurate network of all after 300 evaluations. Every search runs in a
process of its own with one thread; two run at once.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402

from gossamer.search.costs.linear_energy import NASBENCH201_UJ  # noqa: E402
from gossamer.search.indicators import best, hypervolume_share  # noqa: E402
from gossamer.search.published.benchmarks import read_benchmark  # noqa: E402
from gossamer.search.published.devices import HELP_DEVICES  # noqa: E402
from gossamer.search.published.table import rows_of  # noqa: E402
from gossamer.search.spaces.nasbench201 import NasBench201  # noqa: E402
from gossamer.search.strategies.base import Problem, load_method  # noqa: E402

AFTER = (100, 200, 500)
TARGETS = {100: 0.93, 200: 0.975, 500: 0.998}
BEST_WITHIN = 300
STRATEGIES = ("random", "nsga2", "bayes")
POPULATIONS = {"random": 20, "nsga2": 20}
SPACE = NasBench201(classes=100)


@dataclass(frozen=True)
class Task:
    """One search."""

    device: str
    strategy: str
    seed: int
    evaluations: int
    energy: bool


@dataclass(frozen=True)
class Truth:
    """Objectives [15625, 2 or 3] of every design in order of its number, less is better; the exact front."""

    points: np.ndarray
    exact: np.ndarray
    near: np.ndarray
    far: np.ndarray


@cache
def truth(device, energy):
    table = read_benchmark("nasbench201", "cifar100", device)
    genomes = np.indices((5,) * 6).reshape(6, -1).T
    rows = rows_of(SPACE, table.texts, table.name).find(genomes)
    columns = [-table.columns["accuracy"][rows], table.columns["latency_s"][rows]]
    if energy:
        joules = np.array([NASBENCH201_UJ[op] for op in SPACE.choices.items[0].values])
        columns.append(joules[genomes].sum(axis=1))
    points = np.stack(columns, axis=1)
    exact = points[best(points)]
    return Truth(points, exact, np.array([-0.6, *exact[:, 1:].max(axis=0)]), points.max(axis=0))


def searched(task):
    """Numbers of the designs in the order in which they were asked for."""
    found = truth(task.device, task.energy)
    nothing = np.zeros((0, SPACE.choices.sizes.size), np.int64)
    problem = Problem(SPACE, nothing, found.points.shape[1], 0, reference=found.near)
    strategy = load_method(task.strategy, POPULATIONS.get(task.strategy)).start(problem, task.seed)
    order, places = [], 5 ** np.arange(5, -1, -1)
    while len(order) < task.evaluations:
        genomes = strategy.ask()
        numbers = genomes @ places
        strategy.tell(genomes, found.points[numbers], np.zeros((len(genomes), 0)))
        order += numbers.tolist()
    return np.array(order[: task.evaluations])


def measured(task):
    """Shares after each of AFTER, the far share at the end, whether the best network was met in time."""
    found, order = truth(task.device, task.energy), searched(task)
    shares = [hypervolume_share(found.points[order[:n]], found.exact, found.near) for n in after(task.evaluations)]
    far = hypervolume_share(found.points[order], found.exact, found.far)
    met = found.points[order[:BEST_WITHIN], 0].min() <= found.points[:, 0].min()
    return task, [*shares, far, float(met)]


def after(evaluations):
    return [n for n in AFTER if n <= evaluations]


def table(results, strategies, devices, evaluations):
    checkpoints = after(evaluations)
    titles = [*(f"{n}" for n in checkpoints), f"far, {evaluations}", f"best in {BEST_WITHIN}"]
    yield "| strategy | device | " + " | ".join(titles) + " |"
    yield "|---" * (len(titles) + 2) + "|"
    for strategy in strategies:
        own = {device: np.array([v for t, v in results if (t.strategy, t.device) == (strategy, device)])
               for device in devices}  # fmt: skip
        for device, values in own.items():
            yield row(strategy, device, values)
        if len(devices) > 1:
            yield row(strategy, f"mean of {len(devices)}", np.mean([own[device] for device in devices], axis=0))


def row(strategy, device, values):
    middle, spread = values.mean(axis=0), values.std(axis=0)
    shares = [f"{m:.4f} ± {s:.4f}" for m, s in zip(middle[:-1], spread[:-1])]
    return f"| {strategy} | {device} | " + " | ".join([*shares, f"{100 * middle[-1]:.0f} %"]) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", default=",".join(HELP_DEVICES))
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--evaluations", type=int, default=500)
    parser.add_argument("--energy", action="store_true")
    parser.add_argument("--save", type=Path, help="also append every search's shares to this file")
    asked = parser.parse_args()
    devices, strategies = asked.devices.split(","), asked.strategies.split(",")
    tasks = [Task(device, strategy, seed, asked.evaluations, asked.energy)
             for seed in range(asked.seeds) for strategy in strategies for device in devices]  # fmt: skip
    results = []
    with ProcessPoolExecutor(2) as pool:
        for task, values in pool.map(measured, tasks):
            results.append((task, values))
            if asked.save:
                with asked.save.open("a") as file:
                    file.write(f"{task.strategy},{task.device},{task.seed},{','.join(map(str, values))}\n")
    for line in table(results, strategies, devices, asked.evaluations):
        print(line)
    print(f"asked: {', '.join(f'{share} at {n}' for n, share in TARGETS.items())}; {asked.seeds} seeds")


if __name__ == "__main__":
    main()
