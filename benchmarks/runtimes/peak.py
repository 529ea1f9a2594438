"""What this machine's multipliers can do, measured: fp32 multiply-adds on independent registers, on several threads.

A loop in C by the machine's own compiler, on the widest vectors the processor has; nothing is loaded or stored in it.
"""

import ctypes
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ACCUMULATORS = 12
ROUNDS = 4_000_000
TRIES = 20
_SOURCE = """
typedef float V __attribute__((vector_size({width})));
float peak(long rounds) {{
    V a[{n}], b, c;
    for (int l = 0; l < {lanes}; l++) {{ b[l] = 0.999f; c[l] = 0.001f * (l + 1); }}
    for (int i = 0; i < {n}; i++) a[i] = c + (float)i;
    __asm__ volatile("" : "+{register}"(b), "+{register}"(c));
    for (long r = 0; r < rounds; r++) {{
        {body}
    }}
    float sum = 0;
    for (int i = 0; i < {n}; i++) for (int l = 0; l < {lanes}; l++) sum += a[i][l];
    return sum;
}}
"""


def peak_flops_per_s(cores: Sequence[int]) -> float:
    """Best of many tries with a thread on each core. Raises RuntimeError: no C compiler."""
    function, lanes = _kernel()
    flops = 2.0 * lanes * ACCUMULATORS * ROUNDS * len(cores)
    return flops / min(_seconds(function, len(cores)) for _ in range(TRIES))


def _seconds(function, threads: int) -> float:
    ready = threading.Barrier(threads + 1)

    def work() -> None:
        ready.wait()
        function(ROUNDS)

    own = [threading.Thread(target=work) for _ in range(threads)]
    for thread in own:
        thread.start()
    ready.wait()
    start = time.perf_counter()
    for thread in own:
        thread.join()
    return time.perf_counter() - start


@cache
def _kernel():
    lanes = _lanes()
    body = " ".join(f"a[{i}] = a[{i}] * b + c;" for i in range(ACCUMULATORS))
    source = _SOURCE.format(
        width=4 * lanes, lanes=lanes, n=ACCUMULATORS, body=body, register="v" if lanes == 16 else "x"
    )
    with tempfile.TemporaryDirectory() as folder:
        file, library = Path(folder) / "peak.c", Path(folder) / "peak.so"
        file.write_text(source)
        command = [
            "cc",
            "-O3",
            "-march=native",
            "-ffp-contract=fast",
            "-shared",
            "-fPIC",
            str(file),
            "-o",
            str(library),
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"the kernel that measures the peak cannot be compiled: {done.stderr[-300:]}")
        function = ctypes.CDLL(str(library)).peak
    function.argtypes, function.restype = [ctypes.c_long], ctypes.c_float
    return function, lanes


def _lanes() -> int:
    flags = next((x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("flags")), "").split()
    return 16 if "avx512f" in flags else 8 if "fma" in flags else 4
