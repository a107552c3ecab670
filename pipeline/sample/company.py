"""Moonquay, a retailer that does not exist: shops in six cities and an app.

Weights are relative within their table; nothing here is measured on a real company.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

APP = "Moonquay App"
APP_VERSIONS = ("5.3.2", "5.4.0")

CHANNELS = ("call", "chat", "email", "survey", "ivr", "review", "social", "store", "app", "sms")
_CHANNEL_SHARES = (0.21, 0.20, 0.11, 0.14, 0.07, 0.11, 0.05, 0.04, 0.04, 0.03)
_CHANNEL_LEANS: Mapping[str, Mapping[str, float]] = {
    "facilities": {"store": 5, "review": 2, "call": 0.4, "app": 0.3},
    "product_quality": {"review": 2.5, "ivr": 0.5},
    "product_usability": {"review": 1.6, "chat": 1.3, "ivr": 0.4},
    "app_website": {"app": 6, "review": 1.6, "store": 0.1},
    "billing_payment": {"app": 2.5, "chat": 1.3, "review": 0.3},
    "account_security": {"email": 1.6, "app": 2, "review": 0.3, "store": 0.2},
    "staff_attitude": {"store": 2, "survey": 1.5, "app": 0.3},
    "wait": {"call": 1.6, "ivr": 1.5, "store": 1.5},
    "returns_refunds": {"chat": 1.4, "email": 1.4, "review": 0.6},
}
"""How much more often than usual a topic comes through a channel."""


@dataclass(frozen=True, slots=True)
class Region:
    """A market. `contact_factor` multiplies contacts per order, `grief` the share of complaints."""

    name: str
    offset_hours: int
    orders: float
    languages: Mapping[str, float]
    stores: tuple[str, ...]
    contact_factor: float = 1.0
    grief: float = 1.0


REGIONS = (
    Region("Seoul", 9, 0.29, {"ko": 0.95, "en": 0.05}, ("Seongsu", "Gangnam")),
    Region("Taipei", 8, 0.20, {"zh-Hant": 0.95, "en": 0.05}, ("Xinyi", "Zhongshan")),
    Region(
        "Hong Kong",
        8,
        0.13,
        {"zh-Hant": 0.76, "en": 0.20, "zh-Hans": 0.04},
        ("Causeway Bay", "Mong Kok"),
    ),
    Region("Shanghai", 8, 0.19, {"zh-Hans": 0.96, "en": 0.04}, ("Jing'an", "Xuhui")),
    Region("Singapore", 8, 0.06, {"en": 0.74, "zh-Hans": 0.26}, ("Orchard",), 1.25, 1.35),
    Region("London", 0, 0.13, {"en": 0.94, "und": 0.06}, ("Camden", "Shoreditch")),
)
REGION_INDEX = {region.name: index for index, region in enumerate(REGIONS)}


@dataclass(frozen=True, slots=True)
class Product:
    """Something that is sold; `key` and `groups` decide which sentences fit it."""

    key: str
    name: str
    groups: frozenset[str]
    versions: tuple[str, ...]
    price_usd: float
    share: float


_WIRELESS = frozenset({"gadget", "wireless", "durable"})
_MACHINE = frozenset({"gadget", "machine", "durable"})
_WEAR = frozenset({"wear", "durable"})

PRODUCTS = (
    Product("cooker", "Dapple rice cooker", _MACHINE, ("DC-10", "DC-20"), 119, 0.13),
    Product("earbuds", "Finch earbuds", _WIRELESS, ("F2", "F3"), 89, 0.18),
    Product("vacuum", "Puddle robot vacuum", _MACHINE | _WIRELESS, ("P1", "P2"), 259, 0.10),
    Product("purifier", "Cirrus air purifier", _MACHINE | _WIRELESS, ("C1", "C2"), 149, 0.09),
    Product("runners", "Kestrel runners", _WEAR, ("K7", "K8"), 79, 0.15),
    Product("jacket", "Alder down jacket", _WEAR, ("2025", "2026"), 139, 0.09),
    Product("coffee", "Slow Harbour coffee", frozenset({"edible"}), ("L2509", "L2510"), 19, 0.13),
    Product("cream", "Dew day cream", frozenset({"care"}), ("1", "2"), 29, 0.08),
    Product("chair", "Perch desk chair", frozenset({"seat", "durable"}), ("M", "L"), 189, 0.05),
)
NO_PRODUCT = len(PRODUCTS)
"""Position of the app, which is nothing one orders."""

TIERS = ("basic", "silver", "gold", "platinum")
TIER_SHARES = (0.56, 0.27, 0.13, 0.04)
TIER_VALUES = (180.0, 520.0, 1400.0, 4200.0)

CAMPAIGNS = ("spring-sale", "members-week", "app-coupon")


@dataclass(frozen=True, slots=True)
class TopicMix:
    """How often a topic is the main reason, and the shares of negative, neutral, positive.

    `app` is the probability that it is about the app; `next` are topics that come along.
    """

    weight: float
    shares: tuple[float, float, float]
    app: float = 0.0
    next: tuple[str, ...] = ()


TOPICS: Mapping[str, TopicMix] = {
    "wait": TopicMix(0.085, (0.74, 0.08, 0.18), 0.0, ("staff_attitude", "transfer")),
    "transfer": TopicMix(0.030, (0.84, 0.08, 0.08), 0.0, ("wait", "resolution")),
    "staff_attitude": TopicMix(0.075, (0.36, 0.06, 0.58), 0.0, ("resolution", "wait")),
    "staff_competence": TopicMix(0.035, (0.48, 0.10, 0.42), 0.0, ("resolution", "information")),
    "resolution": TopicMix(0.060, (0.62, 0.10, 0.28), 0.0, ("staff_attitude", "wait")),
    "product_quality": TopicMix(0.120, (0.44, 0.10, 0.46), 0.0, ("price_value", "delivery")),
    "product_usability": TopicMix(
        0.085, (0.30, 0.36, 0.34), 0.0, ("product_quality", "price_value")
    ),
    "delivery": TopicMix(0.135, (0.48, 0.20, 0.32), 0.0, ("information", "product_quality")),
    "order_accuracy": TopicMix(0.050, (0.74, 0.16, 0.10), 0.0, ("delivery", "returns_refunds")),
    "price_value": TopicMix(0.055, (0.40, 0.18, 0.42), 0.05, ("product_quality", "promise")),
    "billing_payment": TopicMix(0.050, (0.60, 0.32, 0.08), 0.35, ("information", "wait")),
    "returns_refunds": TopicMix(0.075, (0.58, 0.28, 0.14), 0.0, ("wait", "information")),
    "promise": TopicMix(0.035, (0.80, 0.12, 0.08), 0.15, ("price_value", "product_quality")),
    "app_website": TopicMix(0.060, (0.60, 0.14, 0.26), 0.85, ("billing_payment", "wait")),
    "account_security": TopicMix(0.025, (0.56, 0.34, 0.10), 0.7, ("app_website", "information")),
    "policy_process": TopicMix(
        0.025, (0.52, 0.32, 0.16), 0.1, ("returns_refunds", "staff_attitude")
    ),
    "facilities": TopicMix(0.040, (0.44, 0.14, 0.42), 0.0, ("staff_attitude", "wait")),
    "information": TopicMix(0.040, (0.50, 0.34, 0.16), 0.15, ("delivery", "resolution")),
}
TOPIC_CODES = tuple(TOPICS)
TOPIC_INDEX = {code: index for index, code in enumerate(TOPIC_CODES)}

CARRIER_OLD = "Northline"
CARRIER_NEW = "Swiftcrate"


def channel_weights(topic: str) -> list[float]:
    """Relative frequency of each of `CHANNELS` for a topic."""
    leans = _CHANNEL_LEANS.get(topic, {})
    return [
        share * leans.get(name, 1) for name, share in zip(CHANNELS, _CHANNEL_SHARES, strict=True)
    ]


def team_of(region: str, second: bool, /) -> str:  # noqa: FBT001 - two teams per market
    """The two care teams of a market."""
    return f"{region} Care {'B' if second else 'A'}"
