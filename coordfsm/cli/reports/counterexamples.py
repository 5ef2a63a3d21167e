"""Counterexamples: printed as a story, saved as a file that can be replayed and drawn."""

from pathlib import Path

from coordfsm.check.traces.trace import Trace, story
from coordfsm.kernel import ModelError

DEFAULT_DIRECTORY = Path("counterexamples")


class Counterexamples:
    """The counterexamples of one run, in one directory.

    Args:
        directory: created when the first one is saved.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._saved: set[Path] = set()

    def save(self, trace: Trace) -> Path:
        """Write a trace; one of an earlier run is replaced, one of this run never.

        Raises:
            ModelError: the directory cannot be written.
        """
        stem = "-".join(part for part in (Path(trace.model).stem, trace.mutant, trace.property) if part)
        path = self._directory / f"{stem}.json"
        number = 2
        while path in self._saved:
            path = self._directory / f"{stem}-{number}.json"
            number += 1
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            path.write_text(trace.dumps(), encoding="utf-8")
        except OSError as error:
            raise ModelError(f"cannot save the counterexample to {path}: {error.strerror}") from error
        self._saved.add(path)
        return path


def print_story(trace: Trace, saved: Path | None) -> None:
    """Tell a counterexample on stdout."""
    print(story(trace))
    if saved is not None:
        print(f"saved to {saved}\n  coordfsm replay {saved}\n  coordfsm render {saved}\n")
