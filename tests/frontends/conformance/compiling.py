"""A case on the CPU backend: compiled with the target's own passes, run, compared."""

import warnings

import gossamer
from gossamer.ir.errors import GossamerError

from .running import Prepared, Verdict, judged


def judged_by_cpu(prepared: Prepared) -> Verdict:
    """Compile and run an imported case. Whatever is raised, the case that it is raised for has failed."""
    try:
        artifact = gossamer.compile(prepared.module, "cpu")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return judged(prepared, artifact.run(prepared.feeds))
    except GossamerError as error:
        return Verdict(prepared.case.name, "refused", " ".join(str(error).split()))
    except Exception as error:  # a crash of the code generator is one more way to fail
        return Verdict(prepared.case.name, "refused", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
