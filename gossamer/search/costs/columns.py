"""Layers of a whole population as one integer table, so that decoding and pricing need no object per layer.

Row = one layer, column = one field of `gossamer.ir.layer.Layer` in its order, `kind` as an index into `KINDS`.
`to_layers` gives the objects back; equal rows and equal layers are the same thing.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.layer import Layer, LayerKind

Rows: TypeAlias = NDArray[np.int64]
"""int64 [n, len(FIELDS)]."""

FIELDS = tuple(field.name for field in fields(Layer))
KINDS: tuple[LayerKind, ...] = get_args(LayerKind)
PLACE = {name: place for place, name in enumerate(FIELDS)}
_DEFAULTS = np.array(
    [0 if f.name == "kind" else f.default if isinstance(f.default, int) else 1 for f in fields(Layer)], np.int64
)


@dataclass(frozen=True)
class Population:
    """Layers of P designs that draw on the same S slots: `rows` [P,S,fields]; a slot that is not `active` [P,S] is no
    layer.
    """

    rows: NDArray[np.int64]
    active: NDArray[np.bool_]

    @staticmethod
    def empty(designs: int, slots: int) -> "Population":
        """Every field at its default, every slot inactive."""
        rows = np.broadcast_to(_DEFAULTS, (designs, slots, len(FIELDS))).copy()
        return Population(rows, np.zeros((designs, slots), np.bool_))

    def put(
        self, slot: int, kind: LayerKind, active: NDArray[np.bool_] | bool, **values: NDArray[np.int64] | int
    ) -> None:
        """Fill one slot for all designs; `values` are fields of Layer, [P] or one number for all."""
        self.rows[:, slot, 0] = KINDS.index(kind)
        self.active[:, slot] = active
        for name, value in values.items():
            self.rows[:, slot, PLACE[name]] = value

    def flat(self) -> tuple[Rows, NDArray[np.int64]]:
        """All layers under each other and, for each, which design it belongs to."""
        return self.rows[self.active], np.nonzero(self.active)[0]


def to_layers(rows: Rows) -> tuple[Layer, ...]:
    """One Layer per row; a column after those of Layer (the number of an algorithm) is left out."""
    return tuple(Layer(KINDS[row[0]], *row[1 : len(FIELDS)]) for row in rows.tolist())


def to_rows(layers: Sequence[Layer]) -> Rows:
    """One row per Layer."""
    return np.array([(KINDS.index(layer.kind), *astuple(layer)[1:]) for layer in layers], np.int64).reshape(
        -1, len(FIELDS)
    )


def macs(rows: Rows) -> NDArray[np.int64]:
    """Multiply-accumulates of each row, as `Layer.macs`."""
    return np.where(
        _weighted(rows), _product(rows, "n", "oc", "oh", "ow", "kh", "kw") * (_of(rows, "ic") // _of(rows, "groups")), 0
    )


def weight_bits(rows: Rows) -> NDArray[np.int64]:
    """Bits of storage each row's weights take."""
    elements = _product(rows, "oc", "kh", "kw") * (_of(rows, "ic") // _of(rows, "groups"))
    return np.where(_weighted(rows), elements * _of(rows, "weight_bits"), 0)


def _weighted(rows: Rows) -> NDArray[np.bool_]:
    return (rows[:, 0] == KINDS.index("conv")) | (rows[:, 0] == KINDS.index("gemm"))


def _of(rows: Rows, name: str) -> NDArray[np.int64]:
    return rows[:, PLACE[name]]


def _product(rows: Rows, *names: str) -> NDArray[np.int64]:
    return np.prod(rows[:, [PLACE[name] for name in names]], axis=1)
