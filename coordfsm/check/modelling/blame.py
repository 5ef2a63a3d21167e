"""Errors that a user's file raises, told with its line instead of a traceback of the checker."""

import linecache
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coordfsm.kernel import ModelError


def place_in(path: Path, error: BaseException) -> str:
    """Where in a file an error came from: file, line and its text; empty if it passed no line of that file."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename) == path:
        return f"{path}, line {error.lineno}: {(error.text or '').strip()}"
    lines = [number for frame, number in traceback.walk_tb(error.__traceback__) if _is(frame.f_code.co_filename, path)]
    if not lines:
        return ""
    linecache.checkcache(str(path))  # it may have been edited since the last error
    return f"{path}, line {lines[-1]}: {linecache.getline(str(path), lines[-1]).strip()}"


@contextmanager
def blamed_on(path: Path | None, doing: str) -> Iterator[None]:
    """Tell an error raised here as one of the user's file; of no file: let it pass.

    Raises:
        ModelError: naming file, line and text. An exit of the file is an error, too: it would look like a verdict.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        if path is None:
            raise
        kind = "" if isinstance(error, ModelError) else f"{type(error).__name__}: "
        place = place_in(path, error)
        told = f" ({place})" if place else ""
        raise ModelError(f"{path} {doing}: {kind}{error}{told}") from error


def _is(filename: str, path: Path) -> bool:
    return filename == str(path) or Path(filename) == path.absolute()
