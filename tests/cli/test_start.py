"""Starting is quick, and nothing heavy is imported before it is needed."""

import resource
import subprocess
import sys

import pytest

HEAVY = ("numpy", "torch", "tvm", "onnx", "sympy", "pymoo", "plotly", "sqlalchemy", "sklearn")


def imported_by(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_import_gossamer_imports_nothing_heavy() -> None:
    assert not imported_by("import gossamer").intersection(HEAVY)


def test_the_command_line_imports_nothing_heavy() -> None:
    assert not imported_by("import gossamer.cli.main").intersection(HEAVY)


def seconds(*command: str) -> float:
    """Processor time, the best of five: what a user waits for when nothing else runs, whatever runs here now."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *command], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    return min(once() for _ in range(5))


@pytest.mark.serial
def test_import_takes_less_than_0_3_s() -> None:
    assert seconds("-c", "import gossamer") < 0.3


@pytest.mark.serial
def test_help_takes_less_than_0_5_s() -> None:
    assert seconds("-m", "gossamer.cli", "--help") < 0.5


def test_search_is_a_room_and_a_function() -> None:
    import gossamer as gs
    import gossamer.search.choices as choices

    assert callable(gs.search)
    assert gs.search.choices is choices


def test_unknown_attribute() -> None:
    import gossamer as gs

    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        gs.serach  # noqa: B018
