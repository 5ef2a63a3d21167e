"""`coordfsm cluster up N`: N real processes on loopback, for trying out."""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coordfsm_runtime.lab.processes import LocalCluster

NAME = "cluster"
HELP = "start a cluster of real processes on loopback, for trying out"
EPILOG = """\
example:
  coordfsm cluster up 3 --dir /tmp/try --http
  coordfsm members --socket /tmp/try/n1
  kill -9 the process of the coordinator, and look again
Ctrl-C ends all of them. With --dir, the stores stay, and the same command starts the cluster from them again.
"""

MAXIMUM_NODES = 100


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("up",))
    parser.add_argument("count", metavar="N", type=_count, help=f"how many nodes, 1 to {MAXIMUM_NODES}")
    parser.add_argument("--dir", metavar="DIR", type=Path, help="where stores and logs go (default: temporary)")
    parser.add_argument("--http", action="store_true", help="serve each node's page on a free port")
    parser.add_argument(
        "--seconds", metavar="S", type=float, default=0.0, help="end after this time (default: at Ctrl-C)"
    )


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= MAXIMUM_NODES:
        raise argparse.ArgumentTypeError(f"{count} nodes, expected 1 to {MAXIMUM_NODES}")
    return count


def run(arguments: argparse.Namespace) -> int:
    with contextlib.ExitStack() as stack:
        directory = arguments.dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coordfsm-")))
        cluster = stack.enter_context(_make(directory.absolute(), arguments.count, http=arguments.http))
        cluster.start()
        status = cluster.wait_for_view(cluster.nodes, 30 + arguments.count)
        _print_cluster(cluster, str(status["coordinator"]), http=arguments.http)
        deadline = time.monotonic() + arguments.seconds if arguments.seconds else float("inf")
        with contextlib.suppress(KeyboardInterrupt):
            _attend(cluster, deadline)
        print("ending all nodes", file=sys.stderr)
    return 0


def _make(directory: Path, count: int, *, http: bool) -> "LocalCluster":
    from coordfsm_runtime.lab.processes import LocalCluster, free_endpoints  # noqa: PLC0415  (heavy)
    from coordfsm_runtime.wire.keyring import new_key  # noqa: PLC0415  (heavy)

    names = [f"n{place}" for place in range(1, count + 1)]
    # Stores remember addresses: a cluster that starts again from them needs the same ones.
    saved = directory / "cluster.json"
    known: dict[str, Any] = json.loads(saved.read_text()) if saved.exists() else {"key": new_key(), "listens": {}}
    fresh = [name for name in names if name not in known["listens"]]
    known["listens"] |= dict(zip(fresh, free_endpoints(len(fresh)), strict=True))
    directory.mkdir(parents=True, exist_ok=True)
    saved.touch(mode=0o600)
    saved.write_text(json.dumps(known))
    cluster = LocalCluster(directory, names, {"COORDFSM_SECURITY_KEYS": known["key"]}, listens=known["listens"])
    if http:
        for node, endpoint in zip(cluster.nodes.values(), free_endpoints(count), strict=True):
            node.settings["COORDFSM_ADMIN_HTTP"] = endpoint
    return cluster


def _print_cluster(cluster: "LocalCluster", coordinator: str, *, http: bool) -> None:
    from coordfsm.cli.connection import print_table  # noqa: PLC0415  (only when a command runs)

    rows = [
        (
            node.name,
            node.pid,
            node.listen,
            f"http://{node.settings['COORDFSM_ADMIN_HTTP']}/" if http else "",
            "coordinator" if node.name == coordinator else "",
            str(node.directory),
        )
        for node in cluster.nodes.values()
    ]
    print_table(("node", "pid", "address", "page", "role", "socket and store"), rows)
    print(f"try: coordfsm members --socket {rows[0][-1]}", flush=True)


def _attend(cluster: "LocalCluster", deadline: float) -> None:
    """Say which processes end, until all have."""
    known = {node.name for node in cluster.running}
    while known and time.monotonic() < deadline:
        time.sleep(0.2)
        now = {node.name for node in cluster.running}
        for name in sorted(known - now):
            print(f"{name} ended with {cluster.nodes[name].wait(1)}", file=sys.stderr)
        known = now
