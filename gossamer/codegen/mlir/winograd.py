"""A convolution by Winograd's algorithm F(m x m, r x r), as nests: its transforms are products with small matrices.

    U = G w G^T      V = B^T d B      M[a,b] = sum over ic of U[a,b] V[a,b]      Y = A^T M A      out[oh,ow] = Y + bias

The matrices are constants; the transform of a constant weight is one too, once a compiler has folded it.
"""

import numpy as np

from gossamer.codegen.mlir.generic import lower_nest
from gossamer.codegen.mlir.writer import Tensor, Writer
from gossamer.ir.nest import Affine, Axis, Div, Index, Load, Mod, Nest, apply, at
from gossamer.ir.ops import Conv2d
from gossamer.ir.types import F32
from gossamer.ir.winograd import transforms

Extents = dict[str, int]


def winograd(writer: Writer, conv: Conv2d, m: int, operands: list[Tensor], name: str) -> Tensor:
    """The result of the convolution."""
    return _Winograd(writer, conv, m, operands).result(name)


class _Winograd:
    def __init__(self, writer: Writer, conv: Conv2d, m: int, operands: list[Tensor]) -> None:
        form = transforms(m, conv.weight.shape[2])
        self.out = conv.infer()[0]
        n, oc, oh, ow = self.out.shape
        self._writer, self._conv, self._m, self._operands = writer, conv, m, operands
        self._extents: Extents = {
            "n": n, "oc": oc, "oh": oh, "ow": ow, "th": -(-oh // m), "tw": -(-ow // m), "ic": conv.x.shape[1],
            "a": form.n, "b": form.n, "i": form.n, "j": form.n, "kh": form.r, "kw": form.r, "y": m, "x": m,
        }  # fmt: skip
        arrays = form.arrays(np.float64)
        self._at, self._g, self._bt = (writer.constant(f"winograd_{t}", a, F32) for t, a in zip("agb", arrays))

    def result(self, name: str) -> Tensor:
        oh, ow, m = at("oh"), at("ow"), self._m
        tile: tuple[Index, ...] = (at("n"), at("oc"), Div(oh, m), Div(ow, m), Mod(oh, m), Mod(ow, m))
        body = Load(0, tile)
        biased = apply("add", body, Load(1, (at("oc"),))) if self._conv.bias is not None else body
        slots = [self._outputs(), *self._operands[2:]]
        nest = Nest(self._axes("n oc oh ow", ""), biased, F32, self.out.dtype)
        return lower_nest(self._writer, nest, slots, name)

    def _outputs(self) -> Tensor:
        """Y [n, oc, th, tw, y, x]."""
        rows = self._product("n oc th tw y b", "a", "y a", "n oc th tw a b", self._at, self._products())
        return self._product("n oc th tw y x", "b", "x b", "n oc th tw y b", self._at, rows)

    def _products(self) -> Tensor:
        """M [n, oc, th, tw, a, b]."""
        return self._product("n oc th tw a b", "ic", "oc ic a b", "n ic th tw a b", self._weights(), self._inputs())

    def _weights(self) -> Tensor:
        """U [oc, ic, a, b]."""
        rows = self._product("oc ic a kw", "kh", "a kh", "oc ic kh kw", self._g, self._operands[1])
        return self._product("oc ic a b", "kw", "b kw", "oc ic a kw", self._g, rows)

    def _inputs(self) -> Tensor:
        """V [n, ic, th, tw, a, b]; tiles reach past the input, where it is 0."""
        top, left = self._conv.pads[:2]
        taps = (at("n"), at("ic"), at("th") * self._m + at("i") - top, at("tw") * self._m + at("j") - left)
        body = apply("mul", Load(0, _each("a i")), Load(1, taps, 0.0))
        nest = Nest(self._axes("n ic th tw a j", "i"), body, F32, F32, "sum")
        rows = lower_nest(self._writer, nest, [self._bt, self._operands[0]], "winograd")
        return self._product("n ic th tw a b", "j", "b j", "n ic th tw a j", self._bt, rows)

    def _product(self, axes: str, over: str, left: str, right: str, x: Tensor, y: Tensor) -> Tensor:
        """sum over `over` of x[left] * y[right], for every point of `axes`."""
        body = apply("mul", Load(0, _each(left)), Load(1, _each(right)))
        return lower_nest(self._writer, Nest(self._axes(axes, over), body, F32, F32, "sum"), [x, y], "winograd")

    def _axes(self, parallel: str, reduction: str) -> tuple[Axis, ...]:
        loops = tuple(Axis(n, self._extents[n], reduce=True) for n in reduction.split())
        return tuple(Axis(n, self._extents[n]) for n in parallel.split()) + loops


def _each(names: str) -> tuple[Affine, ...]:
    return tuple(at(name) for name in names.split())
