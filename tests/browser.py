"""A headless Chromium for tests, driven over the DevTools protocol: it clicks and types as a person does.

Source: chromedevtools.github.io/devtools-protocol (Page, Runtime, Input, Target).
"""

import asyncio
import base64
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_SECONDS = 30.0


def found() -> str | None:
    """The browser of this machine, or the one that CHROMIUM names."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)


def executable() -> str:
    """The browser of this machine; skips the test where there is none."""
    there = found()
    if there is None:
        pytest.skip(
            f"no browser: none of {', '.join(_NAMES)} is installed, and CHROMIUM names none. `make browser` installs "
            "one, or says what is in the way"
        )
    return there


class Tab:
    """A page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self.errors: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading

    async def send(self, method: str, **params: Any) -> Any:
        """A command and its answer."""
        self._number += 1
        answer = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        async with asyncio.timeout(_SECONDS):
            return await answer

    async def open(self, url: str) -> None:
        await self.send("Page.enable")
        await self.send("Runtime.enable")
        await self.send("Log.enable")
        await self.js("window.isTheOldPage = true")
        await self.send("Page.navigate", url=url)
        await self._until_new()

    async def reload(self) -> None:
        """Load the page anew, and wait until the old one is gone."""
        await self.js("window.isTheOldPage = true")
        await self.send("Page.reload")
        await self._until_new()

    async def click_away(self, selector: str) -> None:
        """Click what leads to a page anew, and wait until the old one is gone."""
        await self.js("window.isTheOldPage = true")
        await self.click(selector)
        await self._until_new()

    async def _until_new(self) -> None:
        async with asyncio.timeout(_SECONDS):
            while True:
                with suppress(AssertionError):  # asked while one page goes and the other comes
                    if await self.js("!window.isTheOldPage && document.readyState === 'complete'"):
                        return
                await asyncio.sleep(0.05)

    async def js(self, expression: str) -> Any:
        """The value of an expression in the page."""
        told = await self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def until(self, condition: str, seconds: float = _SECONDS) -> None:
        """Wait until an expression is true."""
        try:
            async with asyncio.timeout(seconds):
                while not await self.js(f"Boolean({condition})"):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"not within {seconds} s in the page: {condition}")

    async def text(self, selector: str) -> str:
        return str(await self.js(f"document.querySelector({json.dumps(selector)}).innerText"))

    async def click(self, selector: str) -> None:
        """Press the mouse in the middle of an element, which must be visible and not covered."""
        middle = await self.js(
            f"""(() => {{ const one = document.querySelector({json.dumps(selector)});
                one.scrollIntoView({{block: "center"}}); const box = one.getBoundingClientRect();
                const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
                return {{x, y, hit: one.contains(document.elementFromPoint(x, y)), off: one.disabled}}; }})()"""
        )
        assert middle["hit"], f"{selector} is not where a person could click it"
        assert not middle["off"], f"{selector} is disabled"
        for kind in ("mousePressed", "mouseReleased"):
            await self.send(
                "Input.dispatchMouseEvent", type=kind, x=middle["x"], y=middle["y"], button="left", clickCount=1
            )

    async def type(self, text: str) -> None:
        """Type into whatever has the focus."""
        await self.send("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        """Press Tab or Enter."""
        code, told = {"Tab": (9, None), "Enter": (13, "\r")}[key]
        extra = {"text": told} if told else {}
        await self.send(
            "Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, **extra
        )
        await self.send("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    async def size(self, width: int, height: int) -> None:
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    async def screenshot(self, path: Path) -> None:
        told = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(told["data"]))

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if (answer := self._waiting.pop(told.get("id"), None)) is not None and not answer.done():
                if "error" in told:
                    answer.set_exception(AssertionError(str(told["error"])))
                else:
                    answer.set_result(told["result"])
            elif told.get("method") == "Runtime.exceptionThrown":
                self.errors.append(str(told["params"]["exceptionDetails"]))
            elif told.get("method") == "Log.entryAdded" and told["params"]["entry"]["level"] == "error":
                self.errors.append(told["params"]["entry"]["text"])


@asynccontextmanager
async def browser() -> AsyncIterator[Tab]:
    """A fresh browser with one empty page; it and its profile are gone afterwards."""
    path = executable()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            path,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            port = await _port(Path(profile), process)
            async with aiohttp.ClientSession() as http:
                async with http.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    pages = [one for one in await answer.json() if one["type"] == "page"]
                async with http.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    tab = Tab(socket)
                    try:
                        yield tab
                    finally:
                        await tab.send("Browser.close")
                        await tab.close()
        finally:
            try:
                async with asyncio.timeout(10):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _port(profile: Path, process: asyncio.subprocess.Process) -> int:
    file = profile / "DevToolsActivePort"
    async with asyncio.timeout(_SECONDS):
        while not (file.exists() and file.read_text().strip()):
            assert process.returncode is None, f"the browser ended with status {process.returncode}"
            await asyncio.sleep(0.05)
    return int(file.read_text().splitlines()[0])
