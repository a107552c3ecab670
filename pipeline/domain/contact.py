"""A contact as it arrives: one interaction of a customer with the company."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Channel(StrEnum):
    """How the customer reached the company."""

    CALL = "call"
    CHAT = "chat"
    EMAIL = "email"
    SURVEY = "survey"
    IVR = "ivr"
    REVIEW = "review"
    SOCIAL = "social"
    STORE = "store"
    APP = "app"
    SMS = "sms"
    OTHER = "other"


class Speaker(StrEnum):
    """Who says a turn; only the customer's turns are classified."""

    CUSTOMER = "customer"
    AGENT = "agent"
    BOT = "bot"
    SYSTEM = "system"


class Language(StrEnum):
    """The languages that are told apart; everything else is `und`."""

    ZH_HANS = "zh-Hans"
    ZH_HANT = "zh-Hant"
    KO = "ko"
    EN = "en"
    UND = "und"


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance of a conversation."""

    speaker: Speaker
    text: str


@dataclass(frozen=True, slots=True)
class Rating:
    """A number that a customer gave, on the scale it was asked on.

    `kind` is what was asked (csat, nps, ces, stars, expectation, perception, importance,
    repurchase, recommend, kano_functional, kano_dysfunctional, other); `dimension` the attribute
    that it is about ("" for the whole); `value` the raw key; `scale` an id of scales.yaml.
    """

    kind: str
    value: float
    scale: str
    dimension: str = ""


@dataclass(frozen=True, slots=True)
class Handling:
    """How the company handled the contact. Seconds; None where nobody measured."""

    wait_seconds: float | None = None
    duration_seconds: float | None = None
    transfers: int | None = None
    resolved: bool | None = None
    recovery: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contact:
    """A valid contact event (schemas/events/contact/v1.json), parsed.

    `customer_id` and `agent_id` are raw here and never leave the worker: the analyser returns
    keyed hashes. `attributes` holds every field that the schema does not know, as text.
    """

    contact_id: str
    occurred_at: datetime
    channel: Channel
    text: str = ""
    turns: tuple[Turn, ...] = ()
    language: Language | None = None
    customer_id: str = ""
    customer_tier: str = ""
    customer_value: float | None = None
    product: str = ""
    version: str = ""
    region: str = ""
    site: str = ""
    team: str = ""
    agent_id: str = ""
    campaign: str = ""
    order_id: str = ""
    order_value: float | None = None
    reply_to: str = ""
    ratings: tuple[Rating, ...] = ()
    handling: Handling = Handling()
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Volume:
    """A business count that contact rates are divided by (orders, customers, shipments ...).

    A later event with the same name, period and slice replaces the earlier one.
    """

    name: str
    period_start: datetime
    period_end: datetime
    value: float
    product: str = ""
    region: str = ""
    site: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Initiative:
    """An action that somebody owns; judged before/after on its target topics.

    `slice` narrows it to dimension values (product, region ...), `comparison` names a slice that
    the action does not touch. A later event with the same id replaces the earlier one.
    """

    initiative_id: str
    title: str
    owner: str
    started_at: datetime
    topics: tuple[str, ...]
    ended_at: datetime | None = None
    slice: Mapping[str, str] = field(default_factory=dict)
    comparison: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    withdrawn: bool = False
