"""Ranks of our zero-cost scores against those that NAS-Bench-Suite-Zero published."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from gossamer.search.estimators.zero_cost import ZeroCost
from gossamer.search.evaluators import Context
from gossamer.search.published.benchmarks import read_benchmark
from gossamer.search.space import CoDesignSpace, Precision
from gossamer.search.spaces.nasbench201 import NasBench201

pytest.importorskip("torch")
PUBLISHED = {
    "naswot": ("nwot", 0.65),
    "synflow": ("synflow", 0.95),
    "jacob_cov": ("jacov", 0.5),
    "grad_norm": ("grad_norm", 0.7),
    "snip": ("snip", 0.7),
    "params_score": ("params", 0.999),
    "flops_score": ("macs", 0.999),
}
"""Score -> published column, and the least Spearman correlation asked of it; one cell a stage, 16x16 images."""


@pytest.mark.slow
def test_ranks_are_the_published_ones(published, tmp_path, silent):
    table = read_benchmark("zero-cost-nasbench201", "cifar10", "")
    space = NasBench201((3, 16, 16), 10, cells=1)
    rows = np.random.default_rng(1).permutation(len(table.texts))[:40]
    genomes = np.stack([space.parse(table.texts[row]) for row in rows])
    context = Context(CoDesignSpace(space, Precision((), ()), None), 0, "", tmp_path, silent)
    found = ZeroCost(tuple(PUBLISHED)).start(context).evaluate(genomes)
    for name, (column, least) in PUBLISHED.items():
        theirs = table.columns[column][rows]
        there = np.isfinite(found[name]) & np.isfinite(theirs) & (theirs > -1e7)  # -1e8 stands for none
        assert there.sum() > 30 and spearmanr(found[name][there], theirs[there])[0] > least, name
