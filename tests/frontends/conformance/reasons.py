"""Why a case does not pass, in the few words of the table."""

import re

from .running import Verdict

_IMPORT = (
    (r"element type STRING|String|RegexFullMatch|LabelEncoder", "strings"),
    (r"is not a tensor|Sequence|a sequence|Optional", "sequences and optional values as inputs or outputs"),
    (r"preview\.training|training mode", "training"),
    (r"Random|Bernoulli|Multinomial", "random numbers"),
    (r"element type FLOAT", "element types that the IR lacks: fnuz floats of 8 bits, fp4, e8m0"),
    (r"ImageDecoder", "decoding of image files"),
    (r"NonMaxSuppression", "the result's shape depends on the numbers"),
    (r"ai\.onnx\.ml:", "classical machine learning (trees, encoders)"),
    (r"TfIdfVectorizer", "counting of n-grams"),
    (r"reads the bits of", "bits of floats read as integers (BitCast)"),
    (r"extents are at least 1", "an input of open shape given no elements"),
    (r"batched form of opset 8", "Scan as opset 8 had it"),
    (r"computed at run time and has to be a constant", "an operand that shapes depend on is computed at run time"),
)  # fmt: skip
_RUNNING = (
    (r"arithmetic on (bf16|f8e4m3|f8e5m2)", "bf16 and fp8 are not compiled for the CPU"),
    (r"without elements", "tensors without elements are not compiled"),
    (r"opaque op", "an op without a loop nest"),
)
_LAST_DIGITS = 1e-3
"""Of f16 around 1; the expected numbers of the inverse DFT hold noise of 2e-7 where 0 is right."""


def why_not_imported(verdict: Verdict) -> str:
    """The reason that the reference's verdict stands for."""
    return _first(_IMPORT, verdict)


def why_not_on_cpu(verdict: Verdict) -> str:
    """The reason that the CPU's verdict stands for."""
    return _first(_RUNNING, verdict)


def _first(patterns: tuple[tuple[str, str], ...], verdict: Verdict) -> str:
    for pattern, reason in patterns:
        if re.search(pattern, f"{verdict.name}: {verdict.why}"):
            return reason
    if verdict.outcome != "wrong":
        return "not supported"
    apart = re.search(r"Max absolute difference among violations: ([\d.e-]+)", verdict.why)
    return "the last digits differ" if apart and float(apart[1]) < _LAST_DIGITS else "other numbers"
