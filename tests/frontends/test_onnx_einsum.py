"""Einsum against numpy: batches, sums, diagonals, what is left out, what dots stand for."""

import numpy as np
import pytest
from onnx import helper

from gossamer.frontends import load
from gossamer.ir.reference import evaluate

EQUATIONS = [
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("bij,bkj->bki", (2, 3, 4), (2, 5, 4)),
    ("...ij,...jk", (2, 3, 4), (2, 4, 5)),
    ("ij,k->kji", (2, 3), (4,)),
    ("ij,ij->", (2, 3), (2, 3)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("iii->i", (3, 3, 3)),
    ("iij->j", (3, 3, 2)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
]


@pytest.mark.parametrize(("equation", "shapes"), [(text, shapes) for text, *shapes in EQUATIONS])
def test_the_same_as_numpy(equation, shapes, make):
    rng = np.random.default_rng(0)
    given = {f"x{i}": rng.standard_normal(shape).astype(np.float32) for i, shape in enumerate(shapes)}
    node = helper.make_node("Einsum", list(given), ["y"], equation=equation)
    found = evaluate(load(make([node], {name: array.shape for name, array in given.items()})), given)["y"]
    np.testing.assert_allclose(found, np.einsum(equation, *given.values()), rtol=1e-5, atol=1e-5)
