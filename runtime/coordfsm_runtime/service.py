"""A node as a process of its own: logs, signals, the operator's doors, and an exit code that says how it ended."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from coordfsm_runtime.admin.operations import Operations
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.errors import AdminError, ConfigurationError, StoreError
from coordfsm_runtime.logs import configure_logs
from coordfsm_runtime.node import ClusterNode

EXIT_OK = 0
EXIT_USAGE = 2
EXIT_INTERNAL = 70
EXIT_STORE = 74
"""The store failed (EX_IOERR of ``sysexits.h``)."""

logger = logging.getLogger(__name__)


def run_node(config: NodeConfig, *, stop_with_parent: bool = False) -> int:
    """Run a node until it leaves, is told to stop or fails.

    Args:
        config: of the node.
        stop_with_parent: also stop, without leaving, when standard input closes.

    Returns:
        0 after a graceful end; 2 for a configuration that cannot work (an address in use); 70 for an internal error;
        74 when the store failed.
    """
    configure_logs(config.name, config.log_level)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(_serve(config, stop_with_parent=stop_with_parent))
    except (ConfigurationError, AdminError) as error:
        return _fail("configuration", error, EXIT_USAGE)
    except StoreError as error:
        return _fail("store failed", error, EXIT_STORE)
    except Exception as error:
        logger.exception("internal error")
        return _fail("internal error", error, EXIT_INTERNAL)


def _fail(event: str, error: Exception, code: int) -> int:
    logger.error(event, extra={"fields": {"reason": str(error), "exit_code": code}})
    return code


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The fastest event loop that is installed; None for the standard library's."""
    try:
        import uvloop  # noqa: PLC0415  (used where it is installed)
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _serve(config: NodeConfig, *, stop_with_parent: bool) -> int:
    node = ClusterNode(config)
    operations = Operations(node)
    await node.start()
    try:
        await operations.start()
        _catch_signals(operations)
        if stop_with_parent:
            _watch_parent(operations)
        await _first_of(operations.stopped.wait(), node.wait_closed())
        if node.failure is not None:
            raise node.failure
        if operations.graceful:
            await node.leave()
    finally:
        await operations.close()
        await node.close()
    return EXIT_OK


def _catch_signals(operations: Operations) -> None:
    """SIGTERM and SIGINT: leave gracefully; once more: stop at once."""
    loop = asyncio.get_running_loop()

    def caught(number: signal.Signals) -> None:
        if operations.stopped.is_set():
            logger.warning("second signal, stopping at once", extra={"fields": {"signal": number.name}})
            # Nothing is lost: all that was promised is on disk, as after a crash.
            os._exit(128 + number)
        logger.info("signal, leaving", extra={"fields": {"signal": number.name}})
        operations.stop(graceful=True)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, caught, number)


def _watch_parent(operations: Operations) -> None:
    loop = asyncio.get_running_loop()
    descriptor = sys.stdin.fileno()

    def readable() -> None:
        if not os.read(descriptor, 4_096):
            loop.remove_reader(descriptor)
            operations.stop(graceful=False)

    loop.add_reader(descriptor, readable)


async def _first_of(*waits: Any) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
