"""What happens to stores: their process is killed, the disk is full, files are read-only or damaged."""

import contextlib
import os
import random
import resource
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

NOBODY = 65_534
"""A user without rights: the superuser is not kept from writing by a read-only file."""

Work = Callable[[Path, Callable[[int], None], int], None]


def noise(seed: int, size: int) -> bytes:
    """Bytes that do not compress, the same for the same seed."""
    return random.Random(seed).randbytes(size)  # noqa: S311  (no secrets)


def give_up_rights() -> None:
    """Make this process one of nobody, if it is the superuser's."""
    if os.geteuid() == 0:
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def forbid_growth(directory: Path, room: int) -> None:
    """No file of this process grows beyond the largest in the directory by more than some bytes: a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    largest = max((file.stat().st_size for file in directory.rglob("*") if file.is_file()), default=0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + room, resource.RLIM_INFINITY))


def damages(directory: Path, number: int) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Ways to damage the files of a directory: what is done, and how to do it to a copy."""
    chance = random.Random(number)  # noqa: S311  (no secrets)
    for file in sorted(file.relative_to(directory) for file in directory.rglob("*") if file.is_file()):
        size = (directory / file).stat().st_size
        yield f"{file} deleted", partial(_delete, file)
        for place in sorted({chance.randrange(size) for _ in range(number)} if size else ()):
            yield f"{file} cut at {place}", partial(_cut, file, place)
            yield f"{file} flipped at {place}", partial(_flip, file, place)


def _delete(file: Path, directory: Path) -> None:
    (directory / file).unlink()


def _cut(file: Path, place: int, directory: Path) -> None:
    os.truncate(directory / file, place)


def _flip(file: Path, place: int, directory: Path) -> None:
    content = bytearray((directory / file).read_bytes())
    content[place] ^= 1 << place % 8
    (directory / file).write_bytes(content)


@contextlib.contextmanager
def killed_after(
    seconds: float, work: Work, directory: Path, before: int, *, stop_after: int = 0
) -> Iterator[list[int]]:
    """A process that works on a store, and is killed in the end with SIGKILL.

    Args:
        seconds: how long it may work.
        work: gets the directory, a function that says a number to this process, and `before`.
        directory: of the store.
        before: handed on.
        stop_after: numbers that are waited for, if fewer seconds pass; the process is then alive within the context.

    Yields:
        The numbers that it said.
    """
    hearing, saying = os.pipe()
    child = os.fork()
    if child == 0:
        _work(work, directory, before, saying)
    os.close(saying)
    try:
        said = _heard(hearing, seconds, stop_after)
        if not stop_after:
            os.kill(child, signal.SIGKILL)
            said += _heard(hearing, 10, 0)
        yield said
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(hearing)


def _work(work: Work, directory: Path, before: int, saying: int) -> None:
    """In the process that is killed: it never returns to what its parent was doing."""
    status = 0
    try:
        work(directory, lambda number: _say(saying, number), before)
    except BaseException as error:  # noqa: BLE001  (nothing may leave the child)
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        status = 1
    finally:
        os._exit(status)


def _say(saying: int, number: int) -> None:
    os.write(saying, number.to_bytes(8))


def _heard(hearing: int, seconds: float, enough: int) -> list[int]:
    """Numbers that were said, until time is up, the other end is closed or there are enough."""
    said: list[int] = []
    until = time.monotonic() + seconds
    os.set_blocking(hearing, False)
    while time.monotonic() < until and not (enough and len(said) >= enough):
        try:
            packed = os.read(hearing, 8)
        except BlockingIOError:
            time.sleep(0.001)
            continue
        if not packed:
            break
        said.append(int.from_bytes(packed))
    return said
