"""Work that several processes share, with results in the order of the work."""

import collections
import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator

AHEAD = 4  # pieces of work handed out for each process before the first result is taken


def results(function: Callable, items: Iterable, jobs: int = 1) -> Iterator:
    """Yields `function(item)` for each item, in order, from `jobs` processes.

    With one job everything happens in this process. Where the caller stops taking results, or a
    piece of work fails, what was handed out is finished and the rest is not begun. The processes
    end with the one that started them, even when it is killed.

    Args:
        function: of a module, or a `functools.partial` of one: other processes must find it.
        items: one argument each.
        jobs: number of processes.

    Raises:
        ValueError: fewer than one job.
    """
    if jobs < 1:
        raise ValueError(
            f"Nobody would do the work. Expected at least one job. Received: jobs={jobs}."
        )
    return map(function, items) if jobs == 1 else _from_processes(function, items, jobs)


def _from_processes(function, items, jobs):
    context = multiprocessing.get_context("spawn")  # a fork would copy the locks of other threads
    pool = concurrent.futures.ProcessPoolExecutor(jobs, context, initializer=_begin)
    waiting = collections.deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= AHEAD * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _begin():
    """Prepares a process: Ctrl-C is for its parent to answer, and it never outlives the parent."""
    with contextlib.suppress(ValueError):  # only the main thread may set signals
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)
