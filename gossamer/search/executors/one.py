"""Evaluating one candidate, the same way in every worker: alone, so that no value depends on its neighbours."""

import time

from gossamer.ir.errors import GossamerError
from gossamer.search.choices import Genomes
from gossamer.search.evaluators import Evaluator
from gossamer.search.executors.messages import Done

_LONGEST = 300
"""Characters of a failure that are kept."""


def evaluate_one(evaluator: Evaluator, genome: Genomes) -> Done:
    """An exception is the candidate's failure; an error that is the input's fault is raised."""
    began = time.perf_counter()
    try:
        columns = evaluator.evaluate(genome[None])
        values = {item.key: float(columns[item.key][0]) for item in evaluator.metrics}
        return Done(values, time.perf_counter() - began)
    except GossamerError:
        raise
    except Exception as error:  # whatever a training may raise is a failed candidate, not the end of the search
        missing = {item.key: float("nan") for item in evaluator.metrics}
        words = f"{type(error).__name__}: {error}"[:_LONGEST]
        return Done(missing, time.perf_counter() - began, words)
