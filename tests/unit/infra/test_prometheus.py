"""Prometheus' rules and Grafana's dashboards name metrics that exist, and say what the documents ask for."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

from libs.marketplaces import MARKETPLACES
from libs.telemetry import metrics
from libs.telemetry.loop_lag import PERIOD_SECONDS
from services.ops.processes import SERVICES
from services.webhook_gateway.config import Config
from tests.webhook_examples import examples

INFRA = Path(__file__).parents[3] / "infra"
RULES = sorted((INFRA / "prometheus").glob("*.rules.yaml"))
DASHBOARDS = sorted((INFRA / "grafana").glob("*.json"))
PROMTOOL = os.environ.get("PROMTOOL") or shutil.which("promtool")

_NAME = re.compile(r"\b([a-z][a-z0-9_]*)\b(?=\s*[{\[)]|\s*$|\s+(?:/|==|>|<))")
_WORDS = {"histogram_quantile", "rate", "increase", "sum", "max", "min"}


def told_names() -> set[str]:
    """Every name under which a metric of ours appears in Prometheus."""
    names: set[str] = {"up"}
    for metric in vars(metrics).values():
        if not isinstance(metric, MetricWrapperBase):
            continue
        name = str(metric._name)
        if isinstance(metric, Counter):
            names.add(f"{name}_total")
        elif isinstance(metric, Histogram):
            names |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
        else:
            names.add(name)
    return names


def expressions() -> Iterator[tuple[str, str]]:
    """Each PromQL expression with where it stands."""
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                yield f"{path.name} {rule['alert']}", rule["expr"]
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.name} {panel['title']}", target["expr"]


@pytest.mark.parametrize(("where", "expression"), list(expressions()), ids=lambda one: one[:60])
def test_expressions_name_metrics_that_exist(where: str, expression: str) -> None:
    bare = re.sub(r"\{[^}]*\}", "{", re.sub(r"\b(by|without)\s*\([^)]*\)", "", expression))
    found = {name for name in _NAME.findall(bare) if name not in _WORDS}
    assert found, f"{where}: no metric was found in {expression}"
    assert found <= told_names(), f"{where}: libs/telemetry/metrics.py has no {', '.join(found - told_names())}"


def alert(name: str) -> dict[str, Any]:
    (group,) = yaml.safe_load((INFRA / "prometheus" / "stockx_api.rules.yaml").read_text())["groups"]
    assert group["name"] == "stockx_api"
    found: dict[str, Any] = next(rule for rule in group["rules"] if rule["alert"] == name)
    return found


def test_the_alarm_of_a_deadline_comes_before_it_is_broken() -> None:
    """For every marketplace that delivers: at 60 % of its deadline, and the histogram can tell that from more."""
    (group,) = yaml.safe_load((INFRA / "prometheus" / "webhook_gateway.rules.yaml").read_text())["groups"]
    near = next(rule for rule in group["rules"] if rule["alert"] == "WebhookDeadlineNear")
    share = re.search(r"> ([0-9.]+) \* max by \(marketplace\) \(gateway_deadline_seconds\)$", near["expr"])
    assert share is not None
    assert "{" not in near["expr"], "no marketplace is left out"
    bounds = metrics.GATEWAY_ANSWER_DURATION._upper_bounds
    longest = Config.model_fields["longest_wait"].default.total_seconds()
    for name in MARKETPLACES:
        deadline = examples(name)[0].verifier().contract.deadline.total_seconds()
        warned = float(share[1]) * deadline
        if warned < longest:  # else no answer is ever so late
            assert any(warned < bound <= deadline for bound in bounds), f"{name}: no bucket tells {warned} s"


def test_the_alarm_of_a_loop_that_stands_still_comes_before_the_shortest_deadline_is_broken() -> None:
    """A standstill is seen but for the time between two looks; at 60 % of a deadline it is told of, and beyond it."""
    (group,) = yaml.safe_load((INFRA / "prometheus" / "webhook_gateway.rules.yaml").read_text())["groups"]
    shortest = min(examples(name)[0].verifier().contract.deadline.total_seconds() for name in MARKETPLACES)
    for name, most in (("WebhookLoopLags", 0.6 * shortest - PERIOD_SECONDS), ("WebhookLoopStoodStill", shortest)):
        rule = next(rule for rule in group["rules"] if rule["alert"] == name)
        bound = re.search(r"\{le=\"([0-9.]+)\"\}", rule["expr"])
        assert bound is not None
        assert float(bound[1]) == pytest.approx(most)
        assert float(bound[1]) in metrics.GATEWAY_LOOP_LAG._upper_bounds


def test_the_documented_alerts_are_there() -> None:
    failing = alert("StockXSearchFailureRate")
    assert failing["expr"] == 'rate(stockx_search_requests_total{status="error"}[5m]) > 0.1'
    assert failing["for"] == "5m"
    assert failing["annotations"]["summary"] == "High StockX API failure rate"
    assert failing["annotations"]["description"] == "{{ $value }} searches per second failing"
    down = alert("StockXAPIDown")
    assert (down["expr"], down["for"]) == ('up{job="stockx_api"} == 0', "2m")
    assert down["annotations"]["summary"] == "StockX API appears to be down"


def test_the_documented_panels_are_there() -> None:
    panels = {each["title"]: each["targets"][0]["expr"] for each in json.loads(DASHBOARDS[0].read_text())["panels"]}
    assert {"Search Success Rate", "Average Search Time", "Products Not Found", "API Errors"} <= panels.keys()
    assert panels["Average Search Time"] == (
        "rate(stockx_search_duration_seconds_sum[5m]) / rate(stockx_search_duration_seconds_count[5m])"
    )


def test_prometheus_reads_services_where_they_are() -> None:
    jobs = yaml.safe_load((INFRA / "prometheus" / "prometheus.yaml").read_text())["scrape_configs"]
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in jobs}
    places = {service.name: [f"{service.name}:{service.port}"] for service in SERVICES}
    assert targets.pop("stockx_api") == places["product_search"]
    assert targets.items() <= places.items()


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool: it is in Debian's package prometheus")
def test_promtool_agrees(tmp_path: Path) -> None:
    dashboards = [
        {"record": f"panel:{number}", "expr": expression} for number, (_, expression) in enumerate(expressions())
    ]
    (tmp_path / "dashboards.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": dashboards}]}))
    for arguments in (
        ["check", "rules", *map(str, RULES), str(tmp_path / "dashboards.yaml")],
        ["check", "config", str(INFRA / "prometheus" / "prometheus.yaml")],
        ["test", "rules", *map(str, sorted((INFRA / "prometheus").glob("*.test.yaml")))],
    ):
        done = subprocess.run([str(PROMTOOL), *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
