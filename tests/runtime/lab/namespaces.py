"""A network that a test makes: a namespace for each node, all at one bridge. Cables can be moved to another bridge.

Needs root and ``ip``; `why_not` says what is missing. Everything is named after this process and removed at the end.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable
from typing import Self


def ip(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True, timeout=20)


def why_not() -> str:
    """Why no namespaces can be made here; empty when they can."""
    if shutil.which("ip") is None:
        return "no `ip` (iproute2) here"
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"probe{os.getpid()}"
    try:
        ip("netns", "add", name)
        ip("link", "add", name, "type", "bridge")
        ip("link", "add", f"v{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
    except (subprocess.SubprocessError, OSError) as error:
        return f"namespaces, bridges or cables cannot be made here: {getattr(error, 'stderr', error)}".strip()
    finally:
        ip("link", "del", f"v{name}", check=False)
        ip("link", "del", name, check=False)
        ip("netns", "del", name, check=False)
    return ""


def why_no_netem() -> str:
    """Why cables cannot be made bad here; empty when they can."""
    if shutil.which("tc") is None:
        return "no `tc` (iproute2) here"
    name = f"probe{os.getpid()}"
    try:
        ip("netns", "add", name)
        words = ["tc", "qdisc", "add", "dev", "lo", "root", "netem", "loss", "1%"]
        ip("netns", "exec", name, *words)
    except (subprocess.SubprocessError, OSError) as error:
        return f"this kernel has no netem: {getattr(error, 'stderr', error)}".strip()
    finally:
        ip("netns", "del", name, check=False)
    return ""


class Network:
    """Nodes at 10.213.0.1 and up. A context manager.

    Args:
        names: of the nodes.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._prefix = f"t{os.getpid() % 100_000}"
        self._places = {name: place for place, name in enumerate(names, 1)}
        self.listens = {name: f"{self._address(name)}:7401" for name in self._places}

    def __enter__(self) -> Self:
        try:
            for bridge in range(2):
                ip("link", "add", self._bridge(bridge), "type", "bridge")
                ip("link", "set", self._bridge(bridge), "up")
            for name in self._places:
                self._connect(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._places:
            ip("link", "del", self._cable(name), check=False)
            ip("netns", "del", self._space(name), check=False)
        for bridge in range(2):
            ip("link", "del", self._bridge(bridge), check=False)

    def wrapper(self, name: str) -> tuple[str, ...]:
        """Runs a command in the node's namespace."""
        return ("ip", "netns", "exec", self._space(name))

    def part(self, names: Iterable[str]) -> None:
        """Move the cables of these nodes to a bridge of their own."""
        for name in names:
            ip("link", "set", self._cable(name), "master", self._bridge(1))

    def mute(self, name: str, towards: Iterable[str]) -> None:
        """What the node sends to the others is lost; what they send to it arrives."""
        for other in towards:
            ip(*self.wrapper(name)[1:], "ip", "route", "add", "blackhole", f"{self._address(other)}/32")

    def spoil(self, *words: str) -> None:
        """Make all cables bad, in ``tc netem``'s words."""
        for name in self._places:
            ip(*self.wrapper(name)[1:], "tc", "qdisc", "replace", "dev", "eth0", "root", "netem", *words)

    def heal(self) -> None:
        """Everything as at the start."""
        for name in self._places:
            ip("link", "set", self._cable(name), "master", self._bridge(0))
            ip(*self.wrapper(name)[1:], "ip", "route", "flush", "type", "blackhole")
            if shutil.which("tc") is not None:
                ip(*self.wrapper(name)[1:], "tc", "qdisc", "del", "dev", "eth0", "root", check=False)

    def _connect(self, name: str) -> None:
        ip("netns", "add", self._space(name))
        ip("link", "add", self._cable(name), "type", "veth", "peer", "name", "eth0", "netns", self._space(name))
        ip("link", "set", self._cable(name), "master", self._bridge(0), "up")
        within = self.wrapper(name)[1:]
        ip(*within, "ip", "link", "set", "lo", "up")
        ip(*within, "ip", "link", "set", "eth0", "up")
        ip(*within, "ip", "address", "add", f"{self._address(name)}/24", "dev", "eth0")

    def _address(self, name: str) -> str:
        return f"10.213.0.{self._places[name]}"

    def _space(self, name: str) -> str:
        return f"{self._prefix}{name}"

    def _cable(self, name: str) -> str:
        return f"{self._prefix}c{name}"

    def _bridge(self, number: int) -> str:
        return f"{self._prefix}b{number}"
