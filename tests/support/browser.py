"""A real browser without a window, for pages that must be readable and safe."""

from __future__ import annotations

import base64
from pathlib import Path

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.support.prometheus_server import require

SCREENSHOTS = Path("build/screenshots")
PATIENCE_S = 20.0
DRIVER, BROWSER = "chromedriver", "chromium"


class Browser:
    """A headless Chromium."""

    def __init__(self) -> None:
        require(DRIVER, BROWSER)
        options = ChromeOptions()
        options.binary_location = f"/usr/bin/{BROWSER}"
        for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
            options.add_argument(f"--{argument}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = Chrome(options, Service(f"/usr/bin/{DRIVER}"))

    def open(self, url: str, width: int) -> None:
        """Open a page in a window of this width."""
        view = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", view)
        self.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        self.driver.get(url)

    def follow(self, selector: str) -> None:
        """Click what leads to another page, and wait until that one is there.

        A click itself returns before the browser leaves: what is read next may be the old page's.
        """
        self.driver.execute_script("window.isLeft = true")
        self.driver.find_element(By.CSS_SELECTOR, selector).click()
        self._patiently().until(
            lambda driver: driver.execute_script(
                "return !window.isLeft && document.readyState === 'complete'"
            )
        )

    def overflow(self) -> list[str]:
        """What is wider than the window: nothing, where the page needs no scrolling sideways."""
        found: list[str] = self.driver.execute_script(
            "const wide = document.documentElement.clientWidth;"
            "if (document.documentElement.scrollWidth <= wide) return [];"
            "return [...document.querySelectorAll('body *')]"
            ".filter(e => e.getBoundingClientRect().right > wide + 0.5)"
            ".map(e => e.tagName + '.' + e.className).slice(0, 9)"
        )
        return found

    def complaints(self) -> list[str]:
        """What the console says."""
        log = self.driver.get_log("browser")  # type: ignore[no-untyped-call]  # -- it has no types
        return [str(entry["message"]) for entry in log]

    def shoot(self, name: str) -> Path:
        """A picture of the whole page.

        On a busy machine the frame of a page just opened is "not attached" or has no width for
        some milliseconds more: the browser refuses at once, and is asked again.
        """
        whole = {"captureBeyondViewport": True, "format": "png"}
        shot = self._patiently().until(
            lambda driver: driver.execute_cdp_cmd("Page.captureScreenshot", whole)
        )
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        path.write_bytes(base64.b64decode(shot["data"]))
        return path

    def _patiently(self) -> WebDriverWait[Chrome]:
        """Asks again while the browser is between two pages."""
        return WebDriverWait(
            self.driver, PATIENCE_S, poll_frequency=0.05, ignored_exceptions=[WebDriverException]
        )

    def text(self) -> str:
        """What a person reads."""
        return str(self.driver.find_element(By.TAG_NAME, "body").text)
