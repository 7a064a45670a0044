"""One trace goes from the webhook's request through Kafka to the projector's write."""

from pathlib import Path

import pytest

from libs.stack import Endpoints
from tests.e2e.collector import Span, collecting
from tests.e2e.system import running_system


@pytest.mark.timeout(200)
async def test_a_webhook_is_one_connected_trace_up_to_its_row(stack: Endpoints, tmp_path: Path) -> None:
    async with collecting() as collector:
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        async with running_system(stack, tmp_path, settings) as system:
            await system.post("/_world/orders", {"status": "paid"})
            await system.settled()
        written = [span for span in collector.spans if span.service == "projector" and span.name == "process orders"]
        assert written, f"the projector exported no span: {sorted({(s.service, s.name) for s in collector.spans})}"
        # Orders are also found by polls, which no webhook began: of all the paths to a row, the longest is looked at.
        path = max((_ancestors(span, collector.trace(span.trace_id)) for span in written), key=len)
        told = [f"{span.service}: {span.name}" for span in path]
        assert [span.service for span in path] == [
            "projector",
            "mercadolibre_enricher",
            "mercadolibre_enricher",
            "webhook_gateway",
            "webhook_gateway",
        ], told
        assert told[2] == "mercadolibre_enricher: process webhooks"
        assert path[-1].name.startswith("POST ")


def _ancestors(span: Span, trace: list[Span]) -> list[Span]:
    """The span and its parents, up to the first that no service of ours began."""
    by_id = {each.span_id: each for each in trace}
    path = [span]
    while path[-1].parent_id in by_id:
        path.append(by_id[path[-1].parent_id])
    return path
