"""Targets from other packages: the example installs and conforms, and two owners of one name are told apart."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "gossamer-tinydsp"


def gossamer(*arguments: str, path: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, which sees the packages in `path`."""
    environment = os.environ | {"PYTHONPATH": str(path)}
    command = [sys.executable, "-m", "gossamer.cli", *arguments]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert result.returncode == code, result.stderr
    return result


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example package as pip installs it, in a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    # pip leaves its build folder beside the source and would install what an earlier one holds: a clean copy, then
    source = tmp_path_factory.mktemp("source") / "tinydsp"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("build", "*.egg-info"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(folder), str(source)], check=True, capture_output=True)
    return folder


@pytest.mark.slow
def test_the_example_is_listed_with_its_package_and_its_parameters(installed: Path) -> None:
    document = json.loads(gossamer("targets", "tinydsp", "--json", path=installed).stdout)
    assert document["package"] == "gossamer-tinydsp 0.1.0"
    assert {"lanes", "sram_bytes"} <= {parameter["name"] for parameter in document["parameters"]}


@pytest.mark.slow
def test_the_example_keeps_every_promise_of_the_seam(installed: Path) -> None:
    document = json.loads(gossamer("check-backend", "tinydsp", "--json", path=installed).stdout)
    assert document["passed"] and len(document["checks"]) > 3


def claim(folder: Path, distribution: str, target: str) -> None:
    """A package's metadata and nothing more: enough to claim a name."""
    info = folder / f"{distribution}-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 9.9\n")
    (info / "entry_points.txt").write_text(f"[gossamer.backends]\n{target} = {distribution}:backend\n")


def test_a_clash_of_names_says_who(tmp_path: Path) -> None:
    claim(tmp_path, "rival", "systolic")
    result = gossamer("targets", path=tmp_path, code=2)
    assert "rival 9.9" in result.stderr and "gossamer 0.1.0" in result.stderr and "uninstall" in result.stderr


def test_a_broken_package_does_not_hide_the_others(tmp_path: Path) -> None:
    claim(tmp_path, "broken", "brokenchip")
    rows = json.loads(gossamer("targets", "--json", path=tmp_path).stdout)["targets"]
    found = {row["name"]: row["summary"] for row in rows}
    assert "systolic" in found and found["brokenchip"].startswith("cannot be used")
