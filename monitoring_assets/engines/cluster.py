"""Calls on the executors of Apache Spark. Only tasks and results pass the driver.

Settings are Spark's own: ``spark-defaults.conf`` in ``SPARK_CONF_DIR``, and its environment
variables.
"""

from __future__ import annotations

import atexit
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from resources.errors import InputError, StorageError

if TYPE_CHECKING:
    from pyspark import Broadcast, SparkContext

UNMENDED = (InputError, StorageError)
"""What another try on another executor does not mend."""
Bucketed = Iterator[tuple[int, Any]]
"""Results of a task, each with the number of the bucket that it belongs to."""
Stage = tuple[Callable[[int, list[Any]], Any], int]
"""What is called with each bucket and all that belongs to it, and how many buckets there are."""


class Cluster:
    """The executors of one Spark application.

    A task that fails, or whose executor is lost, is tried again elsewhere: it must do the same
    again, and write files in one step. An `InputError` or a `StorageError` is no such failure.
    """

    def __init__(self, context: SparkContext) -> None:
        self._context = context

    @classmethod
    @cache
    def connected(cls) -> Cluster:
        """The process's application, which lasts as long as the process.

        Raises
        ------
        InputError
            If PySpark is not installed.
        """
        try:
            from pyspark import SparkConf, SparkContext
        except ModuleNotFoundError:
            raise InputError(
                "engine: found spark, whose package pyspark is not installed; "
                "pip install 'credit-model-monitoring[spark]', or use one_machine"
            ) from None
        conf = SparkConf().setAppName("model-monitoring")
        context = SparkContext.getOrCreate(conf)
        atexit.register(context.stop)
        return cls(context)

    @property
    def reported(self) -> dict[str, str]:
        """Which application it is."""
        context = self._context
        return {"spark_master": context.master, "spark_application": context.applicationId}

    def run(
        self, what: str, tasks: Sequence[Any], work: Callable[[int, Any], Any], *stages: Stage
    ) -> list[Any]:
        """Call a function with each of several tasks.

        Parameters
        ----------
        what
            What is done, for Spark's own pages.
        tasks
            Can be pickled, as can ``work`` and what it returns.
        work
            Takes the number of the task and the task. If stages follow, it returns `Bucketed`, as
            does each of them but the last.
        stages
            Each takes the number of a bucket and what it was given, in the order of the givers.

        Returns
        -------
        Results of all tasks, in their order; of the last stage in any order.

        Raises
        ------
        InputError, StorageError
            The first that was raised.
        """
        self._context.setJobDescription(what)
        rdd = self._context.parallelize(list(enumerate(tasks)), len(tasks))
        for gather, buckets in stages:
            spread = partial(_spread, self._broadcast(work), buckets)
            rdd = rdd.flatMap(spread).groupByKey(buckets).mapValues(_in_order)
            work = gather
        results: list[Any] = rdd.map(partial(_result, self._broadcast(work))).collect()
        for result in results:
            if isinstance(result, UNMENDED):
                raise result
        return results

    def _broadcast(self, work: Callable[..., Any]) -> Broadcast[bytes]:
        """A function for all executors, once for each of them: it may hold a model."""
        return self._context.broadcast(pickle.dumps(work))


def _result(work: Broadcast[bytes], numbered: tuple[int, Any]) -> Any:
    """What a call returns, or raises of what another try does not mend."""
    number, task = numbered
    if isinstance(task, UNMENDED):
        return task
    try:
        return pickle.loads(work.value)(number, task)
    except UNMENDED as error:
        return error


def _spread(
    work: Broadcast[bytes], buckets: int, numbered: tuple[int, Any]
) -> Iterator[tuple[int, tuple[int, Any]]]:
    """What a call makes for each bucket; what it raises goes to all, as none of them is whole."""
    number, _ = numbered
    made = _result(work, numbered)
    try:
        if isinstance(made, UNMENDED):
            raise made
        for bucket, one in made:
            yield bucket, (number, one)
    except UNMENDED as error:
        for bucket in range(buckets):
            yield bucket, (number, error)


def _in_order(given: Iterable[tuple[int, Any]]) -> Any:
    """What a bucket was given, in the order of the givers, or what one of them has raised."""
    values = [value for _, value in sorted(given, key=itemgetter(0))]
    return next((value for value in values if isinstance(value, UNMENDED)), values)
