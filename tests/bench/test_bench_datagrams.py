"""The bench of datagrams: every probe is answered, alone and through a socket."""

import json

import pytest

from bench.datagrams.__main__ import main

pytestmark = pytest.mark.network


def test_every_datagram_goes_through(tmp_path, capsys):
    assert main(["--count", "300", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "results.json").read_text())
    assert found["sockets"]["answered"] >= 300
    assert list(found["pure"]["parts_us"]) == ["open the seal", "decode", "step", "encode", "seal"]
    assert capsys.readouterr().out == (tmp_path / "table.md").read_text()
