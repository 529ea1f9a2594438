"""A search whose results are in PostgreSQL is reported by its URL."""

from pathlib import Path

import pytest

from gossamer.ir.errors import DataError
from gossamer.report.searches.history import read_history
from gossamer.report.searches.one import page, report_search
from gossamer.search.store import Store
from tests.report.searches.conftest import CHOICES
from tests.search.sharing.conftest import postgres

__all__ = ["postgres"]

pytestmark = pytest.mark.slow


def test_a_url_is_as_good_as_a_folder(postgres: str, searched, tmp_path: Path) -> None:
    source = read_history(searched(tmp_path / "a", 40))
    url = f"{postgres}#reported"
    store = Store(url)
    store.settle({key: value for key, value in source.settings.items() if key not in ("choices", "gossamer")}, CHOICES)
    store.add(list(source.archive.rows))
    store.close()
    report = report_search(url)
    assert report.history.folder is None and report.history.front.tolist() == source.front.tolist()
    assert "</svg>" in page(report)
    with pytest.raises(DataError):
        read_history(f"{postgres}#nothing-there")
