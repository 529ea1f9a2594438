"""Small searches as their stores have them: two costs of seven choices, and an accuracy, on made-up numbers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gossamer.search.choices import Choice, Choices, Condition
from gossamer.search.metrics import Objective
from gossamer.search.store import Evaluation, Store
from gossamer.search.yardstick import written

METRICS = (
    Objective("accuracy", "accuracy", "", higher_is_better=True),
    Objective("latency_s", "latency", "s"),
    Objective("energy_j", "energy", "J"),
    Objective("macs", "macs", ""),
)
CHOICES = Choices(
    (
        *(Choice(f"kernel{i}", (3, 5, 7)) for i in range(4)),
        Choice("skip", ("none", "sum</script>")),
        Choice("width", (0.5, 1.0), when=(Condition("skip", ("none",)),)),
        Choice("bits", (4, 8)),
    )
)


def measured(genomes: np.ndarray) -> dict[str, np.ndarray]:
    """Large kernels are accurate and slow; eight bits cost energy and bring nothing; genome 2 has no value."""
    size = genomes[:, :4].sum(axis=1) + genomes[:, 5]
    spread = (genomes * np.array([3, 5, 7, 2, 4, 1, 6])).sum(axis=1) % 11 / 11
    latency = 1e-3 * (1 + size) * (1 + spread)
    accuracy = 0.6 + 0.03 * size - 0.02 * spread
    energy = 1e-4 * (1 + size + 4 * genomes[:, 6])
    return {"accuracy": accuracy, "latency_s": latency, "energy_j": energy, "macs": 1e6 * (1 + size)}


@pytest.fixture(scope="session")
def searched() -> Callable[..., Path]:
    return search


def search(
    folder: Path,
    count: int = 80,
    seed: int = 0,
    goals: tuple[str, ...] = ("accuracy", "latency", "energy"),
    limits: tuple[str, ...] = ("latency<=12ms",),
    metrics: tuple[Objective, ...] = METRICS,
    reference: str = "none",
    worst: float = 0.0,
) -> Path:
    """A run's folder with `count` random designs; the third has no accuracy. `worst` is added to every accuracy."""
    genomes = np.unique(CHOICES.sample(8 * count, np.random.default_rng(seed)), axis=0)
    genomes = np.random.default_rng(seed).permutation(genomes)[:count]
    columns = measured(genomes)
    columns["accuracy"] += worst
    store = Store(folder / "store.sqlite")
    settings = {"experiment": "made-up", "target": "nowhere", "seed": str(seed), "reference": reference}
    store.settle({**settings, "yardstick": written(metrics, goals, limits)}, CHOICES)
    store.enter(seed)
    for place, genome in enumerate(genomes):
        values = {item.key: float(columns[item.key][place]) for item in metrics}
        if place == 2:
            values["accuracy"] = float("nan")
        status = "quarantined" if place == 2 else "ok"
        why = "accuracy is nan" if place == 2 else ""
        store.add([Evaluation(place, genome, values, 0.1 * (place + 1), status, why, 0.0, 0.1, "serial")])
    store.close()
    return folder
