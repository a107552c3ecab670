"""Every metric of the product, in one place.

Names start with `voc_`, use base units and end in `_total` for counters.  Labels are bounded:
topic, language, channel, sentiment, stage, reason; never ids, never free text.  `docs/metrics.md`
is generated from this module (`voc config --metrics`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST

REGISTRY = CollectorRegistry(auto_describe=True)

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_DELAYS = (0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400)
_ROWS = (1, 8, 32, 64, 128, 256, 512, 1024, 4096)
_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)

# --- what customers say (worker) ------------------------------------------------------------
CONTACTS = Counter(
    "voc_contacts",
    "Contacts stored, by language, channel and sentiment.",
    ("language", "channel", "sentiment"),
    registry=REGISTRY,
)
COMPLAINTS = Counter(
    "voc_complaints",
    "Contacts stored that report a problem the company could act on.",
    ("language", "channel"),
    registry=REGISTRY,
)
CHURN = Counter(
    "voc_churn_intents",
    "Contacts stored whose writer leaves or warns others off.",
    ("language", "channel"),
    registry=REGISTRY,
)
TOPICS = Counter(
    "voc_topic_mentions",
    "Topics of stored contacts, by polarity (negative, neutral, positive).",
    ("topic", "polarity", "language"),
    registry=REGISTRY,
)
MASKED = Counter(
    "voc_masked",
    "Pieces of personal data masked before anything was stored, by kind.",
    ("kind",),
    registry=REGISTRY,
)

# --- the stream (worker) ----------------------------------------------------------------------
EVENTS = Counter(
    "voc_events",
    "Events read from Kafka that were settled, by what became of them "
    "(stored, replayed, duplicate, dead, skipped).",
    ("event", "outcome"),
    registry=REGISTRY,
)
DEAD = Counter(
    "voc_dead_letters",
    "Events that could not be processed and were kept as dead letters, by reason.",
    ("reason",),
    registry=REGISTRY,
)
BLOCK_ROWS = Histogram(
    "voc_block_rows",
    "Rows of one inserted block.",
    ("event",),
    buckets=_ROWS,
    registry=REGISTRY,
)
REPLAYED = Counter(
    "voc_blocks_replayed",
    "Last blocks inserted again after a partition was assigned, recognised by their token.",
    ("event",),
    registry=REGISTRY,
)
BISECTED = Counter(
    "voc_blocks_bisected",
    "Blocks that the warehouse refused and that were split to find the bad row.",
    ("event",),
    registry=REGISTRY,
)
STAGE_SECONDS = Histogram(
    "voc_stage_seconds",
    "Time of one batch in one stage (decode, analyse, dedupe, insert, dead_letter).",
    ("stage",),
    buckets=_SECONDS,
    registry=REGISTRY,
)
RETRIES = Counter(
    "voc_retries",
    "Attempts that failed and were repeated with the identical block, by target.",
    ("target",),
    registry=REGISTRY,
)
WAITING = Gauge(
    "voc_waiting",
    "1 while the worker waits for this target (warehouse, kafka) and reads nothing new.",
    ("target",),
    registry=REGISTRY,
)
IN_FLIGHT = Gauge(
    "voc_in_flight_events",
    "Events taken from Kafka whose result is not stored yet.",
    registry=REGISTRY,
)
LAG = Gauge(
    "voc_lag_events",
    "Events between the newest stored and the end of the partition (high-water mark).",
    ("topic", "partition"),
    registry=REGISTRY,
)
DELAY = Histogram(
    "voc_event_to_row_seconds",
    "Time from an event's Kafka timestamp to its row in the warehouse.",
    buckets=_DELAYS,
    registry=REGISTRY,
)
NEWEST = Gauge(
    "voc_newest_stored_timestamp_seconds",
    "Kafka timestamp of the newest stored event; freshness is time() minus this.",
    registry=REGISTRY,
)
PARTITIONS = Gauge(
    "voc_assigned_partitions",
    "Partitions that this worker reads.",
    registry=REGISTRY,
)
REBALANCES = Counter("voc_rebalances", "Times partitions were assigned.", registry=REGISTRY)
HEARTBEAT = Gauge(
    "voc_loop_heartbeat_timestamp_seconds",
    "When the worker's event loop last ran, 0 in other programs; /healthz fails when it is old.",
    registry=REGISTRY,
)

# --- the model (worker) -----------------------------------------------------------------------
CLAUSES = Counter("voc_clauses", "Clauses read.", ("language",), registry=REGISTRY)
CACHE_HITS = Counter(
    "voc_clause_cache_hits", "Clauses answered from the cache of repeated texts.", registry=REGISTRY
)
CONFIDENCE = Histogram(
    "voc_sentiment_confidence",
    "Calibrated confidence of a contact's sentiment.",
    ("language",),
    buckets=_SHARES,
    registry=REGISTRY,
)
UNCERTAIN = Counter(
    "voc_uncertain_contacts",
    "Contacts left neutral because the model was not sure enough.",
    ("language",),
    registry=REGISTRY,
)
TRUNCATED = Counter(
    "voc_truncated_clauses", "Clauses cut at the model's longest input.", registry=REGISTRY
)
MODEL_INFO = Gauge(
    "voc_model_info",
    "1, with the revision of the model and the version of the taxonomy.",
    ("revision", "taxonomy"),
    registry=REGISTRY,
)

# --- the gateway ------------------------------------------------------------------------------
REQUESTS = Counter(
    "voc_gateway_requests",
    "HTTP requests, by route and status.",
    ("route", "status"),
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "voc_gateway_request_seconds",
    "Time until an HTTP request was answered.",
    ("route",),
    buckets=_SECONDS,
    registry=REGISTRY,
)
INGESTED = Counter(
    "voc_gateway_contacts",
    "Contacts received over HTTP, by result (accepted, rejected, failed).",
    ("result",),
    registry=REGISTRY,
)
UPSERTS_RECEIVED = Counter(
    "voc_gateway_upserts",
    "Volumes and initiatives received over HTTP, by result (accepted, rejected, failed).",
    ("event", "result"),
    registry=REGISTRY,
)
REQUESTS_IN_FLIGHT = Gauge(
    "voc_gateway_requests_in_flight", "HTTP requests being worked on.", registry=REGISTRY
)

# --- the watcher ------------------------------------------------------------------------------
SPIKE = Gauge(
    "voc_spike_active",
    "1 while a complaint spike is open, by slice (dimension=value), topic, owner and severity.",
    ("slice", "topic", "owner", "severity"),
    registry=REGISTRY,
)
SPIKE_OBSERVED = Gauge(
    "voc_spike_observed_complaints",
    "Complaints since an open spike began.",
    ("slice", "topic", "owner", "severity"),
    registry=REGISTRY,
)
SPIKE_EXPECTED = Gauge(
    "voc_spike_expected_complaints",
    "Complaints that the slice's past lets expect since an open spike began.",
    ("slice", "topic", "owner", "severity"),
    registry=REGISTRY,
)
SPIKE_CHANGES = Counter(
    "voc_spike_changes",
    "Spikes opened, updated and closed, by severity.",
    ("state", "severity"),
    registry=REGISTRY,
)
WATCHED_SLICES = Gauge(
    "voc_watch_slices", "Slices judged, and those with too little history.", ("state",),
    registry=REGISTRY,
)  # fmt: skip
WATCH_SECONDS = Histogram(
    "voc_watch_seconds", "Time of one look at the warehouse.", buckets=_SECONDS, registry=REGISTRY
)
WATCHES = Counter(
    "voc_watches", "Looks at the warehouse, by result (ok, failed).", ("result",), registry=REGISTRY
)
WATCHED_AT = Gauge(
    "voc_watch_last_success_timestamp_seconds",
    "When the watcher last judged all slices and told of what had changed.",
    registry=REGISTRY,
)
NEWEST_CONTACT = Gauge(
    "voc_newest_contact_timestamp_seconds",
    "When the newest stored contact occurred; freshness is time() minus this.",
    registry=REGISTRY,
)
TRAILING_CONTACTS = Gauge(
    "voc_trailing_contacts",
    "Contacts of the last `days` days, by language and channel.",
    ("days", "language", "channel"),
    registry=REGISTRY,
)
TRAILING_COMPLAINTS = Gauge(
    "voc_trailing_complaints",
    "Contacts of the last `days` days that are complaints.",
    ("days", "language", "channel"),
    registry=REGISTRY,
)
TRAILING_NEGATIVE = Gauge(
    "voc_trailing_negative_contacts",
    "Contacts of the last `days` days with negative sentiment.",
    ("days", "language", "channel"),
    registry=REGISTRY,
)
TRAILING_TOPIC = Gauge(
    "voc_trailing_topic_complaints",
    "Complaints of the last `days` days that speak badly of the topic.",
    ("days", "topic"),
    registry=REGISTRY,
)
CSAT = Gauge(
    "voc_csat_ratio", "Share of satisfaction ratings in the top box, last `days` days.", ("days",),
    registry=REGISTRY,
)  # fmt: skip
NPS = Gauge(
    "voc_nps_points", "Net promoter score (-100 to 100), last `days` days.", ("days",),
    registry=REGISTRY,
)  # fmt: skip
RATINGS = Gauge(
    "voc_trailing_ratings", "Ratings behind the scores, last `days` days.", ("kind", "days"),
    registry=REGISTRY,
)  # fmt: skip
FCR = Gauge(
    "voc_first_contact_resolution_ratio",
    "Share of contacts about a topic that the customer did not repeat within the repeat window.",
    ("days",),
    registry=REGISTRY,
)

# --- the local stack --------------------------------------------------------------------------
COMPONENT_UP = Gauge(
    "voc_local_component_up",
    "1 while a part of the embedded stack runs (broker, warehouse, worker, watch ...).",
    ("component",),
    registry=REGISTRY,
)


Figure = tuple[Gauge, tuple[str, ...], float]
"""A gauge, the values of its labels, and what it shows."""


def refill(gauges: Iterable[Gauge], figures: Iterable[Figure]) -> None:
    """Sets the figures and drops whatever else these gauges show.

    Never `clear` first: a scrape in between sees nothing, and an alert's `for:` begins again.
    """
    new = {(gauge, labels): value for gauge, labels, value in figures}
    gone = [shown for gauge in gauges for shown in _shown(gauge) if shown not in new]
    for (gauge, labels), value in new.items():
        gauge.labels(*labels).set(value)
    for gauge, labels in gone:
        gauge.remove(*labels)


def _shown(gauge: Gauge) -> Iterator[tuple[Gauge, tuple[str, ...]]]:
    for family in gauge.collect():
        for sample in family.samples:
            yield gauge, tuple(sample.labels.values())


_newest = 0.0


def newest_stored(timestamp: float) -> None:
    """Moves NEWEST forward, never back: partitions are stored in any order."""
    global _newest  # noqa: PLW0603 -- a gauge cannot be read back
    _newest = max(_newest, timestamp)
    NEWEST.set(_newest)


@dataclass(frozen=True, slots=True)
class Description:
    """One line of the reference."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


def describe() -> list[Description]:
    """Every metric as it appears on /metrics, in the order of this module."""
    found = []
    for collector in list(REGISTRY._collector_to_names):
        family = next(iter(collector.collect()))
        suffix = "_total" if family.type == "counter" else ""
        labels = tuple(getattr(collector, "_labelnames", ()))
        found.append(Description(family.name + suffix, family.type, labels, family.documentation))
    return found


def exposition() -> bytes:
    """The text that /metrics answers."""
    return generate_latest(REGISTRY)
