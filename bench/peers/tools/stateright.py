"""Stateright, through a small Rust program of ours."""

import functools
import os
import re
import shutil
from pathlib import Path

from bench.peers.contender import Contender, MissingError, Options, read_line
from bench.peers.measure import ProgramError, run
from bench.peers.workload import Workload

SOURCE = Path(__file__).parent.parent / "models" / "stateright"


def find(options: Options) -> list[Contender]:
    """Depth first with one and more threads and breadth first with more, for the plain and the hand-packed models.

    Raises:
        MissingError: cargo is not on the path, or the program does not build (no registry, say).
    """
    if shutil.which("cargo") is None:
        raise MissingError("cargo is not on the path")
    crate = (options.work / "stateright").resolve()
    shutil.copytree(SOURCE, crate, dirs_exist_ok=True, ignore=shutil.ignore_patterns("target", "Cargo.lock"))
    try:
        _compile(crate)
    except ProgramError as error:
        raise MissingError(f"the Rust program does not build: {str(error).splitlines()[-1]}") from error
    version = re.search(r'stateright = "=([\d.]+)"', (SOURCE / "Cargo.toml").read_text())
    searches = [("dfs", "depth first", threads) for threads in sorted({1, options.threads})]
    searches.append(("bfs", "breadth first", options.threads))
    models = {"plain": "", "packed": ", packed by hand"}
    built = functools.cache(lambda: _rebuild(crate))
    return [
        Contender(
            f"Stateright {words}{models[model]}, {threads} thread{'s' if threads > 1 else ''}",
            "stateright" if model == "plain" else "stateright, packed by hand",
            version[1] if version else "unknown",
            threads,
            exact=False,
            command=functools.partial(_command, crate, model, search, threads),
            read=read_line,
            build=lambda _workload, _size: built(),
        )
        for model in models
        for search, words, threads in searches
    ]


def _compile(crate: Path) -> float:
    command = ["cargo", "build", "--quiet", "--release"]
    return run(command, directory=crate, environment={"CARGO_TARGET_DIR": str(crate / "target")}).seconds


def _rebuild(crate: Path) -> float:
    """What a change of the model costs: our program is compiled again, its dependencies are not."""
    os.utime(crate / "src" / "main.rs")
    return _compile(crate)


def _command(crate: Path, model: str, search: str, threads: int, workload: Workload, size: int) -> list[str]:
    program = crate / "target" / "release" / "peers-stateright"
    return [str(program), f"{workload.name}-{model}", search, str(threads), str(size)]
