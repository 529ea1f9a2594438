"""Every file that a page links to or names in backticks exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
NAMED = re.compile(r"`((?:gossamer|docs|examples|tests|scripts|benchmarks)/[\w./-]+)`")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_files_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = {page.parent / target for target in LINK.findall(text) if "://" not in target}
    named = {ROOT / name for name in NAMED.findall(text)}
    assert not [str(path) for path in links | named if not path.exists()]
