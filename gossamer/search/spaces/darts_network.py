"""DARTS networks as IR, and their layers for a population from a table of cells.

What layers a cell has depends on its genes and its kind. A cell is lowered once, at sizes that tell its extents apart,
when it is first met; at every position of the network the extents of that position take their places.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.graph import Module
from gossamer.search.choices import Genomes
from gossamer.search.costs.columns import PLACE, Population
from gossamer.search.spaces.darts_cell import CellWriter, Kind
from gossamer.search.spaces.darts_frame import Frame, Position
from gossamer.search.spaces.darts_text import GENES
from gossamer.search.spaces.drawn import DrawnNetwork
from gossamer.search.spaces.flow import Flow
from gossamer.search.spaces.flow_of import template_of

SLIM_WIDTH, SLIM_SIDE = 2, 16
SKETCH_WIDTH, SKETCH_SIDE = 4, 16
MARK = Position("cell", Kind(False, False), before=3, last=5, channels=14, side=(32, 32))
"""Extents of the lowered cell: no two of the numbers that `_extents` gives for it are equal."""
_CHANNELS = [PLACE[name] for name in ("ic", "oc", "groups")]
_HEIGHTS, _WIDTHS = ([PLACE[name] for name in names] for names in (("ih", "oh"), ("iw", "ow")))


def network(frame: Frame, genome: Genomes, seed: int) -> Module:
    """`genome`: 24 genes."""
    net = DrawnNetwork(frame.input_shape, seed)
    x = net.batch_norm(net.conv(net.image, "stem", frame.stem, kernel=3), "stem.bn")
    before = last = net.relu(x, "stem.relu")
    for position in frame.positions:
        writer = CellWriter(net, position.name, position.kind)
        x = writer.write(before, last, _cell(genome, position), position.channels)
        if position is not frame.positions[-1]:
            before, last = last, net.relu(x, f"{position.name}.relu")
    return net.finish("darts", net.linear(net.mean(x, "mean"), "classifier", frame.classes))


def sketch(genome: Genomes) -> Module:
    """A normal cell and a reduction, small."""
    net = DrawnNetwork((SKETCH_WIDTH, SKETCH_SIDE, SKETCH_SIDE))
    normal = CellWriter(net, "normal", Kind(False, False)).write(net.image, net.image, genome[:GENES], SKETCH_WIDTH)
    last = net.relu(normal, "relu")
    reduce = CellWriter(net, "reduce", Kind(True, False)).write(net.image, last, genome[GENES:], SKETCH_WIDTH)
    return net.finish("darts", reduce)


@lru_cache(maxsize=1 << 14)
def flow(frame: Frame, genome: tuple[int, ...]) -> Flow:
    """How the layers of one network are joined: read off the whole network, slim."""
    slim = Frame((1, SLIM_SIDE, SLIM_SIDE), 1, frame.cells, SLIM_WIDTH)
    places = {slot.name: place for place, slot in enumerate(frame.slots)}
    return template_of(network(slim, np.array(genome), 0)).placed(places)


def population(frame: Frame, genes: Genomes) -> Population:
    """Layers, without bits, of [P, 24] genes."""
    found = Population.empty(len(genes), len(frame.slots))
    places = {slot.name: place for place, slot in enumerate(frame.slots)}
    channels, height, width = frame.input_shape
    image = {"ih": height, "iw": width, "oh": height, "ow": width}
    found.put(0, "eltwise", True, ic=channels, oc=channels, **image)
    found.put(1, "conv", True, ic=channels, oc=frame.stem, kh=3, kw=3, **image)
    for position in frame.positions:
        _put_cells(found, places, position, genes)
    _put_relus(found, places, frame)
    last = frame.positions[-1]
    found.put(places["mean"], "reduce", True, ic=last.output, ih=last.after[0], iw=last.after[1], oc=last.output)
    found.put(places["classifier"], "gemm", True, ic=last.output, oc=frame.classes)
    for name in ("mean", "classifier"):
        found.rows[:, places[name], [PLACE["oh"], PLACE["ow"]]] = 1
    found.rows[:, places["classifier"], [PLACE["ih"], PLACE["iw"]]] = 1
    return found


def _put_relus(found: Population, places: dict[str, int], frame: Frame) -> None:
    """What a cell gives is rectified for the next ones; not the last."""
    for position in frame.positions[:-1]:
        c, (h, w) = position.output, position.after
        found.put(places[f"{position.name}.relu"], "eltwise", True, ic=c, ih=h, iw=w, oc=c, oh=h, ow=w)


def _put_cells(found: Population, places: dict[str, int], position: Position, genes: Genomes) -> None:
    own = genes[:, GENES:] if position.kind.reduction else genes[:, :GENES]
    distinct, inverse = np.unique(own, axis=0, return_inverse=True)
    for number, row in enumerate(distinct):
        names, rows = cell_layers(tuple(row.tolist()), position.kind)
        slots = [places[f"{position.name}.{name}"] for name in names]
        designs = np.flatnonzero(inverse.ravel() == number)[:, None]
        found.rows[designs, slots] = _sized(rows, position)
        found.active[designs, slots] = True


@lru_cache(maxsize=1 << 14)
def cell_layers(genes: tuple[int, ...], kind: Kind) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names and rows of a cell's layers, its extents those of MARK."""
    before = 2 * MARK.side[0] if kind.halves else MARK.side[0]
    net = DrawnNetwork((1, before, before))
    first = net.conv(net.image, "before", MARK.before)
    last = net.conv(net.image, "last", MARK.last, 1, 2 if kind.halves else 1)
    y = CellWriter(net, "cell", kind).write(first, last, np.array(genes), MARK.channels)
    found = template_of(net.finish("cell", net.conv(net.relu(y, "relu"), "after", 1)))
    own = [place for place, label in enumerate(found.labels) if label.startswith("cell.")]
    return tuple(found.labels[place].removeprefix("cell.") for place in own), found.rows[own]


def _sized(rows: NDArray[np.int64], position: Position) -> NDArray[np.int64]:
    """The rows with extents of this position."""
    found = rows.copy()
    pairs = [
        (_CHANNELS, _channels(MARK), _channels(position)),
        (_HEIGHTS, _extents(MARK.side[0]), _extents(position.side[0])),
        (_WIDTHS, _extents(MARK.side[1]), _extents(position.side[1])),
    ]
    for columns, marks, values in pairs:
        for mark, value in zip(marks, values):
            found[:, columns] = np.where(rows[:, columns] == mark, value, found[:, columns])
    return found


def _channels(position: Position) -> tuple[int, ...]:
    c = position.channels
    return position.before, position.last, c, c // 2, position.output


def _extents(side: int) -> tuple[int, ...]:
    """Twice the side (an input still to be halved), the side, half of it, and the first two without a pixel."""
    return 2 * side, side, side // 2, 2 * side - 1, side - 1


def _cell(genome: Genomes, position: Position) -> Genomes:
    return genome[GENES:] if position.kind.reduction else genome[:GENES]
