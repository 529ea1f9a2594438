"""NN-Degree of a network, from its graph alone (Li et al., FLASH, ACM TECS 2021, Eq. 7).

    degree = sum over cells c of ( w_c + SC_c / (w_c d_c) )

w_c: mean number of output channels of the cell's convolutions, d_c: how many there are, SC_c: channels that arrive by a
skip connection, where features are added or concatenated. FLASH writes it for DenseNet-like cells; here a cell is a
stretch of the network at one image size, which is what they are there, so that every network has a degree. Where
cells only differ in what their edges compute (nasbench201) it says little: Spearman -0.3 with accuracy.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from gossamer.ir.graph import Module
from gossamer.ir.ops import Add, Concat, Conv2d


@dataclass
class _Cell:
    widths: list[int] = field(default_factory=list[int])
    skips: int = 0

    @property
    def degree(self) -> float:
        """A cell without convolutions has none."""
        if not self.widths:
            return 0.0
        width = sum(self.widths) / len(self.widths)
        return width + self.skips / sum(self.widths)  # w d is the sum of the widths


def nn_degree(module: Module) -> float:
    """See the module's docstring."""
    cells: defaultdict[tuple[int, ...], _Cell] = defaultdict(_Cell)
    for node in module.graph.nodes:
        shape = node.result.shape
        if len(shape) != 4:
            continue
        cell = cells[shape[2:]]
        if isinstance(node.op, Conv2d):
            cell.widths.append(shape[1])
        elif isinstance(node.op, Add) and node.op.x.shape == node.op.y.shape:
            cell.skips += shape[1]
        elif isinstance(node.op, Concat):
            cell.skips += shape[1] - node.op.operands[-1].shape[1]  # the last operand is the newest
    return sum(cell.degree for cell in cells.values())
