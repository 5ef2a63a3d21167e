"""TLC, from the jar whose path the user gives."""

import functools
import re
import shutil
import tempfile
from pathlib import Path

from bench.peers.contender import Contender, MissingError, Options
from bench.peers.measure import ProgramError, run
from bench.peers.workload import Counts

MODEL = Path(__file__).parent.parent / "models" / "TwoPhase.tla"
CONFIGURATION = "CONSTANT N = {rms}\nSPECIFICATION Spec\nINVARIANT Consistent\n"


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


def _place(work: Path, rms: int) -> Path:
    return (work / "tlc" / str(rms)).resolve()


def _build(work: Path, rms: int) -> float:
    place = _place(work, rms)
    place.mkdir(parents=True, exist_ok=True)
    shutil.copy(MODEL, place)
    (place / "TwoPhase.cfg").write_text(CONFIGURATION.format(rms=rms))
    return 0.0


def _command(jar: Path, work: Path, workers: int, rms: int) -> list[str]:
    place = _place(work, rms)
    states = tempfile.mkdtemp(dir=place, prefix="states-")
    java = ["java", "-XX:+UseParallelGC", "-cp", str(jar), "tlc2.TLC"]
    return [*java, "-workers", str(workers), "-cleanup", "-metadir", states, str(place / "TwoPhase")]
