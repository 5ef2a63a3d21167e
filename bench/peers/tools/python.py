"""The checkers written in Python."""

import functools
from pathlib import Path

from bench.peers.contender import Contender, MissingError, Options, read_line
from bench.peers.measure import ProgramError, run
from bench.peers.workload import Workload

MODELS = Path(__file__).parent.parent / "models"


def find_minicheck(options: Options) -> list[Contender]:
    """The checker minicheck, which has one search.

    Raises:
        MissingError: it is not installed in the interpreter.
    """
    return [_contender("minicheck", options.minicheck_python)]


def find_musil(options: Options) -> list[Contender]:
    """The checker musil, in one process; its option for more sends every state through a pipe and is slower.

    Raises:
        MissingError: it is not installed in the interpreter.
    """
    return [_contender("musil", options.musil_python)]


def _contender(package: str, interpreter: str) -> Contender:
    ask = f"import {package}, importlib.metadata, sys; print(importlib.metadata.version({package!r}), sys.version)"
    try:
        version, python, *_ = run([interpreter, "-c", ask]).output.split()
    except (ProgramError, OSError) as error:
        raise MissingError(
            f"{package} is not installed in {Path(interpreter).name}; install it there or give "
            f"another interpreter with --{package}-python (musil needs Python 3.12)"
        ) from error
    return Contender(
        package,
        package,
        f"{version} (Python {python})",
        threads=1,
        exact=True,
        command=functools.partial(_command, interpreter, package),
        read=read_line,
    )


def _command(interpreter: str, package: str, workload: Workload, size: int) -> list[str]:
    return [interpreter, str(MODELS / f"{workload.name}_{package}.py"), str(size)]
