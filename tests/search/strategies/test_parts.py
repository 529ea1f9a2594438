"""Searches of some genes inside or after others."""

import numpy as np
import pytest

from gossamer.ir.errors import SearchError
from gossamer.search.strategies.evolution import Evolution
from gossamer.search.strategies.exhaustive import Exhaustive
from gossamer.search.strategies.nested import Nested
from gossamer.search.strategies.random import RandomSearch
from gossamer.search.strategies.subspace import SubSpace, genes_of
from gossamer.search.strategies.two_phase import TwoPhase
from tests.search.strategies.conftest import conditional, plain, problem_of, run

SPACE = plain([4, 4, 4, 5, 5])  # three genes of a network, two of its hardware


def cost(genomes):
    """The best hardware value depends on the network."""
    network, hardware = genomes[:, :3].sum(axis=1), genomes[:, 3]
    return (np.abs(hardware - network / 3) * 3 - network + 0.1 * genomes[:, 4])[:, None].astype(float)


def product(**options):
    return problem_of(SPACE, network_genes=3, **options)


def test_a_sub_space_keeps_the_other_genes_and_the_conditions_of_the_whole():
    space = conditional()
    base = space.repair(np.array([[2, 2, 1, 1, 3, 1]]))[0]
    part = SubSpace(space, np.array([0, 1, 2, 3]), base)
    whole = part.whole(np.array([[0, 1, 2, 2], [2, 1, 2, 2]]))
    assert whole.tolist() == [[0, 1, 0, 0, 3, 1], [2, 1, 2, 2, 3, 1]]
    assert part.repair(np.array([[0, 1, 2, 2]])).tolist() == [[0, 1, 0, 0]]
    assert part.text(np.array([0, 1, 0, 0])) == "depth=1 kernel1=5 hardware.rows=64 hardware.cols=16"


def test_nested_search_judges_hardware_by_the_best_network_for_it():
    inner, outer = Exhaustive(), RandomSearch(5)
    strategy = Nested(outer, inner, inner_evaluations=64).start(product(), 0)
    asked = strategy.ask()
    hardware, counts = np.unique(asked[:, 3:], axis=0, return_counts=True)
    assert counts.tolist() == [64] * 5  # every network on each of five chips, side by side
    strategy.tell(asked, cost(asked), np.zeros((len(asked), 0)))
    again = strategy.ask()
    assert not {tuple(row) for row in again[:, 3:].tolist()} & {tuple(row) for row in hardware.tolist()}


def test_nested_search_finds_the_joint_best():
    options = {"outer": Evolution(5, 5), "inner": Evolution(8, 8), "inner_evaluations": 24}
    seen = run(Nested(**options).start(product(), 0), 800, cost)
    assert cost(seen).min() == cost(np.array([[3, 3, 3, 3, 0]]))[0, 0]
    assert len(np.unique(seen, axis=0)) == len(seen)


def test_two_phases_search_the_network_first_and_then_its_hardware():
    seeds = [[1, 1, 1, 4, 4], [3, 3, 3, 4, 0]]
    method = TwoPhase(RandomSearch(8), RandomSearch(5), evaluations=32)
    seen = run(method.start(product(seeds=seeds), 0), 90, cost)
    opening, first, rest = seen[:3], seen[3:34], seen[34:]
    assert opening.tolist() == [*seeds, [2, 2, 2, 2, 2]]
    assert (first[:, 3:] == [4, 0]).all()  # the chip of the best of them, which is one of the 32 and known
    best = first[cost(first)[:, 0].argmin()] if cost(first).min() < cost(opening).min() else opening[1]
    assert (rest[:, :3] == best[:3]).all() and len(rest) == 24  # 25 chips, one of them known


def test_the_first_phase_may_look_at_one_objective_alone():
    def both(genomes):
        return np.concatenate([-genomes[:, :1] + 0.0, cost(genomes)], axis=1)

    method = TwoPhase(Exhaustive(), Exhaustive(), evaluations=64, first_objective=0)
    seen = run(method.start(product(objectives=2), 0), 80, both)
    assert (seen[:64, 3:] == 2).all() and (seen[64:, 0] == 3).all()


def test_phases_in_turns_improve_both_parts():
    def loose(genomes):  # the network is worth a step even where its hardware does not follow
        return cost(genomes) - 2.0 * genomes[:, :3].sum(axis=1, keepdims=True)

    def best(phases):
        method = TwoPhase(Evolution(6, 6), Evolution(6, 6), evaluations=12, phases=phases)
        return loose(run(method.start(product(seeds=[[0, 0, 0, 0, 4]]), 0), 120, loose)).min()

    assert best(8) <= best(2) - 2


def test_there_must_be_two_parts_and_one_number():
    with pytest.raises(SearchError, match="none of the 5 genes belong to 'hardware'; search the hardware too"):
        Nested().start(problem_of(SPACE), 0)
    with pytest.raises(SearchError, match="give one objective, such as weighted_product"):
        Nested().start(product(objectives=2), 0)
    with pytest.raises(SearchError, match="first_objective = 2, but there are 2 objectives"):
        TwoPhase(first_objective=2).start(product(objectives=2), 0)
    assert genes_of(product(), "c3", "nested").tolist() == [3]
