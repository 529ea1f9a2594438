"""Parameters and FLOPs of NAS-Bench-201 networks as they were published, edges that reach nothing included.

The published FLOPs are multiply-accumulates of convolutions and of the classifier, plus, per element, 1 for a relu, 2
for a batch norm, k^2 for a pooled value, and (side + 1)^2 per channel for the mean over the image. This rule was
found from NASLib's zero-cost tables (Krishnakumar et al. 2022), all of which it meets exactly.
"""

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.spaces.nasbench201_cell import KERNELS, POOL
from gossamer.search.spaces.nasbench201_frame import Frame


def parameters(frame: Frame, genomes: Genomes) -> NDArray[np.int64]:
    """int64 [P]: weights, and scales and shifts of batch norms."""
    edges = {
        op: frame.cells * sum(c * c * kernel * kernel + 2 * c for c, *_ in frame.stages)
        for op, kernel in KERNELS.items()
    }
    stem = (9 * frame.input_shape[0] + 2) * frame.width
    residuals = sum(_residual_parameters(c) for c, *_ in frame.stages[1:])
    last = frame.stages[-1][0]
    return _over_edges(genomes, edges) + stem + residuals + 2 * last + (last + 1) * frame.classes


def flops(frame: Frame, genomes: Genomes) -> NDArray[np.int64]:
    """int64 [P]: as counted by the authors; see the module's docstring."""
    edges = {
        op: frame.cells * sum((c * c * kernel * kernel + 3 * c) * height * width for c, height, width in frame.stages)
        for op, kernel in KERNELS.items()
    }
    edges[POOL] = frame.cells * sum(9 * c * height * width for c, height, width in frame.stages)
    c, height, width = frame.stages[0]
    stem = (9 * frame.input_shape[0] + 2) * c * height * width
    residuals = sum(_residual_flops(c, height * width) for c, height, width in frame.stages[1:])
    return _over_edges(genomes, edges) + stem + residuals + _last_flops(frame)


def _over_edges(genomes: Genomes, values: dict[int, int]) -> NDArray[np.int64]:
    table = np.zeros(5, np.int64)
    table[list(values)] = list(values.values())
    return table[genomes].sum(axis=1)


def _residual_parameters(c: int) -> int:
    """To c channels from half as many: two 3x3 with batch norms, and a 1x1."""
    half = c // 2
    return 9 * half * c + 2 * c + 9 * c * c + 2 * c + half * c


def _residual_flops(c: int, pixels: int) -> int:
    """`pixels` of its output, a quarter of those it reads."""
    half = c // 2
    first = half * 4 * pixels + (9 * half + 2) * c * pixels
    second = c * pixels + (9 * c + 2) * c * pixels
    return first + second + 4 * half * pixels + half * c * pixels


def _last_flops(frame: Frame) -> int:
    c, height, width = frame.stages[-1]
    return 3 * c * height * width + (height + 1) * (width + 1) * c + c * frame.classes
