"""The bench of recovering nodes: real ones come back with every transaction, and a loss is noticed."""

import json

import pytest

from bench.recovery import node as bench

pytestmark = pytest.mark.network


def test_every_transaction_comes_back(capsys):
    assert bench.main(["--transactions", "60", "--rounds", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [log["log"] for log in found["logs"]] == ["ended", "open"]
    assert all(log["seconds"] > 0 for log in found["logs"])


def test_a_transaction_that_does_not_come_back_is_told(tmp_path):
    (tmp_path / "node").mkdir()
    bench.fill(tmp_path / "node", "open", 59, payload_bytes=10)
    with pytest.raises(bench.RecoveryError, match="expected"):
        bench.recover(tmp_path / "node", "open", 60)


def test_bad_words_are_a_matter_of_usage(capsys):
    with pytest.raises(SystemExit, match="2"):
        bench.main(["--transactions", "0"])
    assert "positive" in capsys.readouterr().err
