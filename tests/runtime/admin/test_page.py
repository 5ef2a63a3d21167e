"""The live page, in a real browser where there is one."""

import asyncio
import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from coordfsm_runtime.admin.operations import Operations
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.host.running import HISTORY
from coordfsm_runtime.node import ClusterNode

PAGE = files("coordfsm_runtime.admin").joinpath("page.html").read_text()
BROWSER = next((found for found in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if found), None)


def test_the_page_fetches_nothing_from_elsewhere():
    assert set(re.findall(r"https?://[^\s\"']+", PAGE)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(script|link|img|iframe)[^>]*\b(src|href)=\"(?!data:,)", PAGE)
    assert "innerHTML" not in PAGE


def test_names_are_looked_up_as_data():
    """An entity may be called ``constructor``: what an object inherits must not answer for it."""
    assert not re.search(r"\b[A-Z]+\[cell\]", PAGE)
    assert "MARKS.get(cell)" in PAGE


def test_a_page_that_is_opened_later_is_told_of_the_last_migrations(tmp_path):
    async def story():
        config = NodeConfig(name="n1", data=tmp_path / "n1", bootstrap=True)
        async with ClusterNode(config) as node:
            operations = Operations(node)
            await node.member()
            for number in range(HISTORY + 10):
                await node.migrate(f"e{number}", "n9")
            told = operations._whole_status()["last_migrations"]
            assert [one["entity"] for one in told] == [f"e{number}" for number in range(10, HISTORY + 10)]
            assert {one["outcome"] for one in told} == {"NOT_OWNER"}
            stream = operations._pages.lines()
            lines = [json.loads(await anext(stream)) for _ in range(HISTORY + 1)]
            assert [line["migration"] for line in lines[1:]] == told
            assert all(line["past"] for line in lines[1:])
            await stream.aclose()

    asyncio.run(story())


@pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on this machine")
def test_the_page_shows_the_node_in_a_browser(tmp_path):
    async def story() -> str:
        config = NodeConfig(name="n1", data=tmp_path / "n1", bootstrap=True, http="127.0.0.1:0", label="harbor")
        async with ClusterNode(config) as node:
            operations = Operations(node)
            await operations.start()
            await node.register("east")
            await node.create("<b>ship</b>")
            dom = asyncio.ensure_future(asyncio.to_thread(dump, operations._http.port, tmp_path))
            # The browser's clock stands still while the stream of events is open: end it after a while.
            while not operations._http._connections and not dom.done():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            await asyncio.sleep(1)
            await node.migrate("<b>ship</b>", "n9")
            await asyncio.sleep(1)
            await operations.close()
            return await dom

    dom = asyncio.run(story())
    assert "<title>n1 in harbor</title>" in dom
    assert re.search(r'class="name"[^>]*>n1</text>', dom)
    assert "coordinator, this node" in dom
    assert "<td>east</td>" in dom
    assert "<td>entities owned</td>" in dom
    # A migration that was refused while the page was open, with its outcome; and the founding view in the history.
    assert re.search(
        r"<td>&lt;b&gt;ship&lt;/b&gt;</td><td>n1</td><td>n9</td><td>NOT_IN_VIEW</td>|<td>VIEW_UNSTABLE</td>", dom
    )
    assert re.search(r'id="views">.*<td class="number">1</td>.*<td>n1</td><td>n1</td>', dom)


def dump(port: int, directory: Path) -> str:
    """The page's document after a while."""
    command = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={directory}/browser"]
    command += ["--virtual-time-budget=2000", "--dump-dom", f"http://127.0.0.1:{port}/"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
