"""``python -m bench.migration.adversity``: migrations while packets are lost and processes are killed, then the audit.

Three real processes behind a relay that loses, doubles and delays datagrams. Entities move without pause; every few
seconds one process is killed with SIGKILL and started again. When enough migrations were committed, the network heals,
every migration ends, all processes are killed, and stores and traces are audited: nothing lost, nothing twice, no
payload changed, no property broken, and every recorded step is the same when the machines take it again.
"""

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coordfsm_runtime.lab.load import MigrationLoad
from coordfsm_runtime.lab.processes import LocalCluster, ProcessError, free_endpoints
from coordfsm_runtime.lab.relay import Faults, Relay
from coordfsm_runtime.traces.audit import audit_traces
from coordfsm_runtime.traces.ownership import audit_stores

NAMES = ("n1", "n2", "n3")
OPEN = ("frozen", "departing", "prepared")
SETTLE_S = 120.0
POLL_S = 0.2


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.migration.adversity", description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--migrations", type=int, default=1_000, metavar="N", help="committed migrations (1000)")
    add("--loss", type=float, default=0.3, metavar="SHARE", help="of packets that are lost (0.3)")
    add("--duplication", type=float, default=0.05, metavar="SHARE", help="of packets that arrive twice (0.05)")
    add("--delay", type=float, default=10.0, metavar="MS", help="longest extra delay of a packet (10)")
    add("--kill-every", type=float, default=5.0, metavar="S", help="a kill -9 so often (5)")
    add("--down", type=float, default=0.5, metavar="S", help="until who was killed is started again (0.5)")
    add("--entities", type=int, default=100, metavar="N", help="entities that move (100)")
    add("--workers", type=int, default=16, metavar="N", help="requests at a time (16)")
    add("--longest", type=float, default=300.0, metavar="S", help="give up after so long (300)")
    add("--seed", type=int, default=1, help="of the faults and the load (1)")
    add("--json", action="store_true", help="print JSON")
    return parser.parse_args(words)


def run(given: argparse.Namespace, directory: Path) -> dict[str, Any]:
    """The whole story.

    Raises:
        ProcessError: not so many migrations in time, or a process ended by itself.
    """
    ends = free_endpoints(2 * len(NAMES))
    listens = dict(zip(NAMES, ends, strict=False))
    advertised = dict(zip(NAMES, ends[len(NAMES) :], strict=True))
    with (
        Relay.in_thread(listens, advertised, seed=given.seed) as relay,
        LocalCluster(directory, NAMES, {}, advertised, listens) as cluster,
    ):
        cluster.start()
        _wait_until_stable(cluster)
        owners = _spread(cluster, given.entities)
        relay.faults = Faults(given.loss, given.duplication, given.delay)
        load = MigrationLoad(cluster, owners, given.workers, given.seed)
        began = time.monotonic()
        load.start()
        try:
            kills = _kill_in_turn(cluster, load, given, began)
        finally:
            load.stop()
        took_s = time.monotonic() - began
        lost, passed = relay.lost, relay.passed
        relay.heal()
        healed = time.monotonic()
        _wait_until_stable(cluster)
        cluster.wait_until(lambda: _nothing_open(cluster), "every migration ended", SETTLE_S)
        settled_s = time.monotonic() - healed
        cluster.close()
        return {
            "committed": load.count("COMMITTED"),
            "outcomes": dict(sorted(load.outcomes.items())),
            "kills": kills,
            "seconds": took_s,
            "settle_seconds": settled_s,
            "packets_lost": lost,
            "packets_passed": passed,
            **_audit(cluster, owners),
        }


def _wait_until_stable(cluster: LocalCluster) -> None:
    cluster.wait_for_view(NAMES, SETTLE_S)

    def stable() -> bool:
        return all((cluster.status(name) or {}).get("stable") for name in NAMES)

    cluster.wait_until(stable, "a stable view", SETTLE_S)


def _payload(entity: str) -> str:
    return f"state of {entity}"


def _spread(cluster: LocalCluster, count: int) -> dict[str, str]:
    owners = {f"entity-{place}": NAMES[place % len(NAMES)] for place in range(count)}
    for entity, node in owners.items():
        cluster.nodes[node].ask("create", entity=entity, payload=_payload(entity))
    return owners


def _kill_in_turn(cluster: LocalCluster, load: MigrationLoad, given: argparse.Namespace, began: float) -> int:
    """Kill one process after the other until enough was committed; how many."""
    for kills, name in enumerate(itertools.cycle(NAMES)):
        next_kill = began + (kills + 1) * given.kill_every
        while time.monotonic() < next_kill:
            if load.count("COMMITTED") >= given.migrations:
                return kills
            if time.monotonic() > began + given.longest:
                outcomes = dict(load.outcomes)
                raise ProcessError(f"not within {given.longest:g} s: {given.migrations} migrations, but {outcomes}")
            time.sleep(POLL_S)
        cluster.nodes[name].kill()
        time.sleep(given.down)
        cluster.nodes[name].start()
        print(f"{kills + 1} killed, {load.count('COMMITTED')} committed", file=sys.stderr, flush=True)
    raise AssertionError("names never end")


def _nothing_open(cluster: LocalCluster) -> bool:
    return not any(node.ask("entities", state=state) for node in cluster.running for state in OPEN)


def _audit(cluster: LocalCluster, owners: dict[str, str]) -> dict[str, Any]:
    nodes = cluster.nodes.values()
    owned = audit_stores({node.name: node.store for node in nodes}, owners)
    traced = audit_traces([node.trace for node in nodes])
    return {
        "entities": len(owned.entities),
        "moves": sum(owned.epochs.values()) - len(owned.epochs),
        "lost": list(owned.lost),
        "duplicated": list(owned.duplicated),
        "in_doubt": list(owned.in_doubt),
        "changed": [entity for entity in owners if owned.payloads.get(entity) != _payload(entity).encode()],
        "trace_inputs": traced.inputs,
        "trace_runs": traced.runs,
        "views": traced.views,
        "findings": [str(finding) for finding in traced.findings],
    }


def story(found: dict[str, Any], given: argparse.Namespace) -> str:
    """The result in a few lines."""
    clean = not any(found[kind] for kind in ("lost", "duplicated", "in_doubt", "changed", "findings"))
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in found["outcomes"].items())
    share = found["packets_lost"] / max(1, found["packets_lost"] + found["packets_passed"])
    moved = (
        f"{found['committed']:,} migrations committed in {found['seconds']:.1f} s "
        f"with {share:.0%} of packets lost and {found['kills']} kills, one every {given.kill_every:g} s"
    )
    stores = (
        f"audit of the stores: {found['entities']} entities, {found['moves']:,} moves; lost {len(found['lost'])}, "
        f"twice {len(found['duplicated'])}, in doubt {len(found['in_doubt'])}, changed {len(found['changed'])}"
    )
    traces = (
        f"audit of the traces: {found['trace_inputs']:,} inputs stepped again, {found['trace_runs']} runs, "
        f"{found['views']} views; {len(found['findings'])} findings"
    )
    healed = f"healed, and every migration ended, after {found['settle_seconds']:.1f} s"
    verdict = "nothing lost, nothing twice" if clean else "THE AUDIT FAILED"
    lines = [moved, f"answers: {outcomes}", healed, stores, traces, *found["findings"][:10], verdict, ""]
    return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> int:
    """Exit codes: 0 all well, 1 the audit failed, 2 usage, 3 not enough migrations in time."""
    given = _arguments(sys.argv[1:] if words is None else words)
    with tempfile.TemporaryDirectory(prefix="coordfsm-adversity-") as directory:
        try:
            found = run(given, Path(directory))
        except ProcessError as error:
            print(error, file=sys.stderr)
            return 3
    print(json.dumps(found, indent=1) + "\n" if given.json else story(found, given), end="")
    return 1 if any(found[kind] for kind in ("lost", "duplicated", "in_doubt", "changed", "findings")) else 0


if __name__ == "__main__":
    sys.exit(main())
