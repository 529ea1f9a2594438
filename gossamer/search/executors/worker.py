"""A worker process: it reads tasks from a socket and answers each, until the socket closes.

It is started as a program of its own rather than by multiprocessing, which would import the user's script once more.
"""

import os
import pickle
import sys
import time
from multiprocessing.connection import Connection
from threading import Thread

from gossamer.ir.errors import GossamerError

WATCH_S = 1.0


def main() -> None:
    """`argv[1]`: the file descriptor of the socket."""
    parent = os.getppid()
    Thread(target=_watch, args=(parent,), daemon=True).start()
    connection = Connection(int(sys.argv[1]))
    begin = connection.recv()
    sys.path[:] = begin.path
    try:
        _serve(connection, begin.job, begin.threads)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _serve(connection: Connection, pickled: bytes, threads: int) -> None:
    from gossamer.search.executors.messages import Ready, Refused
    from gossamer.search.executors.one import evaluate_one
    from gossamer.search.threads import torch_threads

    try:
        with torch_threads(threads):
            evaluator = pickle.loads(pickled).start()  # written by the process that started this one
            connection.send(Ready(tuple(evaluator.metrics)))
            while True:
                connection.send(evaluate_one(evaluator, connection.recv().genome))
    except GossamerError as error:
        connection.send(Refused(type(error).__name__, str(error)))


def _watch(parent: int) -> None:
    """A worker whose search was killed has nobody to answer, and might train on for hours."""
    while os.getppid() == parent:
        time.sleep(WATCH_S)
    os._exit(0)
