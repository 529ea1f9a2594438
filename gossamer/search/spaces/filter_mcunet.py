"""The filter `mcunet`: the resolution and the width with which a memory is used best.

TinyNAS (Lin et al., MCUNet, NeurIPS 2020, section 3.1): of every configuration of the macro choices, sample networks,
keep those that fit the memory, and take the configuration whose networks have the largest mean of multiply-accumulates.
Memory here: the largest layer's input and output must fit the SRAM, all weights the flash, at `bits` an element; what
else is alive beside a layer (the input of a residual block) is not counted.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from gossamer.backends.base import Backend
from gossamer.ir.errors import SearchError
from gossamer.search.choices import Choice, Genomes
from gossamer.search.costs.columns import PLACE, Rows, macs, weight_bits
from gossamer.search.spaces.base import Matrix, NetworkSpace
from gossamer.search.spaces.filter import matching, with_bits
from gossamer.search.spaces.narrowed import narrowed

KIB = 1024


@dataclass(frozen=True)
class McuNet:
    """Memories in bytes (defaults: STM32F746, 320 KiB and 1 MiB). least: part of the sampled networks that must fit."""

    sram_bytes: int = 320 * KIB
    flash_bytes: int = KIB * KIB
    bits: int = 8
    choices: tuple[str, ...] = ("resolution", "width")
    samples: int = 100
    least: float = 0.01

    def __post_init__(self) -> None:
        for what in ("sram_bytes", "flash_bytes", "bits", "samples"):
            if getattr(self, what) < 1:
                raise SearchError(f"filter 'mcunet': {what} = {getattr(self, what)}; it must be at least 1")

    def apply(self, space: NetworkSpace, backend: Backend | None, seed: int) -> NetworkSpace:
        """SearchError: no such choices, or no configuration that fits."""
        found = matching(space.choices, self.choices)
        sampled = space.sample(self.samples, np.random.default_rng(seed))
        configurations = list(product(*(range(len(item.values)) for item in found)))
        tried = [self._networks(space, _with(space, sampled, found, picked)) for picked in configurations]
        means = [self._mean_of_fitting(*networks) for networks in tried]
        best = int(np.argmax(means))
        if not means[best]:
            raise self._refusal(found, np.concatenate([needs for _, needs in tried]))
        picked = zip(found, configurations[best])
        return narrowed(space, tuple((item.name, (item.values[place],)) for item, place in picked))

    def _mean_of_fitting(self, work: Matrix, needs: Matrix) -> float:
        """Mean MACs of the networks that fit; 0 where too few do."""
        fits = (needs <= [self.sram_bytes, self.flash_bytes]).all(axis=1)
        return float(work[fits].mean()) if fits.any() and fits.mean() >= self.least else 0.0

    def _refusal(self, choices: tuple[Choice, ...], needs: Matrix) -> SearchError:
        sram, flash = needs[(needs / [self.sram_bytes, self.flash_bytes]).max(axis=1).argmin()]
        return SearchError(
            f"filter 'mcunet': no configuration of {', '.join(item.name for item in choices)} has networks that fit "
            f"{self.sram_bytes} bytes of SRAM and {self.flash_bytes} of flash; the nearest found needs {sram:.0f} and "
            f"{flash:.0f}: give more memory, or smaller images and widths"
        )

    def _networks(self, space: NetworkSpace, genomes: Genomes) -> tuple[Matrix, Matrix]:
        """MACs of each network [P], and the bytes of SRAM and flash that it needs [P, 2]."""
        rows, owner = space.shapes(space.choices, genomes).flat()
        rows = with_bits(rows, self.bits)
        largest = np.zeros(len(genomes))
        np.maximum.at(largest, owner, working_bytes(rows))
        flash = np.bincount(owner, weight_bits(rows) / 8, len(genomes)).astype(np.float64)
        work = np.bincount(owner, macs(rows), len(genomes)).astype(np.float64)
        return work, np.stack([largest, flash], axis=1)


def working_bytes(rows: Rows) -> Matrix:
    """Bytes of each layer's input and output."""
    columns = {name: rows[:, place] for name, place in PLACE.items()}
    inputs = columns["n"] * columns["ic"] * columns["ih"] * columns["iw"] * columns["activation_bits"]
    outputs = columns["n"] * columns["oc"] * columns["oh"] * columns["ow"] * columns["output_bits"]
    return (inputs + outputs) / 8


def _with(space: NetworkSpace, genomes: Genomes, choices: tuple[Choice, ...], picked: tuple[int, ...]) -> Genomes:
    found = genomes.copy()
    for choice, place in zip(choices, picked):
        found[:, space.choices.places[choice.name]] = place
    return space.repair(found)
