"""Fill the outputs in the README from real runs: `python scripts/readme_outputs.py [RUN]` on an idle machine.

A marker `<!-- NAME -->` keeps its place; the block after it, up to the next blank line, is replaced. RUN is the folder
of a finished `make search` (runs/first); without one the search's picture stays as it is.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
SHOWN = 7


def gossamer(*arguments: str, folder: Path) -> str:
    command = [sys.executable, "-m", "gossamer.cli", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def trimmed(text: str) -> str:
    """The head and the tail of a table, trailing blanks gone."""
    lines = [line.rstrip() for line in text.rstrip().splitlines()]
    if len(lines) > 2 * SHOWN:
        lines = [*lines[:SHOWN], "...", *lines[-3:]]
    return "\n".join(f"    {line}".rstrip() for line in lines)


def fill(page: str, name: str, block: str) -> str:
    """`block` (no blank lines inside) after the marker, in place of what stood there."""
    marker = re.escape(f"<!-- {name} -->")
    pattern = rf"({marker}\n\n)(?:(?:    |!\[|\|).*\n(?:.+\n)*\n)?"
    filled, count = re.subn(pattern, lambda match: f"{match[1]}{block}\n\n", page)
    if count != 1:
        raise SystemExit(f"README.md: the marker <!-- {name} --> stands there {count} times, needed once")
    return filled


def compiled(page: str) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        zoo = [sys.executable, "-m", "gossamer.frontends.zoo", "resnet18", "-o", "resnet18.onnx"]
        subprocess.run(zoo, cwd=folder, check=True, capture_output=True)
        page = fill(
            page,
            "compile",
            trimmed(gossamer("compile", "resnet18.onnx", "--target", "cpu", "-o", "out", folder=folder)),
        )
        page = fill(page, "run", trimmed(gossamer("run", "out", "--check", folder=folder)))
        return fill(page, "targets", trimmed(gossamer("targets", "systolic", folder=folder)))


def searched(page: str, run: Path) -> str:
    """The picture of a run and one line on it."""
    shutil.copy(run / "pareto.svg", ROOT / "docs" / "pareto.svg")
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    best = max(design["metrics"]["accuracy"] for design in facts["designs"])
    found = f"{len(facts['designs'])} designs of {facts['evaluations']:,} evaluated"
    alt = f"{found}, {100 * best:.1f} % at best on held-out digits"
    return fill(page, "pareto", f"![{alt}](docs/pareto.svg)\n*{alt}: what `make search` found.*")


def main() -> None:
    page = README.read_text(encoding="utf-8")
    if len(sys.argv) > 1:
        page = searched(page, Path(sys.argv[1]))
    README.write_text(compiled(page), encoding="utf-8")


if __name__ == "__main__":
    main()
