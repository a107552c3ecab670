"""A real Prometheus and Alertmanager beside a running stack: panels have data, the spike pages."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.local.processes import free_port
from pipeline.local.worker import environment

pytestmark = [pytest.mark.local, pytest.mark.prometheus, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "voc"
COLUMNS = (
    *("contact_id", "occurred_at", "loaded_at", "channel", "language", "text", "sentiment"),
    *("complaint", "customer", "product", "region", "team", "topics", "polarities"),
    *("topic_confidences", "evidence", "rating_kinds", "rating_dimensions", "rating_values"),
    *("rating_scales", "rating_scores", "kafka_topic", "kafka_partition", "kafka_offset"),
)
TOPICS = ("delivery", "billing_payment", "wait", "staff_attitude")
REGIONS = ("seoul", "taipei", "london")


def row(number: int, at: datetime, topic: str, region: str, *, bad: bool) -> tuple[object, ...]:
    """A stored contact with two ratings."""
    text = f"카드가 두 번 결제됐습니다 {number % 5}"
    return (
        *(f"h{number}", at, at, "app", "ko", text, "negative" if bad else "neutral", int(bad)),
        *(f"c{number % 300}", f"p{number % 3}", region, f"team {number % 2}", [topic]),
        *([-1 if bad else 0], [0.9], [text], ["csat", "nps", "csat"], ["", "", topic]),
        *([4.0, 9.0, 2.0], ["satisfaction-1-5", "nps-0-10", "satisfaction-1-5"]),
        *([0.75, 0.9, 0.25], "history", 0, number),
    )


def history(now: datetime) -> list[tuple[object, ...]]:
    """24 days of 25 contacts an hour, and a spike in the last two hours."""
    chance = np.random.default_rng(4)
    rows: list[tuple[object, ...]] = []
    for hours in range(24 * 24, 0, -1):
        at = now - timedelta(hours=hours)
        for _ in range(chance.poisson(25)):
            topic, region = TOPICS[chance.integers(4)], REGIONS[chance.integers(3)]
            bad = bool(chance.random() < 0.25)
            moment = at + timedelta(seconds=float(chance.uniform(0, 3599)))
            rows.append(row(len(rows), moment, topic, region, bad=bad))
    for n in range(120):
        moment = now - timedelta(seconds=30 + 50 * n)
        rows.append(row(len(rows), moment, "billing_payment", "seoul", bad=True))
    return rows


class Webhook:
    """Collects what Alertmanager sends."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        found = self.alerts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                found.extend(json.loads(body)["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Nothing to say."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Monitoring:
    """Prometheus and Alertmanager on free ports, scraping `targets` every second."""

    def __init__(self, folder: Path, targets: dict[str, int], webhook: int) -> None:
        self.port, alerts = free_port(), free_port()
        rules = folder / "voc.yaml"
        rules.write_bytes((CHART / "rules" / "voc.yaml").read_bytes())
        scrapes = [
            {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
            for name, port in targets.items()
        ]
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "alerting": {
                "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alerts}"]}]}]
            },
            "scrape_configs": scrapes,
        }
        (folder / "prometheus.json").write_text(json.dumps(config))
        route = {
            "receiver": "hook",
            "group_wait": "1s",
            "group_interval": "1s",
            "group_by": ["..."],
        }
        hook = {"url": f"http://127.0.0.1:{webhook}/", "send_resolved": True}
        receivers = [{"name": "hook", "webhook_configs": [hook]}]
        (folder / "alertmanager.json").write_text(
            json.dumps({"route": route, "receivers": receivers})
        )
        self._log = (folder / "monitoring.log").open("wb")
        self._children = [
            self._start(
                "prometheus",
                f"--config.file={folder / 'prometheus.json'}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ),
            self._start(
                "prometheus-alertmanager",
                f"--config.file={folder / 'alertmanager.json'}",
                f"--storage.path={folder / 'am'}",
                f"--web.listen-address=127.0.0.1:{alerts}",
                "--cluster.listen-address=",
            ),
        ]

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, stdout=self._log, stderr=self._log)

    def query(self, expr: str) -> list[dict[str, Any]]:
        """An instant query; raises for one that Prometheus refuses."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode(
            {"query": expr}
        )
        with urllib.request.urlopen(url, timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def answers(self, expr: str) -> bool:
        """Whether a query has a result yet."""
        try:
            return bool(self.query(expr))
        except OSError:
            return False

    def close(self) -> None:
        for child in self._children:
            child.terminate()
            child.wait(30)
        self._log.close()


def panels() -> list[tuple[str, dict[str, Any]]]:
    """(dashboard, panel) of all dashboards."""
    found = []
    for path in sorted((CHART / "dashboards").glob("*.json")):
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        found += [(path.stem, panel) for panel in dashboard["panels"]]
    return found


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    made = Webhook()
    yield made
    made.close()


def serve(pipe: Any, settings: Any, *command: str) -> subprocess.Popen[bytes]:
    """A further program of the product as a process."""
    log = (pipe.stack.logs / f"{command[0]}.log").open("wb")
    run = [sys.executable, "-m", "pipeline", *command]
    return subprocess.Popen(run, env=environment(settings), cwd=ROOT, stdout=log, stderr=log)


def test_panels_have_data_and_the_spike_reaches_its_owner_and_resolves(
    pipe: Any, tmp_path: Path, webhook: Webhook
) -> None:
    now = datetime.now(UTC)
    pipe.warehouse.insert("contact_rows", COLUMNS, history(now))
    worker = pipe.start()
    settings = pipe.settings_with(
        watch={"port": free_port(), "interval": 1}, gateway={"port": free_port()}
    )
    watcher, gateway = serve(pipe, settings, "watch"), serve(pipe, settings, "gateway")
    targets = {
        "worker": worker.port,
        "watcher": settings.watch.port,
        "gateway": settings.gateway.port,
    }
    monitoring = Monitoring(tmp_path, targets, webhook.port)
    try:
        feed(pipe, monitoring, now)
        check_panels(pipe, monitoring, now)
        spike = page(pipe, webhook)
        assert spike["labels"]["slice"] == "region=seoul topic=billing_payment"
        assert spike["labels"]["owner"]
        assert spike["labels"]["severity"] == "critical"
        assert "complaints since it began" in spike["annotations"]["description"]
        assert spike["annotations"]["runbook_url"].endswith("VocComplaintSpike.md")
        # What made the spike goes; the watcher closes it and Alertmanager says so.
        pipe.warehouse.execute(
            "ALTER TABLE contact_rows DELETE WHERE kafka_topic = 'history'"
            " AND topics[1] = 'billing_payment' AND region = 'seoul'"
            " AND occurred_at > now() - 7200",
            settings={"mutations_sync": 1},
        )
        pipe.wait_for(lambda: "resolved" in states(webhook), 240)
    finally:
        monitoring.close()
        for child in (watcher, gateway):
            child.terminate()
            child.wait(60)


def feed(pipe: Any, monitoring: Monitoring, now: datetime) -> None:
    """Contacts through the worker in portions, so that rates have something to rise by."""
    # Three weeks ago: what is fed here must not be a spike of its own today.
    past = (now - timedelta(days=19)).isoformat()
    topics = pipe.settings.kafka.topics
    day = (now - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    pipe.send(
        topics.volumes,
        [{"name": "orders", "period_start": day.isoformat(), "value": 900.0,
          "period_end": (day + timedelta(days=1)).isoformat()}],
    )  # fmt: skip
    pipe.send(
        topics.initiatives,
        [{"initiative_id": "i1", "title": "faster refunds", "owner": "customer care",
          "started_at": day.isoformat(), "topics": ["returns_refunds"]}],
    )  # fmt: skip
    before = pipe.count()
    for portion in range(3):
        pipe.send_contacts(range(portion * 80, portion * 80 + 80), occurred_at=past)
        pipe.send(topics.contacts, [b"no json"])
        pipe.stored(before + 80 * (portion + 1))
        pipe.wait_for(lambda seen=80 * (portion + 1): scraped(monitoring) >= seen)
    # Complaints that no reading can miss, so that every counter exists.
    pipe.send_contacts(
        range(1000, 1060), occurred_at=past, text="Terrible, I was charged twice, refund me!"
    )
    pipe.stored(before + 300)


def scraped(monitoring: Monitoring) -> float:
    """Contacts stored, as far as Prometheus knows."""
    expr = "sum(voc_contacts_total)"
    return float(monitoring.query(expr)[0]["value"][1]) if monitoring.answers(expr) else 0.0


def check_panels(pipe: Any, monitoring: Monitoring, now: datetime) -> None:
    """Every panel's query runs and answers with something."""
    empty = []
    for dashboard, panel in panels():
        (target,) = panel["targets"]
        name = f"{dashboard}: {panel['title']}"
        if "expr" in target:
            expr = target["expr"].replace("${language:pipe}", ".*")
            try:
                pipe.wait_for(lambda expr=expr: monitoring.answers(expr), 60)
            except AssertionError:
                empty.append(name)
        elif not pipe.warehouse.query(clickhouse(target["rawSql"], now)).rows:
            empty.append(name)
    assert empty == []


def clickhouse(sql: str, now: datetime) -> str:
    """Grafana's macros filled in as its data source does."""
    start, end = int((now - timedelta(days=20)).timestamp()), int(now.timestamp()) + 3600
    languages = "'zh-Hans','zh-Hant','ko','en','und'"
    return (
        sql.replace("$__fromTime", f"toDateTime({start})")
        .replace("$__toTime", f"toDateTime({end})")
        .replace("${language:singlequote}", languages)
    )


def states(webhook: Webhook) -> list[str]:
    """The states that the spike's alert reached."""
    return [a["status"] for a in webhook.alerts if a["labels"]["alertname"] == "VocComplaintSpike"]


def page(pipe: Any, webhook: Webhook) -> dict[str, Any]:
    """The first page about the spike."""
    pipe.wait_for(lambda: "firing" in states(webhook), 240)
    return next(a for a in webhook.alerts if a["labels"]["alertname"] == "VocComplaintSpike")
