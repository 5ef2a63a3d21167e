"""What the demo does, step by step: told on the terminal as it happens."""

import argparse
import contextlib
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from coordfsm.kernel import CoordfsmError
from coordfsm_runtime.lab.load import UNREACHABLE, MigrationLoad
from coordfsm_runtime.lab.processes import LocalCluster, ProcessError, free_endpoints
from coordfsm_runtime.lab.relay import Faults, Relay
from coordfsm_runtime.traces.audit import CHECKED, TraceAudit, audit_traces
from coordfsm_runtime.traces.ownership import Ownership, audit_stores

FORM_S = 60.0
RECOVER_S = 60.0
SETTLE_S = 30.0

PACE = {
    "COORDFSM_MEMBERSHIP_PROBE_MS": "200",
    "COORDFSM_MEMBERSHIP_PROBE_TIMEOUT_MS": "400",
    "COORDFSM_MEMBERSHIP_REBUTTAL_MS": "600",
}
"""A little quicker than the defaults, so that the story stays short; not so quick that a busy machine cries wolf."""

BOLD, GREEN, RED, DIM, PLAIN = "\033[1m", "\033[32m", "\033[31m", "\033[2m", "\033[0m"


class DemoError(CoordfsmError):
    """The demo cannot start."""


class Story:
    """One run of the demo.

    Args:
        arguments: of the command line.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._out = sys.stderr if arguments.json else sys.stdout
        self._colour = self._out.isatty()
        self._began = time.monotonic()
        self._result: dict[str, Any] = {}

    def tell(self) -> dict[str, Any]:
        """What came of it: ``clean`` says whether the audit found every entity exactly once."""
        with contextlib.ExitStack() as stack:
            directory = self._directory(stack)
            names = [f"n{place}" for place in range(1, self._arguments.nodes + 1)]
            cluster = self._cluster(stack, directory, names)
            try:
                clean = self._chapters(cluster)
            except ProcessError as error:
                self._say("failed", str(error), RED)
                self._result["error"] = str(error)
                clean = False
        self._result |= {"clean": clean, "seconds": round(time.monotonic() - self._began, 1)}
        return self._result

    def _cluster(self, stack: contextlib.ExitStack, directory: Path, names: list[str]) -> LocalCluster:
        """The processes, behind a network that loses datagrams if asked."""
        if not self._arguments.loss:
            return stack.enter_context(LocalCluster(directory, names, PACE))
        ends = free_endpoints(2 * len(names))
        listens = dict(zip(names, ends, strict=False))
        advertised = dict(zip(names, ends[len(names) :], strict=True))
        relay = stack.enter_context(Relay.in_thread(listens, advertised, self._arguments.seed))
        relay.faults = Faults(loss=self._arguments.loss)
        return stack.enter_context(LocalCluster(directory, names, PACE, advertised, listens))

    def _directory(self, stack: contextlib.ExitStack) -> Path:
        keep: Path | None = self._arguments.keep
        if keep is None:
            return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coordfsm-demo-")))
        if keep.exists():
            raise DemoError(f"--keep {keep}: exists already, expected a new directory")
        keep.mkdir(parents=True)
        return keep.absolute()

    def _chapters(self, cluster: LocalCluster) -> bool:
        payloads = self._form(cluster)
        load = MigrationLoad(cluster, dict.fromkeys(payloads, "n1") | self._spread, seed=self._arguments.seed)
        load.start()
        try:
            for _ in range(self._arguments.kills):
                victim = self._kill_coordinator(cluster, load)
                self._go_on(cluster, load, victim)
                self._come_back(cluster, load, victim)
        finally:
            load.stop()
        self._settle(cluster)
        self._result["outcomes"] = dict(load.outcomes)
        self._say("load", f"{load.total():,} requests to migrate: {_counts(load.outcomes)}")
        return self._audit(cluster, payloads, load)

    # -- chapters ----------------------------------------------------------------------------------------------------

    def _form(self, cluster: LocalCluster) -> dict[str, bytes]:
        """Start everything; entity to payload."""
        names = list(cluster.nodes)
        lossy = f", {self._arguments.loss:.0%} of all datagrams lost" if self._arguments.loss else ""
        self._say("start", f"{len(names)} processes on 127.0.0.1, sealed UDP{lossy}, one SQLite store each")
        cluster.start()
        status = cluster.wait_for_view(names, FORM_S)
        self._say("view", f"{_view_text(status)}; {status['coordinator']} coordinates, first of the ring")
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(lambda name: self._register(cluster, name), names))
        count = 2 * len(names)
        cluster.wait_until(lambda: self._hosted(cluster, names) == {count}, "all bubbles in every topology", FORM_S)
        self._say("registry", f"{count} bubbles registered, every process has the same topology")
        payloads = {
            f"entity-{place:04}": f"state of entity {place}".encode() for place in range(self._arguments.entities)
        }
        self._spread = {entity: names[place % len(names)] for place, entity in enumerate(payloads)}
        for name in names:
            with cluster.nodes[name].client() as client:
                for entity in (entity for entity, home in self._spread.items() if home == name):
                    client.call("create", entity=entity, payload=payloads[entity].decode())
        self._say("entities", f"{len(payloads)} entities in service, spread over all processes")
        return payloads

    @staticmethod
    def _register(cluster: LocalCluster, name: str) -> None:
        """Returns once a topology holds the bubbles."""
        cluster.nodes[name].ask("register", bubbles=[f"{name}-north", f"{name}-south"])

    def _kill_coordinator(self, cluster: LocalCluster, load: MigrationLoad) -> str:
        self._say("load", "migrations under way, as fast as the processes answer")
        time.sleep(self._arguments.seconds)
        before = load.count("COMMITTED")
        victim = str((cluster.status(next(iter(cluster.nodes))) or {})["coordinator"])
        cluster.nodes[victim].kill()
        killed = time.monotonic()
        self._say("kill -9", f"{victim}, the coordinator, after {before:,} migrations", RED)
        rest = [name for name in cluster.nodes if name != victim]
        status = cluster.wait_for_view(rest, RECOVER_S)
        took = time.monotonic() - killed
        self._say(
            "view", f"{_view_text(status)}, {took:.1f} s later; {status['coordinator']} succeeds, next of the ring"
        )
        self._result |= {"killed": victim, "successor": status["coordinator"], "view_change_s": round(took, 2)}
        return victim

    def _go_on(self, cluster: LocalCluster, load: MigrationLoad, victim: str) -> None:
        rest = [name for name in cluster.nodes if name != victim]
        count = 2 * len(rest)
        cluster.wait_until(lambda: self._hosted(cluster, rest) == {count}, "the successor's topology", RECOVER_S)
        self._say("registry", f"the successor published {count} bubbles: those of {victim} are gone")
        before = load.count("COMMITTED")
        time.sleep(self._arguments.seconds)
        waiting = sum(len(cluster.nodes[name].ask("in-doubt")) for name in rest)
        moved = load.count("COMMITTED") - before
        self._say("load", f"{moved:,} more migrations; {waiting} entities wait for {victim}, safe and not in service")

    def _come_back(self, cluster: LocalCluster, load: MigrationLoad, victim: str) -> None:
        cluster.nodes[victim].start()
        started = time.monotonic()
        self._say("restart", f"{victim} comes back from its store")
        status = cluster.wait_for_view(cluster.nodes, RECOVER_S)
        incarnation = next(m["incarnation"] for m in status["view"]["members"] if m["node"] == victim)
        took = time.monotonic() - started
        self._say("view", f"{_view_text(status)}, {took:.1f} s later; {victim} is back as incarnation {incarnation}")
        before = load.count("COMMITTED")
        time.sleep(1.0)
        self._say("load", f"{load.count('COMMITTED') - before:,} more migrations, {victim} among them")

    def _settle(self, cluster: LocalCluster) -> None:
        """Let every migration end, then stop everything at once: the audit reads disks, not promises."""

        def settled() -> bool:
            return not any(node.ask("in-doubt") or node.ask("entities", state="frozen") for node in cluster.running)

        cluster.wait_until(settled, "every migration ended", SETTLE_S)
        cluster.close()
        self._say("stop", "no migration is left open; all processes killed")

    # -- the end -----------------------------------------------------------------------------------------------------

    def _audit(self, cluster: LocalCluster, payloads: dict[str, bytes], load: MigrationLoad) -> bool:
        nodes = cluster.nodes.values()
        found = audit_stores({node.name: node.store for node in nodes}, payloads)
        traces = audit_traces([node.trace for node in nodes])
        changed = sorted(entity for entity, payload in payloads.items() if found.payloads.get(entity) != payload)
        moves = sum(epoch - 1 for epoch in found.epochs.values())
        self._result |= _summary(found, traces, moves, changed)
        self._say(
            "stores", f"{len(found.entities)} of {len(payloads)} entities, by process: {_counts(found.per_node())}"
        )
        unanswered = load.count(UNREACHABLE) + load.count("TIMEOUT")
        self._say("stores", f"{moves:,} moves on disk, {load.count('COMMITTED'):,} answered as committed")
        self._say("traces", f"{traces.inputs:,} inputs of {traces.runs} runs stepped again, {', '.join(CHECKED)}")
        for text in self._complaints(found, traces, changed):
            self._say("found", text, RED)
        accounted = load.count("COMMITTED") <= moves <= load.count("COMMITTED") + unanswered
        if not accounted:
            self._say("found", f"{moves} moves on disk do not fit the answers given", RED)
        clean = found.clean and not traces.findings and not changed and not found.in_doubt and accounted
        verdict = "clean: every entity exactly once, none lost, none twice" if clean else "NOT clean"
        self._say("audit", f"{verdict} ({time.monotonic() - self._began:.0f} s)", GREEN if clean else RED)
        return clean

    @staticmethod
    def _complaints(found: Ownership, traces: TraceAudit, changed: list[str]) -> list[str]:
        texts = [f"{entity} is lost" for entity in found.lost]
        texts += [f"{entity} is at {' and '.join(found.entities[entity])}" for entity in found.duplicated]
        texts += [f"{entity} is still in doubt" for entity in found.in_doubt]
        texts += [f"{entity} is not what it was" for entity in changed]
        return texts + [f"{finding.property}: {finding.text}" for finding in traces.findings]

    @staticmethod
    def _hosted(cluster: LocalCluster, names: list[str]) -> set[int]:
        """How many bubbles each process's topology holds."""
        counts: set[int] = set()
        for name in names:
            topology = (cluster.status(name) or {}).get("topology") or {"processes": {}}
            counts.add(sum(len(bubbles) for bubbles in topology["processes"].values()))
        return counts

    def _say(self, word: str, text: str, colour: str = "") -> None:
        seconds = time.monotonic() - self._began
        if self._colour:
            line = f"{DIM}{seconds:5.1f} s{PLAIN}  {BOLD}{word:<9}{PLAIN} {colour}{text}{PLAIN}"
        else:
            line = f"{seconds:5.1f} s  {word:<9} {text}"
        print(line, file=self._out, flush=True)


def _view_text(status: dict[str, Any]) -> str:
    view = status["view"]
    return f"view {view['number']} of {' '.join(member['node'] for member in view['members'])}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))


def _summary(found: Ownership, traces: TraceAudit, moves: int, changed: list[str]) -> dict[str, Any]:
    return {
        "entities": len(found.entities),
        "moves": moves,
        "lost": list(found.lost),
        "duplicated": list(found.duplicated),
        "in_doubt": list(found.in_doubt),
        "changed": changed,
        "inputs_replayed": traces.inputs,
        "findings": [f"{finding.property}: {finding.text}" for finding in traces.findings],
    }
