"""A small space on the systolic array, and a stand-in for accuracy that needs no training."""

import os

import numpy as np
import pytest

# Tests share the machine, and torch is loaded by the first module that asks whether it is there: see search/threads.py.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from gossamer.backends.systolic import backend
from gossamer.search.space import CoDesignSpace, Precision
from gossamer.search.spaces.mobilenet import MobileNet, Stage

SMALL = MobileNet((1, 8, 8), 10, stem=(4, 8), stages=(Stage((4, 8), 2, 2), Stage((8, 12), 2, 2)), head=(8, 16))


@pytest.fixture(scope="session")
def space():
    return CoDesignSpace(SMALL, Precision(SMALL.slots), backend)


@pytest.fixture(scope="session")
def full_space():
    architecture = MobileNet((1, 8, 8), 10)
    return CoDesignSpace(architecture, Precision(architecture.slots), backend)


@pytest.fixture(scope="session")
def guess():
    """Accuracy that grows with the genes; deterministic."""
    return lambda genomes: 1.0 - np.exp(-genomes[:, :30].sum(axis=1) / 40.0)


@pytest.fixture
def silent():
    return lambda what, done, of: None


def random_weights(plan, seed=0):
    rng = np.random.default_rng(seed)
    found = {}
    for step in plan:
        if step.weighted:
            found[f"{step.slot}.weight"] = rng.normal(0, 0.3, step.weight_shape).astype(np.float32)
            found[f"{step.slot}.bias"] = rng.normal(0, 0.1, step.oc).astype(np.float32)
    return found


@pytest.fixture
def weights_of():
    return random_weights
