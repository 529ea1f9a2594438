"""The python blocks of the README and of docs/ run as written; each page is one program."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = {"README.md": ROOT / "README.md"} | {page.name: page for page in sorted((ROOT / "docs").glob("*.md"))}


def program(page: Path) -> str:
    """All blocks in order; blank lines in between keep line numbers of errors those of the page."""
    text = page.read_text(encoding="utf-8")
    lines = [""] * text.count("\n")
    for match in BLOCK.finditer(text):
        first = text[: match.start()].count("\n") + 1
        for offset, line in enumerate(match[1].splitlines()):
            lines[first + offset] = line
    return "\n".join(lines)


def with_code() -> list[str]:
    return [name for name, page in PAGES.items() if BLOCK.search(page.read_text(encoding="utf-8"))]


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the pages assume: a (narrow) resnet18.onnx and an input for it."""
    import numpy as np

    folder = tmp_path_factory.mktemp("docs")
    zoo = [sys.executable, "-m", "gossamer.frontends.zoo", "resnet18", "--width", "0.125", "--size", "64"]
    subprocess.run([*zoo, "-o", "resnet18.onnx"], cwd=folder, check=True, capture_output=True)
    np.save(folder / "x.npy", np.random.default_rng(0).standard_normal((1, 3, 64, 64)).astype(np.float32))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", with_code())
def test_blocks_run(name: str, workplace: Path, tmp_path: Path) -> None:
    for file in workplace.iterdir():
        (tmp_path / file.name).symlink_to(file)
    script = tmp_path / f"{Path(name).stem}_blocks.py"
    script.write_text(program(PAGES[name]), encoding="utf-8")
    result = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, f"{name}, with line numbers of the page:\n{result.stderr[-3000:]}"
