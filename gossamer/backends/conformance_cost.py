"""Checks of the cost model: shapes and ranges of the columns, rows independent of each other, bigger never cheaper."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace

import numpy as np

from gossamer.backends.base import Backend, LayerCosts
from gossamer.backends.conformance_declare import need
from gossamer.ir.hardware import Hardware
from gossamer.ir.layer import Layer

COLUMNS = tuple(f.name for f in fields(LayerCosts) if f.name != "mappings")
_BITS = ({"weight_bits": 8, "activation_bits": 8, "output_bits": 8}, {})

LAYERS: tuple[Layer, ...] = tuple(
    replace(layer, **bits)
    for bits in _BITS
    for layer in (
        Layer("conv", 1, 3, 32, 32, 16, 16, 16, 3, 3, 2, 2),
        Layer("conv", 2, 16, 16, 16, 32, 16, 16, 3, 3),
        Layer("conv", 1, 32, 16, 16, 32, 16, 16, 3, 3, groups=32),
        Layer("conv", 1, 32, 8, 8, 64, 8, 8),
        Layer("conv", 1, 16, 12, 12, 16, 8, 8, 3, 3, dilation_h=2, dilation_w=2, groups=4),
        Layer("gemm", 1, 64, 1, 1, 10, 1, 1),
        Layer("gemm", 48, 64, 1, 1, 96, 1, 1),
        Layer("pool", 1, 32, 16, 16, 32, 8, 8, 2, 2, 2, 2),
        Layer("eltwise", 1, 32, 16, 16, 32, 16, 16, operands=2),
        Layer("reduce", 1, 64, 8, 8, 64, 1, 1),
        Layer("move", 1, 32, 16, 16, 64, 16, 16, operands=2),
        Layer("other", 1, 64, 8, 8, 64, 8, 8),
    )
)
"""Every kind of layer, as int8 and as 32-bit."""


def chips(backend: Backend) -> list[Hardware]:
    """The default, and the default with each parameter at the first and last value a search would try."""
    found = [backend.hardware()]
    for info in backend.hardware.parameters():
        for value in info.search[:1] + info.search[-1:]:
            found.append(backend.hardware.build({info.name: value}))
    return found


def columns(backend: Backend) -> str:
    """Lengths, types and ranges; rows that do not fit are infinite."""
    hardware = chips(backend)
    pairs = [(layer, chip) for chip in hardware for layer in LAYERS]
    costs = backend.cost([layer for layer, _ in pairs], [chip for _, chip in pairs])
    for name in COLUMNS:
        column = getattr(costs, name)
        need(isinstance(column, np.ndarray) and column.shape == (len(pairs),), f"{name}: needs one number per row")
    fits = costs.fits
    need(fits.dtype == np.bool_, f"fits: needs booleans, found {fits.dtype}")
    need(fits.any(), "not one of the layers fits any of the chips")
    for name in ("latency_s", "energy_j"):
        column = getattr(costs, name)
        need(
            np.isfinite(column[fits]).all() and (column[fits] > 0).all(),
            f"{name}: needs to be finite and > 0 where it fits",
        )
        need(np.isinf(column[~fits]).all(), f"{name}: needs to be infinite where it does not fit")
    for name in ("compute_cycles", "stall_cycles", "sram_bytes", "dram_bytes", "utilization"):
        need((getattr(costs, name) >= 0).all(), f"{name}: needs to be >= 0")
    need((costs.utilization <= 1).all(), "utilization: needs to be <= 1")
    need(((costs.mapping >= 0) & (costs.mapping < len(costs.mappings))).all(), "mapping: needs positions in `mappings`")
    return f"{len(pairs)} rows, {int(fits.sum())} fit, {len(costs.mappings)} mappings"


def broadcast(backend: Backend) -> str:
    """One hardware stands for every row; no rows give no rows."""
    chip = backend.hardware()
    _equal(
        backend.cost(LAYERS, [chip]), backend.cost(LAYERS, [chip] * len(LAYERS)), "one hardware against a copy per row"
    )
    need(len(backend.cost([], [chip]).latency_s) == 0, "no layers need to give no rows")
    return f"{len(LAYERS)} layers on one hardware"


def row_by_row(backend: Backend) -> str:
    """A row does not depend on its neighbours."""
    hardware = chips(backend)
    pairs = [(LAYERS[i % len(LAYERS)], hardware[i % len(hardware)]) for i in range(3 * len(LAYERS))]
    together = backend.cost([layer for layer, _ in pairs], [chip for _, chip in pairs])
    for row, (layer, chip) in enumerate(pairs):
        alone = backend.cost([layer], [chip])
        for name in COLUMNS:
            a, b = getattr(together, name)[row], getattr(alone, name)[0]
            need(a == b or bool(np.isclose(a, b, rtol=1e-9)), f"row {row}, {name}: {a} among others, {b} alone")
    return f"{len(pairs)} rows alone equal the rows together"


def deterministic(backend: Backend) -> str:
    hardware = chips(backend)
    layers, chosen = list(LAYERS), [hardware[i % len(hardware)] for i in range(len(LAYERS))]
    _equal(backend.cost(layers, chosen), backend.cost(layers, chosen), "the same call twice")
    return "the same call gives the same numbers"


def monotone(backend: Backend) -> str:
    """Twice the output channels, or twice the height, never takes less time.

    Energy may fall: latency decides the schedule, and another layer gets another one.
    """
    bigger = {
        "twice the output channels": lambda l: replace(
            l, oc=2 * l.oc, **({"ic": 2 * l.ic, "groups": 2 * l.groups} if l.depthwise else {})
        ),
        "twice the height": lambda l: replace(l, ih=2 * l.ih, oh=2 * l.oh),
    }
    compared = 0
    for chip in chips(backend):
        small = backend.cost(LAYERS, [chip])
        for what, grow in bigger.items():
            rows = [i for i, layer in enumerate(LAYERS) if _grows(layer, what)]
            large = backend.cost([grow(LAYERS[i]) for i in rows], [chip])
            compared += _never_less(small, large, rows, what)
    return f"{compared} pairs of layers"


def _grows(layer: Layer, what: str) -> bool:
    """Channels of weightless layers and heights of matrices stand for other things."""
    return layer.kind == "conv" or (layer.kind == "gemm" and "channels" in what)


def _never_less(small: LayerCosts, large: LayerCosts, rows: Sequence[int], what: str) -> int:
    compared = 0
    for place, row in enumerate(rows):
        if not large.fits[place]:
            continue
        need(small.fits[row], f"{LAYERS[row]}: does not fit, though with {what} it does")
        a, b = small.latency_s[row], large.latency_s[place]
        need(b >= a * (1 - 1e-9), f"{LAYERS[row]}: latency_s {a:g}, with {what} only {b:g}")
        compared += 1
    return compared


def infeasible_rows(backend: Backend) -> str:
    """What cannot fit is a row with `fits` False, not an exception, and does not touch its neighbours."""
    vast = replace(LAYERS[3], ic=2**20, oc=2**20, weight_bits=64, activation_bits=64)
    alone, mixed = (
        backend.cost([LAYERS[3]], [backend.hardware()]),
        backend.cost([LAYERS[3], vast], [backend.hardware()]),
    )
    for name in COLUMNS:
        need(
            getattr(alone, name)[0] == getattr(mixed, name)[0],
            f"{name}: a layer of 2**40 weights changes the row beside it",
        )
    need(
        bool(mixed.fits[1]) == bool(np.isfinite(mixed.latency_s[1])),
        "latency_s: infinite exactly where it does not fit",
    )
    return f"a layer of 2**40 64-bit weights {'fits' if mixed.fits[1] else 'does not fit'}"


def area(backend: Backend) -> str:
    """None, or a positive number on every chip."""
    found = [backend.area_mm2(chip) for chip in chips(backend)]
    for value in found:
        need(value is None or (np.isfinite(value) and value > 0), f"area_mm2 is {value}, needed None or a number > 0")
    return "unknown" if found[0] is None else f"{found[0]:.3g} mm2 by default"


def _equal(a: LayerCosts, b: LayerCosts, what: str) -> None:
    for name in COLUMNS:
        need(np.array_equal(getattr(a, name), getattr(b, name)), f"{name}: differs between {what}")


COST_CHECKS: tuple[tuple[str, Callable[[Backend], str]], ...] = (
    ("cost columns are complete, positive and finite", columns),
    ("one hardware is broadcast over all layers", broadcast),
    ("rows are independent of each other", row_by_row),
    ("cost is deterministic", deterministic),
    ("a bigger layer never takes less time", monotone),
    ("what does not fit is data", infeasible_rows),
    ("area is known or None", area),
)
