"""Contact events of the sample company, with what each was meant to say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from pipeline.sample import company
from pipeline.sample.calendar import DEFAULT_UNTIL, Calendar, size_of
from pipeline.sample.case import Case, cases
from pipeline.sample.draws import draw
from pipeline.sample.handling import handling_of
from pipeline.sample.ratings import ratings_of
from pipeline.sample.telling import Told, Topics, tell

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Intent:
    """What the writer of a contact had in mind; `cause` is the key of a planted cause or "".

    Topics are (code, polarity) that the words speak of; none for ratings without words.
    """

    mood: int
    topics: Topics
    language: str
    churn: bool
    cause: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """A contact event and its intent."""

    event: Event
    intent: Intent


def labelled(
    seed: int = 7, size: str | int = "demo", until: datetime = DEFAULT_UNTIL
) -> Iterator[Labelled]:
    """The contacts of `contacts` with their intents. Raises ValueError for an unknown size."""
    count, weeks = size_of(size)
    calendar = Calendar.ending(until, weeks)
    random = Random(seed)  # noqa: S311 - a sample, no secret
    ids: list[str] = []
    for case in cases(calendar, draw(calendar, count, seed)):
        made = _labelled(case, ids, seed, random)
        ids.append(made.event["contact_id"])
        yield made


def _labelled(case: Case, ids: list[str], seed: int, random: Random) -> Labelled:
    handling = handling_of(case, random)
    first = ids[case.parent] if case.parent >= 0 else ""
    order = _order(case, random)
    told = tell(case, order, random, resolved=bool(handling.get("resolved")))
    ratings = ratings_of(case, len(handling.get("recovery", ())), random)
    event: Event = {
        "contact_id": f"{case.channel}-{case.at:%Y%m%d}-{seed}-{case.number:06d}",
        "occurred_at": case.at.isoformat(),
        "channel": case.channel,
        **_words(told),
        **_customer(case),
        **_where(case, random),
        **_what(case, order),
        "reply_to": first,
        "ratings": ratings,
        "handling": handling,
        "attributes": _attributes(case),
    }
    filled = {key: value for key, value in event.items() if value not in ("", [], {}, None)}
    intent = Intent(case.mood, told.topics, case.language, told.churn, case.cause)
    return Labelled(filled, intent)


def _words(told: Told) -> Event:
    return {"text": told.text, "turns": told.turns}


def _customer(case: Case) -> Event:
    """Reviewers and posters are often strangers; who comes back is known."""
    linked = case.parent >= 0 or case.returns
    if not linked and case.chance < {"review": 0.4, "social": 0.7}.get(case.channel, 0.03):
        return {}
    tier = _tier(case)
    value = company.TIER_VALUES[tier] * (0.5 + 1.3 * case.share(2))
    return {
        "customer_id": f"mq-{case.customer}",
        "customer_tier": company.TIERS[tier],
        "customer_value": round(value, 2),
    }


def _tier(case: Case) -> int:
    place = case.share(1)
    for tier, share in enumerate(company.TIER_SHARES):
        place -= share
        if place < 0:
            return tier
    return 0


def _where(case: Case, random: Random) -> Event:
    where = {"region": case.region.name, "site": _site(case, random)}
    if case.served or case.channel in ("survey", "ivr"):
        where["team"] = f"{case.region.name} Stores" if case.channel == "store" else case.team
    if case.served and case.channel != "store":
        desk = 1 + int(random.random() * 9)
        where["agent_id"] = f"{case.team.lower().replace(' ', '-')}-{desk:02d}"
    if random.random() < 0.12:
        where["campaign"] = company.CAMPAIGNS[int(random.random() * len(company.CAMPAIGNS))]
    return where


def _site(case: Case, random: Random) -> str:
    if case.channel == "store" or case.topic == "facilities":
        stores = case.region.stores
        return f"{stores[int(random.random() * len(stores))]} store"
    if case.topic in ("delivery", "order_accuracy"):
        return f"{case.region.name} warehouse"
    return ""


def _what(case: Case, order: str) -> Event:
    if not case.topic:
        return {}
    if case.product is None:
        return {"product": company.APP, "version": case.version, "order_id": order}
    pieces = 1 + (case.chance > 0.8)
    value = round(case.product.price_usd * pieces, 2)
    what: Event = {"product": case.product.name, "version": case.version}
    return {**what, "order_id": order, "order_value": value} if order else what


def _order(case: Case, random: Random) -> str:
    if case.topic in ("facilities", "app_website", "account_security", ""):
        return ""
    return f"MQ{random.randrange(100_000, 1_000_000)}"


def _attributes(case: Case) -> dict[str, str]:
    if case.topic in ("delivery", "order_accuracy"):
        return {"carrier": case.carrier}
    return {"platform": "forum"} if case.channel == "social" else {}
