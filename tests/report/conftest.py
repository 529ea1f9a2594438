"""One small report, with names that would break a careless page; and a browser that opens pages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import gossamer as gs
from gossamer.ir.graph import Module
from gossamer.report.data import Design, LayerRow, SearchReport
from gossamer.report.inspection.page import inspect_page
from gossamer.search.objectives import objective

HOSTILE = '</script><img src=x onerror="alert(1)">'


def _layer(label: str) -> LayerRow:
    return LayerRow(label, "conv", "1x8x8x8 -> 1x16x8x8, 3x3", 4, 8, 73728, 1e-5, 2e-7, 12, 4096.0, 0.5, "ws")


def _design(name: str, accuracy: float, latency_s: float, area_mm2: float) -> Design:
    values = {"accuracy": accuracy, "latency_s": latency_s, "area_mm2": area_mm2}
    hardware = {"rows": 16, "dataflow": "ws", "clock_hz": 5e8}
    return Design(
        name,
        values,
        {"width": "0.5"},
        hardware,
        "rows 16, ws",
        (_layer("stem"), _layer(HOSTILE)),
        f"module {name}\n",
        ("model.onnx",),
    )


@pytest.fixture
def report() -> SearchReport:
    designs = (_design("d0", 0.98, 2e-4, 0.9), _design("d1", 0.95, 5e-5, 0.4), _design("d2", 0.91, 6e-6, 0.4))
    explored = ((0.98, 2e-4, 0.9), (0.9, 3e-4, 1.0), (0.5, 1e-5, float("inf")))
    objectives = tuple(objective(name) for name in ("accuracy", "latency", "area"))
    return SearchReport(HOSTILE, {"seed": "0"}, {"designs": "3"}, objectives, designs, explored, ("a note",))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium without a screen; skipped, saying so, where there is none."""
    if not (Path("/usr/bin/chromium").exists() and Path("/usr/bin/chromedriver").exists()):
        pytest.skip("no /usr/bin/chromium and chromedriver (Debian: chromium, chromium-driver)")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu", "window-size=1500,950"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    yield driver
    driver.quit()


@dataclass(frozen=True)
class Page:
    """An open page. `started_ms`: from the start of the navigation until the page could be used."""

    browser: Any
    started_ms: int

    def js(self, script: str, *arguments: object) -> Any:
        return self.browser.execute_script(script, *arguments)

    def texts(self, selector: str) -> list[str]:
        return self.js("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector)

    def count(self, selector: str) -> int:
        return self.js("return document.querySelectorAll(arguments[0]).length", selector)

    def click(self, selector: str, kind: str = "click") -> None:
        self.js("document.querySelector(arguments[0]).dispatchEvent(new MouseEvent(arguments[1], {bubbles: true}))",
                selector, kind)  # fmt: skip

    def double_click(self, selector: str) -> None:
        self.click(selector, "dblclick")

    def key(self, key: str) -> None:
        self.js("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: arguments[0], bubbles: true}))", key)

    def choose(self, field: str, value: str) -> None:
        self.js("const e = document.getElementById(arguments[0]); e.value = arguments[1]; "
                "e.dispatchEvent(new Event('change'))", field, value)  # fmt: skip

    def type(self, text: str) -> None:
        """Into the search field, key by key."""
        field = self.browser.find_element("id", "search")
        field.clear()
        field.send_keys(text)

    def enter(self) -> None:
        self.browser.find_element("id", "search").send_keys("\ue007")

    def frame(self) -> None:
        """Waits until what was asked for is drawn."""
        self.js("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def errors(self) -> list[str]:
        return [line["message"] for line in self.browser.get_log("browser")]

    @property
    def panel(self) -> str:
        return self.js("return document.getElementById('panel').innerText")


@pytest.fixture
def shown(browser: Any, tmp_path: Path) -> Callable[[str], Page]:
    """Opens a page given as text."""

    def show(text: str) -> Page:
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        browser.get_log("browser")
        browser.get(path.as_uri())
        ready = browser.execute_script("return document.documentElement.dataset.ready")
        assert ready, browser.get_log("browser")
        return Page(browser, int(ready))

    return show


@pytest.fixture
def opened(shown: Callable[[str], Page]) -> Callable[..., Page]:
    """Opens the page of a module and a pipeline."""

    def show(module: Module, passes: str = "") -> Page:
        return shown(inspect_page(module.name, gs.inspect(module, passes)))

    return show
