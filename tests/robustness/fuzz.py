"""Load mutated files, many of them, under limits of time and memory, watching every file that is opened.

    python tests/robustness/fuzz.py onnx --count 12000       # or: text, tflite
    python tests/robustness/fuzz.py onnx --only 4711 --keep broken.onnx

A file is either loaded, checked and printed, or refused with a GossamerError: anything else is a finding. Prints one
JSON object: how many were accepted and refused, the slowest, the findings (number, what happened). Runs in a process
of its own, since what it looks for ends processes.
"""

import argparse
import faulthandler
import json
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

import corpus
import mutate

from gossamer.frontends import load
from gossamer.ir.errors import GossamerError
from gossamer.ir.text import parse_module
from gossamer.ir.verify import verify

SECONDS = 10
ADDRESS_SPACE_BYTES = 6 << 30
"""More than an interpreter with numpy and onnx maps, far less than a tensor of 10^12 elements takes."""
ROOT = Path(__file__).resolve().parents[2]
ENDINGS = {"onnx": "onnx", "text": "gsm", "tflite": "tflite"}


class Hang(BaseException):
    """No Exception, so that nothing that is being tested can catch it."""


class OpenedOutside(BaseException):
    pass


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=tuple(ENDINGS))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--only", type=int, help="one number, its traceback shown")
    parser.add_argument("--keep", type=Path, help="with --only: write the file here")
    options = parser.parse_args()
    numbers = range(options.start, options.start + options.count) if options.only is None else [options.only]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model").mkdir()
        (Path(folder) / "model" / "w.bin").write_bytes(bytes(64))
        (Path(folder) / "w.bin").write_bytes(bytes(64))  # beside the folder: never to be read
        (Path(folder) / "model" / "link").symlink_to("../w.bin")
        run = _Run(options.kind, Path(folder) / "model", options.keep)
        print(json.dumps(run.all(numbers, show=options.only is not None)))
    return 0


class _Run:
    def __init__(self, kind: str, folder: Path, keep: Path | None) -> None:
        self.kind, self.folder, self.keep = kind, folder, keep
        self.seeds = _seeds(kind)
        self.watching = False
        # The model's folder, and what Python and its packages live in: modules and entry points are found when needed.
        homes = [str(folder), str(ROOT / "gossamer"), sys.prefix, sys.base_prefix, *filter(None, sys.path)]
        self.allowed = [Path(home).resolve() for home in homes]

    def all(self, numbers: list[int] | range, show: bool) -> dict[str, object]:
        _warm_up()
        _limit()
        sys.addaudithook(self._audit)
        signal.signal(signal.SIGALRM, _hang)
        counts, findings, slowest = {"accepted": 0, "refused": 0}, [], (0.0, -1)
        for number in numbers:
            start = time.perf_counter()
            try:
                counts["accepted" if self.one(number) else "refused"] += 1
            except BaseException as error:  # whatever it is, it is a finding
                if isinstance(error, KeyboardInterrupt):
                    raise
                if show:
                    traceback.print_exc()
                findings.append([number, f"{type(error).__name__}: {error}"[:300], _place(error)])
            slowest = max(slowest, (time.perf_counter() - start, number))
        return {**counts, "findings": findings, "slowest_s": slowest[0], "slowest": slowest[1], "peak_mb": _peak_mb()}

    def one(self, number: int) -> bool:
        """Whether mutation `number` was accepted; GossamerError means refused, all else escapes."""
        file = self._file(number)
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        faulthandler.dump_traceback_later(SECONDS + 5, exit=True)  # for native code, which no signal interrupts
        self.watching = True
        try:
            module = verify(load(file))
            text = str(module)
            assert parse_module(text) == module, "printed and parsed again it is another module"
        except GossamerError as error:
            if "\n" in str(error) and self.kind != "text":
                raise AssertionError(f"a message of several lines: {error}") from error
            return False
        finally:
            self.watching = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            faulthandler.cancel_dump_traceback_later()
        return True

    def _file(self, number: int) -> Path:
        rng = random.Random(number)
        seed = rng.choice(self.seeds)
        if isinstance(seed, bytes):
            data = mutate.mutated_words(rng, seed) if rng.random() < 0.7 else mutate.mutated_bytes(rng, seed)
        elif isinstance(seed, str):
            data = mutate.mutated_text(rng, seed).encode("utf-8", "surrogatepass")
            if rng.random() < 0.1:
                data = mutate.mutated_bytes(rng, data)
        elif rng.random() < 0.7:
            data = mutate.mutated_model(rng, seed)
        else:
            data = mutate.mutated_bytes(rng, seed.SerializeToString())
        file = self.folder / f"model.{ENDINGS[self.kind]}"
        file.write_bytes(data)
        if self.keep is not None:
            self.keep.write_bytes(data)
        return file

    def _audit(self, event: str, given: tuple[object, ...]) -> None:
        if event != "open" or not self.watching or not isinstance(given[0], (str, bytes)):
            return
        path = Path(os.fsdecode(given[0])).resolve()
        if not any(path.is_relative_to(home) for home in self.allowed):
            self.watching = False
            raise OpenedOutside(str(path))


def _seeds(kind: str) -> "list[Any]":
    if kind == "tflite":
        sys.path.append(str(ROOT))
        from tests.robustness import tflite_seeds

        return tflite_seeds.files()
    return corpus.models() if kind == "onnx" else corpus.texts()


def _warm_up() -> None:
    """Load what is imported at first use, so that the limits count only what a file makes."""
    load(corpus.models()[0])


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _peak_mb() -> float:
    """Of this program: what `getrusage` tells begins with the memory of the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def _hang(_signal: int, _frame: FrameType | None) -> None:
    raise Hang(f"more than {SECONDS} s")


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "gossamer" in f.filename] or list(frames)
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""


if __name__ == "__main__":
    sys.exit(main())
