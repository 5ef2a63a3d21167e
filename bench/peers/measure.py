"""Run a program to its end and see what it cost."""

import os
import re
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

WATCH_SECONDS = 0.005
TAIL = 800  # characters of a failed program's output that its error shows


class ProgramError(Exception):
    """A measured program failed or took too long; `output` is all that it printed."""

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


@dataclass(frozen=True)
class Cost:
    """What one run of a program cost.

    Attributes:
        seconds: wall clock, from the start of the process to its end.
        cpu_seconds: processor time of the process and its children, in user and kernel mode.
        peak_bytes: most memory that was resident at once, of the process or the largest of its children.
        output: standard output and standard error together.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str


def run(
    command: Sequence[str],
    *,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float = 3600.0,
) -> Cost:
    """Run `command` and measure it.

    The peak comes from the kernel when the child is reaped. That figure starts at what this process had resident when
    it started the child; a child that stayed below is measured by looking at it while it runs.

    Raises:
        ProgramError: it ended with another exit code than 0, or was stopped after `timeout_seconds`.
    """
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            list(command),
            cwd=directory,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        guard = threading.Timer(timeout_seconds, process.kill)
        guard.start()
        peaks = [0]
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, peaks, ended))
        watcher.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            guard.cancel()
            ended.set()
            watcher.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode != 0:
        late = f" after {timeout_seconds:.0f} s" if seconds >= timeout_seconds else ""
        raise ProgramError(f"{command[0]} ended with {process.returncode}{late}:\n{text[-TAIL:]}", text)
    inherited = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = usage.ru_maxrss if usage.ru_maxrss > inherited else max(peaks)
    return Cost(seconds, usage.ru_utime + usage.ru_stime, peak * 1024, text)


def _watch(process: int, peaks: list[int], ended: threading.Event) -> None:
    """Collect the peak resident memory of a process, in KiB, until it ended."""
    status = Path(f"/proc/{process}/status")
    while not ended.is_set():
        try:
            found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        except OSError:
            return
        if found:
            peaks.append(int(found[1]))
        ended.wait(WATCH_SECONDS)
