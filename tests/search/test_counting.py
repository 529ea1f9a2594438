"""The exact number of designs: against walking through all of them, and where walking would never end."""

import time

import numpy as np
import pytest

from gossamer.search.choices import Choice, Choices, Condition
from gossamer.search.product import Bits, Product
from gossamer.search.spaces.fbnet import FBNet


def any_choices(seed):
    """Up to six choices, each of which may depend on any before it."""
    rng = np.random.default_rng(seed)
    items = []
    for place in range(rng.integers(1, 7)):
        named = [item for item in items if rng.random() < 0.35]
        when = tuple(
            Condition(item.name, tuple(value for value in item.values if rng.random() < 0.6)) for item in named
        )
        items.append(Choice(f"c{place}", tuple(range(rng.integers(1, 4))), when))
    return Choices(tuple(items))


@pytest.mark.parametrize("seed", range(60))
def test_count_is_what_walking_finds(seed):
    choices = any_choices(seed)
    every = np.indices(tuple(choices.sizes)).reshape(len(choices), -1).T
    assert choices.count() == len(np.unique(choices.repair(every), axis=0))


def test_many_conditional_choices_are_counted_at_once():
    """22 places of 9 operations, each with bits of its own layers: 9^22 combinations of operations."""
    product = Product(Bits(weights=(4, 8), activations=(4, 8))).build(FBNet(), None)
    start = time.perf_counter()
    assert product.choices.count() > 9**22
    assert time.perf_counter() - start < 1.0


def test_the_product_counts_as_its_independent_parts():
    """Each of n switches turns two choices on: (1 + 2 * 3)^n."""
    parts = []
    for place in range(40):
        on = (Condition(f"switch{place}", (1,)),)
        parts += [Choice(f"switch{place}", (0, 1)), Choice(f"a{place}", (1, 2), on), Choice(f"b{place}", (1, 2, 3), on)]
    order = np.random.default_rng(0).permutation(40)
    switches = [item for item in parts if not item.when]
    others = [item for place in order for item in parts if item.when and item.name[1:] == str(place)]
    assert Choices((*switches, *others)).count() == 7**40
    assert Choices((*switches, *others)).designs == 12.0**40


def test_more_designs_than_floats_can_count():
    assert Choices(tuple(Choice(f"c{place}", (1, 2)) for place in range(1100))).designs == np.inf
