"""`coordfsm explore`: step through a model or a counterexample by hand, in a browser."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from coordfsm.cli.numbers import PORTS, whole

if TYPE_CHECKING:
    from coordfsm.check.traces.explorer import Explorer

NAME = "explore"
HELP = "step through a model or a counterexample by hand, in a browser"
EPILOG = """\
examples:
  coordfsm explore twophase -p rms=3            prints the address of the page; Ctrl-C ends it
  coordfsm explore my_model.py --port 8008
  coordfsm explore counterexamples/found.json   opens at the end of a saved counterexample

The page shows the nodes, the messages in flight, what can happen next (click to take it), the properties and the
way so far. Its address names the way: keep it, or send it to someone who serves the same model.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "model",
        metavar="MODEL|FILE",
        help="a model's name, a Python file that declares one, or a counterexample that was saved",
    )
    parser.add_argument(
        "-p", dest="parameters", action="append", default=[], metavar="NAME=VALUE", help="set a parameter of the model"
    )
    parser.add_argument(
        "--model",
        dest="instead",
        metavar="MODEL",
        help="open the counterexample on this model (a name or a Python file) instead of the one recorded",
    )
    parser.add_argument(
        "--port", type=whole(0, PORTS), default=0, metavar="N", help="on 127.0.0.1 (default: a free one)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from coordfsm.check.traces.explorer import serve  # noqa: PLC0415  (slow to import)

    explorer = explorer_of(arguments)
    with serve(explorer, arguments.port) as server:
        print(f"http://127.0.0.1:{server.server_port}/{explorer.begin}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:  # the usual end
            return 0
    return 0


def explorer_of(arguments: argparse.Namespace) -> "Explorer":
    """The pages that were asked for.

    Raises:
        ParameterError: an argument would be ignored.
        ModelError, TraceFileError: see `find` and `Explorer`.
    """
    from coordfsm.check.modelling.registry import find  # noqa: PLC0415  (slow to import)
    from coordfsm.check.traces.explorer import Explorer  # noqa: PLC0415  (slow to import)
    from coordfsm.kernel.errors import ParameterError  # noqa: PLC0415  (slow to import)

    if is_counterexample(arguments.model):
        if arguments.parameters:
            raise ParameterError("-p sets a parameter of a model; a counterexample has its own")
        return counterexample_explorer(Path(arguments.model), arguments.instead)
    if arguments.instead:
        raise ParameterError("--model goes with a counterexample; name the model alone")
    entry = find(arguments.model)
    return Explorer(entry.build(entry.parse(arguments.parameters)))


def is_counterexample(name: str) -> bool:
    """Whether a file is meant that is no model's."""
    path = Path(name)
    return path.suffix == ".json" or (path.is_file() and not name.partition(":")[0].endswith(".py"))


def counterexample_explorer(path: Path, model: str | None) -> "Explorer":
    """The pages of the model that a saved counterexample is of, or of another one.

    Raises:
        ModelError, TraceFileError: the file is none, or does not fit the model.
    """
    from coordfsm.check.traces.explorer import Explorer  # noqa: PLC0415  (slow to import)
    from coordfsm.check.traces.trace import TraceFileError  # noqa: PLC0415  (slow to import)
    from coordfsm.cli.commands.replay import is_node_trace  # noqa: PLC0415  (only here)
    from coordfsm.cli.reports.counterexample_replay import model_of, read  # noqa: PLC0415  (slow to import)

    if is_node_trace(path):
        raise TraceFileError(f"{path} is the trace of a node, expected a counterexample; `coordfsm replay` steps it")
    trace = read(path)
    try:
        return Explorer(model_of(trace, model), trace)
    except TraceFileError as error:
        raise TraceFileError(f"{path}: {error}") from error
