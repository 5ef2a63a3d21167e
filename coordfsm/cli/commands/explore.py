"""`coordfsm explore`: step through a model by hand, in a browser."""

import argparse

from coordfsm.cli.numbers import PORTS, whole

NAME = "explore"
HELP = "step through a model by hand, in a browser"
EPILOG = """\
examples:
  coordfsm explore twophase -p rms=3            prints the address of the page; Ctrl-C ends it
  coordfsm explore my_model.py --port 8008

The page shows the nodes, the messages in flight, what can happen next (click to take it), the properties and the
way so far. Its address names the way: keep it, or send it to someone who serves the same model.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("model", metavar="MODEL", help="a model's name, or a Python file that declares one")
    parser.add_argument(
        "-p", dest="parameters", action="append", default=[], metavar="NAME=VALUE", help="set a parameter of the model"
    )
    parser.add_argument(
        "--port", type=whole(0, PORTS), default=0, metavar="N", help="on 127.0.0.1 (default: a free one)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from coordfsm.check.modelling.registry import find  # noqa: PLC0415  (slow to import)
    from coordfsm.check.traces.explorer import Explorer, serve  # noqa: PLC0415  (slow to import)

    entry = find(arguments.model)
    with serve(Explorer(entry.build(entry.parse(arguments.parameters))), arguments.port) as server:
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:  # the usual end
            return 0
    return 0
