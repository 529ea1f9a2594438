"""`make conformance`: every case of the onnx package's suite on the reference and on the CPU; rewrites docs/onnx.md.

Takes some minutes: each case that imports is compiled.
"""

import sys
import time

from .cases import SUITES, Case, cases_of
from .compiling import judged_by_cpu
from .running import judged_by_reference, prepare
from .table import PAGE, Result, page_part, written


def main() -> None:
    cases = [case for suite in SUITES for case in cases_of(suite)]
    start, results = time.monotonic(), list[Result]()
    for i, case in enumerate(cases):
        results.append(_result(case))
        if i % 50 == 0:
            print(f"\r{i} of {len(cases)} cases, {time.monotonic() - start:.0f} s", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    part = page_part(results)
    PAGE.write_text(written(part, PAGE.read_text()))
    print(part.split("\n\n")[0])


def _result(case: Case) -> Result:
    reference = judged_by_reference(case)
    return Result(case, reference, judged_by_cpu(prepare(case)) if reference.good else None)


if __name__ == "__main__":
    main()
