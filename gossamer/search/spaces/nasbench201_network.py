"""The whole network of NAS-Bench-201 as IR, and which tensors join its layers."""

from functools import lru_cache

import numpy as np

from gossamer.ir.graph import Module
from gossamer.ir.types import Value
from gossamer.search.choices import Genomes
from gossamer.search.spaces import nasbench201_cell as cell
from gossamer.search.spaces.drawn import DrawnNetwork
from gossamer.search.spaces.flow import Flow
from gossamer.search.spaces.flow_of import template_of
from gossamer.search.spaces.nasbench201_frame import STAGES, Frame

SLIM = 2
"""Channels of the networks that are built only to see how their layers are joined."""


def network(frame: Frame, genes: Genomes, seed: int) -> Module:
    """`genes`: pruned, [6]."""
    net = DrawnNetwork(frame.input_shape, seed)
    x = net.batch_norm(net.conv(net.image, "stem", frame.width, kernel=3), "stem.bn")
    for stage in range(STAGES):
        x = _residual(net, x, f"residual{stage}") if stage else x
        for place in range(frame.cells):
            x = cell.add_cell(net, x, genes, f"stage{stage + 1}.cell{place + 1}")
    x = net.relu(net.batch_norm(x, "last.bn"), "last.relu")
    return net.finish("nasbench201", net.linear(net.mean(x, "mean"), "classifier", frame.classes))


@lru_cache(maxsize=5**6)
def flow(frame: Frame, pattern: tuple[int, ...]) -> Flow:
    """How layers are joined in every network of a pattern (`nasbench201_cell.pattern`)."""
    slim = Frame((1, 4, 4), 1, frame.cells, SLIM)
    places = {slot.name: place for place, slot in enumerate(frame.slots)}
    return template_of(network(slim, np.array(pattern), 0)).placed(places)


def _residual(net: DrawnNetwork, x: Value, name: str) -> Value:
    """Half the side, twice the channels."""
    oc = 2 * x.shape[1]
    y = net.conv(net.relu(x, f"{name}.relu1"), f"{name}.conv1", oc, 3, 2)
    y = net.relu(net.batch_norm(y, f"{name}.bn1"), f"{name}.relu2")
    y = net.batch_norm(net.conv(y, f"{name}.conv2", oc, 3), f"{name}.bn2")
    down = net.conv(net.avg_pool(x, f"{name}.pool", 2, 2, 0), f"{name}.down", oc)
    return net.plus(down, y, f"{name}.add")
