"""`python helm/dashboards.py [--check]`: the Grafana dashboards, made here and shipped as JSON.

Each panel is a title, a query, a unit and what it means; the rest is layout.  The tests run every
query against a live stack.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent / "voc" / "dashboards"
RUNBOOKS = "https://example.com/voc/docs/runbooks"

PROMETHEUS = {"type": "prometheus", "uid": "${prometheus}"}
CLICKHOUSE = {"type": "grafana-clickhouse-datasource", "uid": "${clickhouse}"}

WIDE, HALF, THIRD, QUARTER = 24, 12, 8, 6

TIME = "occurred_at >= $__fromTime AND occurred_at < $__toTime"
HOUR = "hour >= $__fromTime AND hour < $__toTime"
LANG = "language IN (${language:singlequote})"


@dataclass(frozen=True)
class Panel:
    """One panel. `expr` is PromQL, or SQL where `sql` is set; `legend` names PromQL's series."""

    title: str
    expr: str
    meaning: str
    unit: str = "short"
    legend: str = ""
    kind: str = "timeseries"
    width: int = HALF
    height: int = 8
    sql: bool = False
    red: float | None = None
    runbook: str = ""


def panel(item: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    """Grafana's JSON of a panel."""
    source = CLICKHOUSE if item.sql else PROMETHEUS
    target: dict[str, Any] = {"refId": "A", "datasource": source}
    if item.sql:
        table = 1
        target |= {"rawSql": item.expr, "format": table, "queryType": "table", "editorType": "sql"}
    else:
        target |= {"expr": item.expr, "legendFormat": item.legend or "__auto", "range": True}
        target["instant"] = item.kind in {"stat", "table", "bargauge"}
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if item.red is not None:
        steps.append({"color": "red", "value": item.red})
    made = {
        "id": number,
        "type": item.kind,
        "title": item.title,
        "description": item.meaning,
        "datasource": source,
        "gridPos": {"x": x, "y": y, "w": item.width, "h": item.height},
        "targets": [target],
        "fieldConfig": {
            "defaults": {"unit": item.unit, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "options": {},
    }
    if item.runbook:
        url = f"{RUNBOOKS}/{item.runbook}.md"
        made["links"] = [{"title": f"Runbook {item.runbook}", "url": url, "targetBlank": True}]
    return made


def layout(items: list[Panel]) -> list[dict[str, Any]]:
    """Panels from left to right, row by row."""
    x = y = height = 0
    placed = []
    for number, item in enumerate(items, start=1):
        if x + item.width > WIDE:
            x, y, height = 0, y + height, 0
        placed.append(panel(item, number, x, y))
        x, height = x + item.width, max(height, item.height)
    return placed


def source_variable(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "type": "datasource", "query": kind, "label": name.capitalize()}


def language_variable() -> dict[str, Any]:
    """The languages, all by default."""
    values = ["zh-Hans", "zh-Hant", "ko", "en", "und"]
    return {
        "name": "language",
        "type": "custom",
        "label": "Language",
        "query": ",".join(values),
        "multi": True,
        "includeAll": True,
        "current": {"text": "All", "value": "$__all"},
        "options": [{"text": v, "value": v, "selected": False} for v in values],
    }


SPIKES = {
    "name": "Spikes",
    "enable": True,
    "iconColor": "red",
    "datasource": PROMETHEUS,
    "expr": "voc_spike_active unless voc_spike_active offset 2m",
    "titleFormat": "{{slice}}",
    "textFormat": "owner: {{owner}}",
}


def dashboard(
    uid: str, title: str, items: list[Panel], *, clickhouse: bool, languages: bool
) -> dict[str, Any]:
    """A whole dashboard."""
    variables = [source_variable("prometheus", "prometheus")]
    if clickhouse:
        variables.append(source_variable("clickhouse", "grafana-clickhouse-datasource"))
    if languages:
        variables.append(language_variable())
    return {
        "uid": uid,
        "title": title,
        "tags": ["voc"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "links": [{"type": "dashboards", "tags": ["voc"], "title": "voc", "asDropdown": True}],
        "templating": {"list": variables},
        "annotations": {"list": [SPIKES]},
        "panels": layout(items),
    }


LIVE = [
    Panel("Contacts", 'sum(increase(voc_contacts_total{language=~"${language:pipe}"}[1h]))',
          "Contacts stored in the last hour.", kind="stat", width=QUARTER, height=4),
    Panel("Complaints", 'sum(increase(voc_complaints_total{language=~"${language:pipe}"}[1h]))',
          "Complaints stored in the last hour.", kind="stat", width=QUARTER, height=4),
    Panel("Negative share", "voc:negative_ratio:1h", "Share of negative contacts, last hour.",
          unit="percentunit", kind="stat", width=QUARTER, height=4, red=0.5,
          runbook="VocNegativeShareBurn"),
    Panel("Open spikes", "count(voc_spike_active) or vector(0)", "Complaint spikes that are open.",
          kind="stat", width=QUARTER, height=4, red=1, runbook="VocComplaintSpike"),
    Panel("Complaints by channel",
          'sum by (channel) (rate(voc_complaints_total{language=~"${language:pipe}"}[5m])) * 60',
          "Complaints a minute as they are stored.", unit="short", legend="{{channel}}"),
    Panel("Sentiment",
          'sum by (sentiment) (rate(voc_contacts_total{language=~"${language:pipe}"}[5m])) * 60',
          "Contacts a minute by sentiment.", legend="{{sentiment}}"),
    Panel("Topics complained about",
          'topk(8, sum by (topic) (increase(voc_topic_mentions_total{polarity="negative",'
          'language=~"${language:pipe}"}[1h])))',
          "Negative mentions of the last hour, the largest eight.", legend="{{topic}}"),
    Panel("Languages", "sum by (language) (rate(voc_contacts_total[5m])) * 60",
          "Contacts a minute by language.", legend="{{language}}"),
    Panel("Complaints of seven days by topic",
          'sort_desc(voc_trailing_topic_complaints{days="7"})',
          "Trailing seven days, from the watcher.", kind="bargauge", legend="{{topic}}"),
    Panel("Complaint share of seven days by channel",
          'sum by (channel) (voc_trailing_complaints{days="7"})'
          ' / sum by (channel) (voc_trailing_contacts{days="7"})',
          "Trailing seven days.", unit="percentunit", kind="bargauge", legend="{{channel}}"),
    Panel("CSAT", "voc_csat_ratio", "Top-box share by days.", unit="percentunit", kind="stat",
          width=QUARTER, height=5, legend="{{days}} days"),
    Panel("NPS", "voc_nps_points", "Net promoter score by days.", kind="stat", width=QUARTER,
          height=5, legend="{{days}} days"),
    Panel("First-contact resolution", "voc_first_contact_resolution_ratio",
          "Contacts about a topic that were not repeated within the repeat window.",
          unit="percentunit", kind="stat", width=QUARTER, height=5, legend="{{days}} days"),
    Panel("Newest contact", "time() - (voc_newest_contact_timestamp_seconds > 0)",
          "Age of the newest stored contact.", unit="s", kind="stat", width=QUARTER, height=5,
          red=3600),
    Panel("Spikes and what they say",
          "SELECT opened_at, state, severity, arrayStringConcat(arrayMap((k, v) ->"
          " concat(k, '=', v), mapKeys(slice), mapValues(slice)), ' ') AS where_,"
          " round(observed) AS complaints,"
          " round(expected, 1) AS usual, owner, arrayStringConcat(explanation, '; ') AS why,"
          " arrayElement(verbatims, 1) AS verbatim FROM spikes WHERE part_of = ''"
          " AND opened_at >= $__fromTime AND opened_at < $__toTime ORDER BY opened_at DESC"
          " LIMIT 50",
          "Spikes of the shown time with cause, owner and a typical masked text.", kind="table",
          width=WIDE, sql=True, runbook="VocComplaintSpike"),
    Panel("Verbatims",
          "SELECT occurred_at, language, channel, topic, evidence FROM contact_topics"
          f" WHERE {TIME} AND {LANG} AND polarity = -1 AND complaint"
          " ORDER BY occurred_at DESC LIMIT 100",
          "The newest masked clauses that complain.", kind="table", width=WIDE, height=10,
          sql=True),
]  # fmt: skip

CAUSE = [
    Panel("Skyline: complaints by topic and owner",
          f"SELECT topic, count() AS complaints, round(avg(score), 2) AS sentiment,"
          f" uniqIf(customer, customer != '') AS customers FROM contact_topics WHERE {TIME}"
          f" AND {LANG} AND polarity = -1 GROUP BY topic ORDER BY complaints DESC",
          "Which topics are complained about, and by how many customers.", kind="table", sql=True),
    Panel("Contacts per hundred orders",
          "SELECT day, contacts, orders, round(100 * contacts / orders, 2) AS cpx FROM"
          f" (SELECT toDate(hour) AS day, sum(contacts) AS contacts FROM contact_hours WHERE {HOUR}"
          " GROUP BY day) AS c INNER JOIN (SELECT toDate(period_start) AS day, sum(value) AS orders"
          " FROM volumes WHERE name = 'orders' GROUP BY day) AS v USING day ORDER BY day",
          "CPX with the volume `orders`.", kind="table", sql=True),
    Panel("Snowballs: repeats within seven days",
          "SELECT topic, count() AS contacts, countIf(gap > 0 AND gap <= 604800) AS repeated,"
          " round(repeated / contacts, 3) AS share FROM (SELECT topic,"
          " toInt64(leadInFrame(toUnixTimestamp(toDateTime(occurred_at))) OVER (PARTITION BY"
          " customer, topic ORDER BY occurred_at ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING))"
          " - toInt64(toUnixTimestamp(toDateTime(occurred_at))) AS gap FROM contact_topics"
          f" WHERE {TIME} AND customer != '') GROUP BY topic ORDER BY repeated DESC",
          "Contacts that the same customer repeated about the same topic.", kind="table", sql=True),
    Panel("Value and irritation by topic",
          f"SELECT topic, round(avg(polarity = -1), 2) AS irritating, round(avg(churn), 3) AS"
          f" leaving, count() AS mentions FROM contact_topics WHERE {TIME} AND {LANG}"
          " GROUP BY topic ORDER BY irritating * mentions DESC",
          "Where contacts irritate most; voc report puts them into quadrants.", kind="table",
          sql=True),
    Panel("Ratings by attribute (Kano's data)",
          "SELECT dimension, count() AS ratings, round(avg(score), 3) AS mean,"
          " round(avg(score <= 0.25), 3) AS low, round(avg(score >= 0.99), 3) AS top FROM ratings"
          f" WHERE {TIME} AND dimension != '' GROUP BY dimension ORDER BY low DESC",
          "Shares of low and top ratings per attribute; voc report fits the penalty-reward model.",
          kind="table", sql=True),
    Panel("Initiatives",
          "SELECT initiative_id, title, owner, started_at, ended_at,"
          " arrayStringConcat(topics, ', ') AS targets FROM initiatives ORDER BY started_at DESC"
          " LIMIT 50",
          "Who acts on what since when; voc report judges them.", kind="table", sql=True),
    Panel("Complaints by region and product",
          f"SELECT region, product, sum(complaints) AS complaints, sum(contacts) AS contacts,"
          f" round(complaints / contacts, 3) AS share FROM contact_hours WHERE {HOUR} AND {LANG}"
          " GROUP BY region, product ORDER BY complaints DESC LIMIT 30",
          "Where complaints come from.", kind="table", sql=True),
    Panel("Service style by team",
          "SELECT team, round(avgIf(polarity, topic IN ('staff_attitude')), 2) AS personal,"
          " round(avgIf(polarity, topic IN ('wait', 'resolution', 'policy_process')), 2) AS"
          f" procedural, count() AS mentions FROM contact_topics WHERE {TIME} AND team != ''"
          " GROUP BY team HAVING mentions >= 5 ORDER BY mentions DESC",
          "Mean polarity of the personal and the procedural side per team.", kind="table",
          sql=True),
]  # fmt: skip

HEALTH = [
    Panel("Events settled", "sum by (outcome) (rate(voc_events_total[5m]))",
          "Events a second by what became of them.", unit="ops", legend="{{outcome}}"),
    Panel("Lag", "voc:lag_events", "Events between the newest stored and the end of the log.",
          legend="{{topic}}", red=10000, runbook="VocLagGrowing"),
    Panel("Event to row",
          "histogram_quantile(0.5, sum by (le) (rate(voc_event_to_row_seconds_bucket[5m])))",
          "Median time from Kafka to a stored row.", unit="s", legend="p50"),
    Panel("Event to row, p95", "voc:event_to_row_seconds:p95", "The slowest twentieth.", unit="s",
          legend="p95", runbook="VocStale"),
    Panel("Time by stage",
          "sum by (stage) (rate(voc_stage_seconds_sum[5m]))"
          " / sum by (stage) (rate(voc_stage_seconds_count[5m]))",
          "Mean seconds of a batch in each stage.", unit="s", legend="{{stage}}"),
    Panel("Block size",
          "sum by (event) (rate(voc_block_rows_sum[5m])) / sum by (event)"
          " (rate(voc_block_rows_count[5m]))",
          "Rows of an inserted block.", legend="{{event}}"),
    Panel("In flight", "voc_in_flight_events", "Events taken and not stored yet.",
          legend="{{instance}}"),
    Panel("Retries", "sum by (target) (rate(voc_retries_total[5m])) or vector(0)",
          "Attempts that failed and were repeated.", unit="ops", legend="{{target}}",
          runbook="VocRetrying"),
    Panel("Dead letters", "sum by (reason) (increase(voc_dead_letters_total[1h])) or vector(0)",
          "Events kept as dead letters in an hour.", legend="{{reason}}", red=1,
          runbook="VocDeadLetters"),
    Panel("Partitions", "voc_assigned_partitions", "Partitions of each worker.",
          legend="{{instance}}", runbook="VocNoWorker"),
    Panel("Loop heartbeat", "time() - (voc_loop_heartbeat_timestamp_seconds > 0)",
          "Age of each worker's heartbeat.", unit="s", legend="{{instance}}", red=60,
          runbook="VocWorkerStalled"),
    Panel("Confidence", "sum by (language) (rate(voc_sentiment_confidence_sum[5m])) / sum by"
          " (language) (rate(voc_sentiment_confidence_count[5m]))",
          "Mean calibrated confidence.", unit="percentunit", legend="{{language}}",
          runbook="VocConfidenceDrift"),
    Panel("Clauses", "sum by (language) (rate(voc_clauses_total[5m]))", "Clauses read a second.",
          unit="ops", legend="{{language}}"),
    Panel("Answered from the cache",
          "rate(voc_clause_cache_hits_total[5m])"
          " / sum without (language) (rate(voc_clauses_total[5m]))",
          "Share of clauses seen before.", unit="percentunit", legend="{{instance}}"),
    Panel("Truncated", "sum(rate(voc_truncated_clauses_total[5m]))"
          " / sum(rate(voc_clauses_total[5m]))",
          "Share of clauses that were cut.", unit="percentunit", red=0.05,
          runbook="VocTruncation"),
    Panel("Gateway requests", "sum by (status) (rate(voc_gateway_requests_total[5m]))"
          " or vector(0)", "Requests a second by status.", unit="reqps", legend="{{status}}",
          runbook="VocGatewayErrors"),
    Panel("Watcher", "time() - (voc_watch_last_success_timestamp_seconds > 0)",
          "Time since the watcher last judged all slices.", unit="s", red=900,
          runbook="VocWatcherBlind"),
    Panel("Model", "voc_model_info", "Revision of the model and version of the taxonomy.",
          kind="stat", legend="{{revision}} (taxonomy {{taxonomy}})"),
]  # fmt: skip


def dashboards() -> dict[str, dict[str, Any]]:
    """File name -> dashboard."""
    return {
        "voice-of-the-customer.json": dashboard(
            "voc-live", "Voice of the customer", LIVE, clickhouse=True, languages=True
        ),
        "root-cause.json": dashboard(
            "voc-cause", "Root cause", CAUSE, clickhouse=True, languages=True
        ),
        "pipeline-health.json": dashboard(
            "voc-health", "Pipeline health", HEALTH, clickhouse=False, languages=False
        ),
    }


def main() -> int:
    """Writes the files, or with --check says whether they are up to date."""
    stale = 0
    for name, made in dashboards().items():
        text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
        path = OUT / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale += 1
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    return stale if "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
