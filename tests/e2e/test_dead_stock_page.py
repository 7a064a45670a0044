"""The dead-stock report as a person sees it in a browser: with hundreds of rows, with none, and with hostile names."""

import base64
from decimal import Decimal
from pathlib import Path

from services.market_data.dead_stock import Report
from services.market_data.report_page import as_page
from tests.browser import Tab, browser
from tests.unit.market_data.test_dead_stock import line, made, quotes

HOSTILE = (
    line(200, sku="X" * 100, title="W" * 300, size="Z" * 20),
    line(201, sku="A-1<b>", title="</title><script>window.evil = 1</script><img src=x onerror='window.evil = 1'>"),
    line(202, sku="B-1", title="\u202eback to front", size='10"'),
    line(203, sku="C-1", title=" \t", size=None, cost_amount=Decimal("9999999999.99"), quantity=1_000_000),
    line(2, sku="D-1", title="line\nbreak\x1b[31m\x07", condition=""),
)
MANY = tuple(line(number, sku=f"DD{number:04}-100") for number in range(400))
CUT = """[...document.querySelectorAll('svg.bars text')].filter(one => {
    const [box, page] = [one.getBoundingClientRect(), document.body.getBoundingClientRect()];
    return box.left < page.left || box.right > page.right || box.height < 10; }).map(one => one.textContent)"""


async def shown(tab: Tab, report: Report, width: int) -> None:
    await tab.size(width, 900)
    page = base64.b64encode(as_page(report).encode()).decode()
    await tab.open(f"data:text/html;base64,{page}")


async def test_the_page_is_readable_whatever_is_in_stock(tmp_path: Path) -> None:
    async with browser() as tab:
        for width in (1280, 390):
            for report in (made(*MANY, markets=(quotes("200", "150"),)), made(), made(*HOSTILE)):
                await shown(tab, report, width)
                wide = await tab.js("document.documentElement.scrollWidth")
                assert wide <= width, "the page itself never scrolls aside"
                assert await tab.js("document.querySelectorAll('tbody tr').length") == len(report.lines)
                assert await tab.js("window.evil || document.scripts.length || document.images.length") == 0
                assert await tab.js(CUT) == [], "no number of the chart is cut off"
            widest = await tab.js("Math.max(...[...document.querySelectorAll('table')].map(one => one.offsetWidth))")
            assert widest < 1400, "one name does not push everybody's prices out of sight"
            names = await tab.js("[...document.querySelectorAll('td.named bdi:first-child')].map(one => one.innerText)")
            assert "C-1" in names, "a blank title is none"
            assert any(name.startswith("</title><script>") for name in names)
            await tab.screenshot(tmp_path / f"dead-stock-{width}.png")
        assert not tab.errors
