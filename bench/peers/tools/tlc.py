"""TLC, from the jar whose path the user gives."""

import functools
import re
import shutil
import tempfile
from pathlib import Path

from bench.peers.contender import Contender, MissingError, Options
from bench.peers.measure import ProgramError, run
from bench.peers.workload import Counts, Workload

MODELS = Path(__file__).parent.parent / "models"
MODULES = {"twophase": "TwoPhase", "mutex": "Mutex"}
CONFIGURATIONS = {
    "twophase": "CONSTANT N = {size}\nSPECIFICATION Spec\nINVARIANT Consistent\n",
    "mutex": "CONSTANT Latest = {size}\nSPECIFICATION Spec\nINVARIANT Exclusive\nCONSTRAINT Bounded\n",
}


def read(output: str) -> Counts:
    """The counts from TLC's report.

    Raises:
        ValueError: the report is incomplete.
    """
    found = re.search(r"^(\d+) states generated, (\d+) distinct states found, 0 states left", output, re.MULTILINE)
    if not found:
        raise ValueError(f"not the report of a finished search: {output[-200:]!r}")
    return Counts(int(found[2]), int(found[1]), "No error has been found" in output)


def find(options: Options) -> list[Contender]:
    """TLC with one worker and with more.

    Raises:
        MissingError: no jar was given, it holds no TLC, or there is no Java.
    """
    if options.tla2tools is None:
        raise MissingError("give the path of tla2tools.jar with --tla2tools")
    if shutil.which("java") is None:
        raise MissingError("java is not on the path")
    jar = options.tla2tools.resolve()
    try:
        told = run(["java", "-cp", str(jar), "tlc2.TLC", "-help"]).output
    except ProgramError as error:
        told = error.output  # the help ends with exit code 1 in some versions
    version = re.search(r"Version ([\d.]+)", told)
    if version is None:
        raise MissingError(f"{options.tla2tools.name} runs no TLC: {told.strip()[-200:]}")
    return [
        Contender(
            f"TLC, {workers} worker{'s' if workers > 1 else ''}",
            "tlc",
            version[1],
            workers,
            exact=False,
            command=functools.partial(_command, jar, options.work, workers),
            read=read,
            build=functools.partial(_build, options.work),
        )
        for workers in sorted({1, options.threads})
    ]


def _place(work: Path, workload: Workload, size: int) -> Path:
    return (work / "tlc" / f"{workload.name}-{size}").resolve()


def _build(work: Path, workload: Workload, size: int) -> float:
    place = _place(work, workload, size)
    place.mkdir(parents=True, exist_ok=True)
    module = MODULES[workload.name]
    shutil.copy(MODELS / f"{module}.tla", place)
    (place / f"{module}.cfg").write_text(CONFIGURATIONS[workload.name].format(size=size))
    return 0.0


def _command(jar: Path, work: Path, workers: int, workload: Workload, size: int) -> list[str]:
    place = _place(work, workload, size)
    states = tempfile.mkdtemp(dir=place, prefix="states-")
    java = ["java", "-XX:+UseParallelGC", "-cp", str(jar), "tlc2.TLC", "-cleanup", "-deadlock"]
    return [*java, "-workers", str(workers), "-metadir", states, str(place / MODULES[workload.name])]
