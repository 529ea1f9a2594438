"""A local Ray cluster gives the values that the other executors give."""

import os

import numpy as np
import pytest
from executor_jobs import Broken, Scoring, Training

from gossamer.ir.errors import DataError, SearchError
from gossamer.search.executors.cluster import Ray
from gossamer.search.executors.processes import Processes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray")
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    paths = {"env_vars": {"PYTHONPATH": os.path.dirname(__file__)}}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env=paths)
    yield ray
    ray.shutdown()



def test_crashes_limits_and_values(cluster, tmp_path):
    pool = Ray(workers=2, timeout_s=3).start(Scoring(str(tmp_path)))
    genomes = np.array([[0, 1, 2], [2, 0, 0], [1, 0, 0], [4, 0, 0], [0, 0, 7]])
    found = {item.place: item for item in pool.stream(enumerate(genomes))}
    pool.close()
    assert [found[place].values["score"] for place in (0, 4)] == [12.0, 7.0]
    assert [found[place].failure for place in (1, 2, 3)] == [
        "the worker died over it, twice (SIGKILL)",
        "ZeroDivisionError: a gene of nothing",
        "took more than 3 s",
    ]


def test_an_actor_that_is_lost_is_replaced(cluster):
    pool = Ray(workers=2).start(Scoring(naughty=False))
    stream = pool.stream(enumerate(np.arange(12).reshape(4, 3)))
    first = next(stream)
    cluster.kill(pool._actors[0])
    rest = list(stream)
    assert sorted(item.place for item in (first, *rest)) == [0, 1, 2, 3]
    assert not any(item.failure for item in rest)
    pool.close()


def test_trainings_and_the_inputs_fault(cluster):
    genomes = np.array([[1, 2, 3], [4, 5, 6]])
    found = []
    for executor in (Processes(workers=1), Ray(workers=1)):
        pool = executor.start(Training())
        found.append(pool.evaluate(genomes)["score"].tolist())
        pool.close()
    assert found[0] == found[1]
    with pytest.raises(DataError, match=r"^images.npz: is not there$"):
        Ray(workers=1).start(Broken())


def test_workers_that_no_processor_is_left_for_are_refused(cluster):
    with pytest.raises(SearchError, match="3 workers of 2 threads need 6 processors, and the cluster has 2; ask for"):
        Ray(workers=3, threads=2).start(Scoring(naughty=False))
    with pytest.raises(SearchError, match="1 workers of 16 threads"):
        Ray(threads=16).start(Scoring(naughty=False))


def test_no_cluster():
    with pytest.raises(SearchError, match="executor ray: workers = -1"):
        Ray(workers=-1)
