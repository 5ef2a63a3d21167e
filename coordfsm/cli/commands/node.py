"""`coordfsm node`: run one node in the foreground."""

import argparse
from pathlib import Path

NAME = "node"
HELP = "run a node of a cluster"
EPILOG = """\
examples:
  coordfsm node --name n1 --data data/n1 --listen 127.0.0.1:7401 --bootstrap
  coordfsm node --name n2 --data data/n2 --listen 127.0.0.1:7402 --seeds 127.0.0.1:7401
  coordfsm node --config node.toml

Each setting SECTION.NAME can be given in the file, as COORDFSM_SECTION_NAME, or as a flag; the later ones win.
SIGTERM leaves the cluster gracefully. Logs go to stderr, one JSON object a line.
exit codes: 0 left or stopped, 2 configuration, 70 internal error, 74 the store failed
"""


FLAGS = (
    ("--name", "NAME", "node id"),
    ("--listen", "HOST:PORT", "UDP address to bind (default: 127.0.0.1:7401)"),
    ("--advertise", "HOST:PORT", "address that others send to, when not the bound one"),
    ("--data", "DIR", "directory of the durable store"),
    ("--seeds", "HOST:PORT,...", "members to ask for admission"),
    ("--bootstrap", None, "found a new cluster (one node only, once)"),
    ("--new-cluster", None, "with --bootstrap: found it although seeds do not answer"),
    ("--label", "NAME", "the cluster's name; others are refused (default: coordfsm)"),
    ("--trace", "FILE", "record all inputs and effects here"),
    ("--trace-max-bytes", "N", "most bytes of the trace, whose oldest part then goes; 0: no bound (default: 1 GiB)"),
    ("--leave-timeout-ms", "MS", "longest wait for a graceful leave (default: 10000)"),
    (
        "--security-key-file",
        "FILE",
        "file with the cluster keys, one base64 text a line, the primary first; - for standard input",
    ),
    ("--security-insecure", None, "plain datagrams beyond loopback"),
    ("--admin-socket", "PATH", "Unix socket for the operator's commands (default: DIR/admin.sock)"),
    ("--admin-http", "HOST:PORT", "serve status, metrics and the live page here"),
    ("--admin-http-hosts", "NAME,...", "names under which status may be asked, besides loopback"),
    ("--admin-http-public", None, "serve status beyond loopback, to whoever reaches it"),
    ("--log-level", "LEVEL", "debug, info, warning or error (default: info)"),
)
"""Written out, so that `coordfsm --help` need not load the runtime; a test compares them with its settings."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", type=Path, help="TOML file")
    for flag, metavar, text in FLAGS:
        key = setting_key(flag)
        if metavar is None:
            parser.add_argument(flag, dest=key, action="store_true", default=None, help=text)
        else:
            parser.add_argument(flag, dest=key, metavar=metavar, help=text)
    parser.add_argument(
        "--set", metavar="SECTION.NAME=VALUE", action="append", default=[], help="any setting, also of the machines"
    )
    parser.add_argument("--print-settings", action="store_true", help="list all settings with their defaults and exit")


def setting_key(flag: str) -> str:
    """The setting that a flag gives: ``--admin-http`` is ``admin.http``, ``--name`` is ``node.name``."""
    section, _, name = flag.removeprefix("--").partition("-")
    if section in ("admin", "security", "log"):
        return f"{section}.{name}".replace("-", "_")
    return f"node.{flag.removeprefix('--')}".replace("-", "_")


def run(arguments: argparse.Namespace) -> int:
    from coordfsm_runtime.config import load_config  # noqa: PLC0415  (heavy)
    from coordfsm_runtime.machines import MACHINE_SETTINGS  # noqa: PLC0415  (heavy)
    from coordfsm_runtime.service import run_node  # noqa: PLC0415  (heavy)

    if arguments.print_settings:
        return _print_settings()
    flags = {key: value for key, value in vars(arguments).items() if "." in key and value is not None}
    for given in arguments.set:
        key, _, value = given.partition("=")
        flags[key] = value
    return run_node(load_config(MACHINE_SETTINGS, arguments.config, flags=flags))


def _print_settings() -> int:
    from coordfsm.cli.connection import print_table  # noqa: PLC0415  (only here)
    from coordfsm_runtime.machines import MACHINE_SETTINGS  # noqa: PLC0415  (heavy)
    from coordfsm_runtime.settings import NODE_SETTINGS  # noqa: PLC0415  (heavy)

    rows = [
        (setting.key, "" if setting.default in (None, ()) else setting.default, setting.expected)
        for setting in (*NODE_SETTINGS, *MACHINE_SETTINGS)
    ]
    print_table(("setting", "default", "expected"), [tuple(str(cell) for cell in row) for row in rows])
    return 0
