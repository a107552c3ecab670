"""One contact's facts in names instead of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, timezone

import numpy as np

from pipeline.sample import company
from pipeline.sample.calendar import Calendar
from pipeline.sample.causes import Moments
from pipeline.sample.draws import NO_TOPIC, Draws

_BOOKS = {("Hong Kong", "zh-Hant"): "zh-Hant-HK"}
_SERVED = frozenset({"call", "chat", "email", "sms", "app", "social", "store"})
_MILLION = 1_000_003


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of a contact before it is put into words.

    `topic` is "" for a subject outside the taxonomy; moods are -1, 0, 1; `cause` is "" or the key
    of the cause that shapes its text; `chance` is a uniform number that belongs to the contact.
    """

    number: int
    at: datetime
    region: company.Region
    topic: str
    mood: int
    channel: str
    product: company.Product | None
    version: str
    language: str
    customer: int
    team: str
    cold: bool
    other: str
    other_mood: int
    parent: int
    returns: bool
    cause: str
    chance: float
    carrier: str
    called_back: bool

    @property
    def book(self) -> str:
        """The phrasebook that its customer speaks from."""
        return _BOOKS.get((self.region.name, self.language), self.language)

    @property
    def product_key(self) -> str:
        """The product's key, `app` for the app."""
        return self.product.key if self.product else "app"

    @property
    def served(self) -> bool:
        """Whether a person of the company handled it."""
        return self.channel in _SERVED

    def share(self, salt: int) -> float:
        """A number in [0, 1) that the customer keeps."""
        return (self.customer * 7_919 + salt * 104_729) * 31 % _MILLION / _MILLION


def cases(calendar: Calendar, draws: Draws) -> Iterator[Case]:
    """The contacts in time order. `parent` is the number of the contact that one follows, or -1."""
    when = Moments.of(calendar)
    zones = [timezone(timedelta(hours=region.offset_hours)) for region in company.REGIONS]
    repeated = np.zeros(len(draws), dtype=bool)
    repeated[draws.parent[draws.parent >= 0]] = True
    languages = [tuple(region.languages) for region in company.REGIONS]
    columns = [getattr(draws, name).tolist() for name in _COLUMNS]
    for number, (row, back) in enumerate(zip(zip(*columns, strict=True), repeated, strict=True)):
        drawn = dict(zip(_COLUMNS, row, strict=True))
        region = company.REGIONS[drawn["region"]]
        at = (calendar.since + timedelta(seconds=drawn["second"])).astimezone(
            zones[drawn["region"]]
        )
        product = _product(drawn["product"])
        versions = product.versions if product else company.APP_VERSIONS
        yield Case(
            number=number,
            at=at,
            region=region,
            topic=_topic(drawn["topic"]),
            mood=drawn["polarity"] - 1,
            channel=company.CHANNELS[drawn["channel"]],
            product=product,
            version=versions[drawn["version"]],
            language=languages[drawn["region"]][drawn["language"]],
            customer=drawn["customer"],
            team=company.team_of(region.name, bool(drawn["team"])),
            cold=region.name == "Seoul" and drawn["team"] == 1,
            other=_topic(drawn["other"]) if drawn["other"] >= 0 else "",
            other_mood=drawn["other_polarity"] - 1,
            parent=drawn["parent"],
            returns=bool(back),
            cause=_CAUSES[drawn["cause"]],
            chance=drawn["chance"],
            carrier=_carrier(region.name, at, when),
            called_back=region.name == "Shanghai" and at >= when.callback,
        )


_COLUMNS = tuple(column.name for column in fields(Draws))
_CAUSES = ("", "double_charge", "new_carrier")


def _topic(index: int) -> str:
    return "" if index == NO_TOPIC else company.TOPIC_CODES[index]


def _product(index: int) -> company.Product | None:
    return None if index == company.NO_PRODUCT else company.PRODUCTS[index]


def _carrier(region: str, at: datetime, when: Moments) -> str:
    changed = region == "Hong Kong" and at >= when.carrier
    return company.CARRIER_NEW if changed else company.CARRIER_OLD
