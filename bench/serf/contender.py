"""The two kinds of members: how one is started, and how its log tells whom it takes for a member.

Both seal their datagrams, both log to a pipe, and both are believed by their own log and nothing else.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

KEY = base64.b64encode(b"k" * 32).decode()
FIRST_PORT = 7_000
FIRST_RPC_PORT = 8_000


class AbsentError(Exception):
    """A contender is not installed."""


@dataclass(frozen=True)
class Line:
    """What one line of a log tells.

    Attributes:
        ready: the member listens.
        members: everyone in its view now; None when the line does not list them.
        joined: one more member, empty for none.
        gone: one member less, empty for none.
    """

    ready: bool = False
    members: frozenset[str] | None = None
    joined: str = ""
    gone: str = ""


class Contender(Protocol):
    """One of those compared."""

    @property
    def name(self) -> str: ...

    def version(self) -> str:
        """What it is.

        Raises:
            AbsentError: not installed.
        """
        ...

    def command(self, place: int) -> list[str]:
        """Starts member `place` of the cluster; member 0 is the one that others join."""
        ...

    def environment(self, place: int, directory: Path) -> Mapping[str, str]: ...

    def read(self, line: str) -> Line: ...


def member(place: int) -> str:
    return f"n{place + 1}"


def endpoint(place: int) -> str:
    return f"127.0.0.1:{FIRST_PORT + place}"


class Coordfsm:
    """Our node with its defaults, as `coordfsm node` runs it, SQLite store included."""

    name = "coordfsm"

    def version(self) -> str:
        from importlib.metadata import version  # noqa: PLC0415  (only here)

        return f"coordfsm {version('coordfsm')}"

    def command(self, place: int) -> list[str]:
        del place
        return [sys.executable, "-m", "coordfsm_runtime"]

    def environment(self, place: int, directory: Path) -> Mapping[str, str]:
        start = {"COORDFSM_NODE_BOOTSTRAP": "true"} if place == 0 else {"COORDFSM_NODE_SEEDS": endpoint(0)}
        return start | {
            "COORDFSM_NODE_NAME": member(place),
            "COORDFSM_NODE_LISTEN": endpoint(place),
            "COORDFSM_NODE_DATA": str(directory / member(place)),
            "COORDFSM_SECURITY_KEYS": KEY,
        }

    def read(self, line: str) -> Line:
        try:
            told = json.loads(line)
        except ValueError:
            return Line()
        if told.get("event") == "started":
            return Line(ready=True)
        if told.get("event") == "ViewChanged":
            return Line(members=frozenset(item["node"] for item in told["view"]["members"]))
        return Line()


class Serf:
    """A Serf agent.

    Args:
        profile: its timing: ``lan`` (the default), ``local`` or ``wan``.
    """

    _JOINED = re.compile(r"serf: EventMemberJoin: (\S+) ")
    _GONE = re.compile(r"serf: EventMember(?:Failed|Leave|Reap): (\S+) ")

    def __init__(self, profile: str) -> None:
        self.profile = profile

    @property
    def name(self) -> str:
        return f"Serf, {self.profile} profile"

    def version(self) -> str:
        program = shutil.which("serf")
        if program is None:
            raise AbsentError("serf is not installed (Debian package `serf`)")
        told = subprocess.run([program, "version"], capture_output=True, text=True, check=True)
        return f"Serf {told.stdout.split()[0].removeprefix('v')}"

    def command(self, place: int) -> list[str]:
        joining = ["-join=" + endpoint(0)] if place else []
        addresses = [f"-bind={endpoint(place)}", f"-rpc-addr=127.0.0.1:{FIRST_RPC_PORT + place}"]
        return ["serf", "agent", f"-node={member(place)}", *addresses, f"-profile={self.profile}", *joining]

    def environment(self, place: int, directory: Path) -> Mapping[str, str]:
        del place, directory
        return {}

    def read(self, line: str) -> Line:
        joined, gone = self._JOINED.search(line), self._GONE.search(line)
        ready = "agent: Serf agent starting" in line
        return Line(ready, None, joined[1] if joined else "", gone[1] if gone else "")


class SealedSerf(Serf):
    """With a key, as our nodes have one. The key is given in a file: a command line is public."""

    def environment(self, place: int, directory: Path) -> Mapping[str, str]:
        del place
        file = directory / "serf.json"
        if not file.exists():
            file.write_text(json.dumps({"encrypt_key": KEY}))
        return {}

    def command(self, place: int) -> list[str]:
        return [*super().command(place), "-config-file=serf.json"]


CONTENDERS: Mapping[str, Contender] = {
    "coordfsm": Coordfsm(),
    "serf-lan": SealedSerf("lan"),
    "serf-local": SealedSerf("local"),
}


def base_environment() -> dict[str, str]:
    """This process's environment without settings of ours."""
    return {key: value for key, value in os.environ.items() if not key.startswith("COORDFSM_")}
