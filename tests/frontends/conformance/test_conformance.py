"""The cases of the onnx package: all of them on the reference, some of them on the CPU, and the table of the docs."""

import pytest

from .cases import SUITES, cases_of, light_cases, node_cases
from .compiling import judged_by_cpu
from .reasons import why_not_imported
from .running import Prepared, Verdict, judged, judged_by_reference, prepare
from .table import PAGE, Result, by_operator, generated_part, refused, summary

_CPU_EVERY = 9


@pytest.fixture(scope="session")
def results() -> list[Result]:
    """Every case but the light networks on the reference."""
    return [Result(c, judged_by_reference(c)) for suite in SUITES if suite != "light" for c in cases_of(suite)]


@pytest.mark.slow
def test_the_table_of_the_docs_says_what_is_found(results):
    page = _rows(generated_part(PAGE.read_text()))
    found = [row for row in _rows("\n".join(summary(results))) if "networks of the model zoo" not in row]
    assert {_without_cpu(row) for row in (*found, *by_operator(results))} <= {_without_cpu(row) for row in page}
    assert set(refused(results)) <= set(page), "run `make conformance`: the table of docs/onnx.md is out of date"


@pytest.mark.slow
def test_what_is_not_supported_has_a_reason(results):
    unexplained = [r.reference for r in results if not r.reference.good and why_not_imported(r.reference) in (
        "not supported", "other numbers"
    )]  # fmt: skip
    assert [v.name for v in unexplained] == []


@pytest.mark.slow
def test_most_node_tests_pass(results):
    assert sum(r.reference.good for r in results if r.case.suite == "node") >= 1600


@pytest.mark.slow
@pytest.mark.parametrize("index", range(9))
def test_light_networks(index):
    case = light_cases()[index]
    verdict = judged_by_reference(case)
    assert verdict.outcome == "passed", verdict.why


@pytest.mark.slow
def test_a_part_of_the_node_tests_on_the_cpu():
    pytest.importorskip("tvm")
    cases = [case for case in node_cases() if not case.expanded][::_CPU_EVERY]
    verdicts = [judged_by_cpu(prepare(case)) for case in cases if judged_by_reference(case).good]
    failed = [v for v in verdicts if not v.good and not _left_out(v)]
    assert len(verdicts) > 100 and failed == []


@pytest.mark.slow
def test_a_wrong_number_is_found():
    """The judge itself: an output that is off by more than the case's tolerance, of another shape or type, fails."""
    prepared = _prepared("test_add")
    good = {"sum": prepared.case.outputs[0]}
    assert judged(prepared, good).outcome == "passed"
    assert judged(prepared, {"sum": good["sum"] * 1.01}).outcome == "wrong"
    assert judged(prepared, {"sum": good["sum"][:1]}).why == "output 'sum': shape (1, 4, 5), wanted (3, 4, 5)"


def test_an_input_that_shapes_depend_on_becomes_a_constant():
    prepared = _prepared("test_reshape_extended_dims")
    assert prepared.fixed == ("shape",) and not prepared.folded


def _prepared(name: str) -> Prepared:
    return prepare(next(case for case in node_cases() if case.name == name))


def _left_out(verdict: Verdict) -> bool:
    """Element types and empty tensors that the CPU backend says it does not do."""
    return verdict.outcome == "refused" and ("arithmetic on" in verdict.why or "without elements" in verdict.why)


def _rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def _without_cpu(row: str) -> str:
    """A row of a table less its last column, which is the CPU's."""
    return row.rstrip("|").rpartition("|")[0]
