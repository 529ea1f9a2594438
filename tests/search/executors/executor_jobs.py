"""Jobs for the tests of executors: importable by worker processes."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gossamer.ir.errors import DataError
from gossamer.search.objectives import Objective

SCORE = Objective("score", "score", "", higher_is_better=True)


@dataclass(frozen=True)
class Scoring:
    """`score` of a genome: its genes as digits. The first gene says what else happens: 1 raises, 2 kills its worker, 3
    kills it the first time, 4 sleeps, 5 takes memory, 6 is the input's fault.
    """

    folder: str = ""
    naughty: bool = True

    def start(self):
        return self

    @property
    def metrics(self):
        return (SCORE,)

    def evaluate(self, genomes):
        if self.folder:
            with (Path(self.folder) / "log").open("a") as log:
                log.writelines(f"{genome.tolist()}\n" for genome in genomes)
        if self.naughty:
            self._misbehave(int(genomes[0, 0]))
        return {"score": (genomes * [100.0, 10.0, 1.0]).sum(axis=1)}

    def _misbehave(self, kind):
        first = Path(self.folder) / "first"
        if kind == 1:
            raise ZeroDivisionError("a gene of nothing")
        if kind == 2 or (kind == 3 and not first.exists()):
            first.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == 4:
            time.sleep(60)
        if kind == 5:
            held = [np.ones(4_000_000) for _ in range(40)]
            time.sleep(60 + len(held))
        if kind == 6:
            raise DataError("images.npz: is not there")


@dataclass(frozen=True)
class Broken:
    """Cannot be started: the input's fault, or a crash."""

    crash: bool = False

    def start(self):
        if self.crash:
            os._exit(3)
        raise DataError("images.npz: is not there")


@dataclass(frozen=True)
class Training:
    """A little training with torch: its weights depend on the order of sums."""

    def start(self):
        import torch

        from gossamer.search.threads import limit_threads

        limit_threads()
        torch.manual_seed(0)
        self.__dict__["data"] = torch.randn(512, 256)
        return self

    @property
    def metrics(self):
        return (SCORE,)

    def evaluate(self, genomes):
        import torch

        torch.manual_seed(int(genomes[0].sum()))
        network = torch.nn.Sequential(torch.nn.Linear(256, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1))
        optimiser = torch.optim.SGD(network.parameters(), 0.05)
        for _ in range(20):
            optimiser.zero_grad()
            loss = (network(self.__dict__["data"]) - 1).square().mean()
            loss.backward()
            optimiser.step()
        return {"score": np.array([float(loss.detach())])}


@dataclass(frozen=True)
class Outside:
    """Energy, falling with the sum of the genes; first gene 1 raises."""

    @property
    def metrics(self):
        return (Objective("energy_j", "energy", "J"),)

    def start(self):
        return self

    def evaluate(self, genomes):
        if genomes[0, 0] == 1:
            raise ZeroDivisionError("no")
        return {"energy_j": 39.0 - genomes.sum(axis=1)}
