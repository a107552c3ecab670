"""From settings to the parts that a command needs. Heavy libraries load with the part."""

# Every import inside a function is there for `voc --help`: the models, ClickHouse and Kafka
# libraries together take seconds.
# ruff: noqa: PLC0415
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pipeline import metrics, resources
from pipeline.clock import SystemClock
from pipeline.settings import Settings, secret_of

if TYPE_CHECKING:
    from pipeline.language.analyser import ContactAnalyser
    from pipeline.language.classifier import LoadedClassifier
    from pipeline.stream.record import Handler
    from pipeline.warehouse import Warehouse


def classifier(settings: Settings) -> LoadedClassifier:
    """The model, verified and warm. Raises ModelError."""
    from pipeline.domain.taxonomy import Taxonomy
    from pipeline.language.classifier import load

    model = settings.model
    # A model directory may bring a taxonomy of its own; the shipped model reads the shipped one.
    taxonomy = None if model.path else Taxonomy.load(resources.schemas() / "taxonomy.yaml")
    loaded = load(
        model.path,
        engine=model.engine,
        threads=model.threads,
        labels=model.labels,
        taxonomy=taxonomy,
    )
    loaded.warm_up()
    metrics.MODEL_INFO.labels(loaded.revision, str(loaded.taxonomy_version)).set(1)
    return loaded


def analyser(settings: Settings) -> ContactAnalyser:
    """The whole reading of contacts. Raises ConfigError without a secret, ModelError."""
    from pipeline.language.analyser import ContactAnalyser
    from pipeline.language.mask import Masker
    from pipeline.language.pseudonym import Pseudonyms

    pseudonyms = Pseudonyms(secret_of(settings))
    masker = Masker(extra=list(settings.privacy.patterns.items()))
    model = classifier(settings)
    return ContactAnalyser(
        model,
        masker,
        pseudonyms,
        thresholds=model.thresholds,
        cache_size=settings.model.cache,
    )


def warehouse(settings: Settings) -> Warehouse:
    """The warehouse; connects on first use."""
    from pipeline.warehouse import Warehouse

    return Warehouse(settings.warehouse)


def columns_query(opened: Warehouse) -> Callable[[str, Mapping[str, Any]], dict[str, list[Any]]]:
    """Runs a SELECT and answers its columns by name: what analyses read."""

    def ask(sql: str, parameters: Mapping[str, Any]) -> dict[str, list[Any]]:
        return opened.query(sql, dict(parameters)).dict()

    return ask


def handlers(
    settings: Settings, reader: ContactAnalyser, store: Warehouse
) -> dict[str, Handler[Any]]:
    """What the worker does, by topic."""
    from pipeline.contract import default_scales, parse_initiative, parse_volume
    from pipeline.stream.contacts import ContactHandler
    from pipeline.stream.upserts import UpsertHandler
    from pipeline.warehouse import ContactTable, InitiativeTable, VolumeTable

    topics = settings.kafka.topics
    contacts = ContactHandler(reader, ContactTable(store), default_scales(), SystemClock())
    return {
        topics.contacts: contacts,
        topics.volumes: UpsertHandler("volume", parse_volume, VolumeTable(store)),
        topics.initiatives: UpsertHandler("initiative", parse_initiative, InitiativeTable(store)),
    }


def cache_measure(reader: ContactAnalyser) -> Callable[[], None]:
    """A function that brings the metric of the cache up to date."""
    counted = 0

    def measure() -> None:
        nonlocal counted
        hits = reader.cache.hits
        metrics.CACHE_HITS.inc(hits - counted)
        counted = hits

    return measure
