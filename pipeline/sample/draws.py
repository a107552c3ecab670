"""Who contacts whom about what and when: the numbers of a sample, drawn before any text."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.sample import causes, company
from pipeline.sample.business import expected_orders
from pipeline.sample.calendar import Calendar
from pipeline.sample.causes import Moments

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2
NO_TOPIC = len(company.TOPIC_CODES)
"""Position of what the taxonomy does not know."""

_DAY = 86_400
_RETURNS = company.TOPIC_INDEX["returns_refunds"]
_BILLING = company.TOPIC_INDEX["billing_payment"]
_APP_CHANNEL = company.CHANNELS.index("app")
_SEOUL = company.REGION_INDEX["Seoul"]
_COLD = tuple(company.TOPIC_INDEX[code] for code in ("staff_attitude", "transfer"))
_PRODUCT_TOPICS = [company.TOPIC_INDEX[code] for code in ("product_quality", "product_usability")]
_SERVED = tuple(company.CHANNELS.index(name) for name in ("call", "chat", "email", "sms", "survey"))
_OVERSHOOT = 1.03


@dataclass(frozen=True, slots=True)
class Draws:
    """Parallel columns, one entry per contact.

    `second` seconds since the calendar's first day; `other` a further topic (-1: none) with
    polarity `other_polarity`; `parent` the position of the contact it follows (-1: none); `cause`
    1 where the spike made it, 2 where the new carrier did; `chance` a uniform number of its own.
    """

    second: Ints
    region: Ints
    topic: Ints
    polarity: Ints
    channel: Ints
    product: Ints
    version: Ints
    language: Ints
    customer: Ints
    team: Ints
    other: Ints
    other_polarity: Ints
    parent: Ints
    cause: Ints
    chance: Floats

    def __len__(self) -> int:
        return len(self.second)

    def take(self, rows: Ints) -> Draws:
        """The given rows, in the given order; `parent` still counts by the old positions."""
        return Draws(**{column.name: getattr(self, column.name)[rows] for column in fields(self)})


def draw(calendar: Calendar, contacts: int, seed: int) -> Draws:
    """Exactly `contacts` contacts in time order; the same for the same arguments."""
    rng = np.random.default_rng([seed, 1])
    spike = _spike_size(contacts)
    base = _base(rng, calendar, contacts, int((contacts - spike) * _OVERSHOOT) + 2)
    burst = _burst(rng, calendar, spike)
    drawn = _with_repeats(rng, calendar, _joined(base, burst))
    return _sorted(_trimmed(rng, drawn, contacts))


def _spike_size(contacts: int) -> int:
    """Large enough to be one among the day's contacts, small enough to stay an afternoon."""
    return int(min(0.035 * contacts, 150))


def _base(rng: np.random.Generator, calendar: Calendar, contacts: int, count: int) -> Draws:
    weights = _intensity(rng, calendar, contacts)
    cells = rng.multinomial(count, (weights / weights.sum()).ravel())
    cell = np.repeat(np.arange(cells.size), cells)
    day, region, topic, polarity = (np.asarray(a) for a in np.unravel_index(cell, weights.shape))
    second = day * _DAY + _second_of_day(rng, calendar, day, region)
    carrier = (topic == company.TOPIC_INDEX["delivery"]) & (polarity == NEGATIVE)
    carrier &= region == company.REGION_INDEX["Hong Kong"]
    carrier &= second >= calendar.position(Moments.of(calendar).carrier) * _DAY
    return _described(rng, calendar, second, region, topic, polarity, np.where(carrier, 2, 0))


def _intensity(rng: np.random.Generator, calendar: Calendar, contacts: int) -> Floats:
    """(days, regions, topics, polarities): expected contacts up to a factor, causes included."""
    orders = expected_orders(calendar, contacts).sum(axis=2)
    shape = (calendar.days, len(company.REGIONS), len(company.TOPICS), 3)
    weights: Floats = np.ones(shape) * orders[:, :, None, None]
    for r, region in enumerate(company.REGIONS):
        weights[:, r] *= region.contact_factor
        weights[:, r, :, NEGATIVE] *= region.grief
        hours = calendar.hour_weights(region.offset_hours).sum(axis=1)
        weights[:, r] *= hours[:, None, None]
    for t, mix in enumerate(company.TOPICS.values()):
        weights[:, :, t] *= mix.weight * np.array(mix.shares)
    _plant(weights, calendar)
    weights *= rng.gamma(16, 1 / 16, shape[:2])[:, :, None, None]
    weights *= rng.gamma(8, 1 / 8, shape[:3])[..., None]
    return weights


def _plant(weights: Floats, calendar: Calendar) -> None:
    when = Moments.of(calendar)
    days = np.arange(calendar.days, dtype=float)
    start = calendar.position(when.carrier)
    rise = 1 + (causes.RISE - 1) * np.clip((days - start) / max(days[-1] - start, 1), 0, 1)
    hong_kong = company.REGION_INDEX["Hong Kong"]
    weights[:, hong_kong, company.TOPIC_INDEX["delivery"], NEGATIVE] *= causes.CARRIER_BASE * rise
    better = np.where(days >= calendar.position(when.callback), causes.WAIT_FACTOR, 1.0)
    shanghai = company.REGION_INDEX["Shanghai"]
    weights[:, shanghai, company.TOPIC_INDEX["wait"], NEGATIVE] *= causes.WAIT_BASE * better


def _second_of_day(rng: np.random.Generator, calendar: Calendar, day: Ints, region: Ints) -> Ints:
    hours = np.stack([calendar.hour_weights(r.offset_hours) for r in company.REGIONS], axis=1)
    rows = np.maximum(hours[day, region], 0)
    hour = _choose(rng, rows)
    whole = hour * 3600 + (rng.random(len(day)) * 3600).astype(np.int64)
    limit = int((calendar.until - calendar.since).total_seconds()) - 1
    return np.minimum(whole, limit - day * _DAY)


def _described(
    rng: np.random.Generator,
    calendar: Calendar,
    second: Ints,
    region: Ints,
    topic: Ints,
    polarity: Ints,
    cause: Ints,
) -> Draws:
    """Adds channel, product, customer and the rest to who, what and when."""
    count = len(second)
    channel = _choose(rng, _channel_table()[topic])
    customer = _customers(rng, region, count)
    team = ((customer * 2_654_435_761) >> 7) % 2
    product, version = _products(rng, calendar, second, topic)
    other, other_polarity = _others(rng, topic, polarity)
    other = np.where(np.isin(other, _PRODUCT_TOPICS) & (product == company.NO_PRODUCT), -1, other)
    drawn = Draws(
        second=second,
        region=region,
        topic=topic,
        polarity=polarity,
        channel=channel,
        product=product,
        version=version,
        language=_choose(rng, _language_table()[region]),
        customer=customer,
        team=team,
        other=other,
        other_polarity=other_polarity,
        parent=np.full(count, -1),
        cause=cause,
        chance=rng.random(count),
    )
    return _unlisted(rng, _chilled(rng, drawn))


def _chilled(rng: np.random.Generator, drawn: Draws) -> Draws:
    """The cold team's customers speak of it, often as their main subject."""
    served = np.isin(drawn.channel, _SERVED) & (drawn.region == _SEOUL) & (drawn.team == 1)
    cold = served & (drawn.cause == 0) & (rng.random(len(drawn)) < causes.COLD_SHARE)
    which = np.where(rng.random(len(drawn)) < 0.75, *_COLD)
    main = cold & ((rng.random(len(drawn)) < 0.55) | (drawn.polarity == NEUTRAL))
    return replace(
        drawn,
        topic=np.where(main, which, drawn.topic),
        polarity=np.where(main, NEGATIVE, drawn.polarity),
        other=np.where(
            cold & ~main & (drawn.topic != which), which, np.where(main, -1, drawn.other)
        ),
        other_polarity=np.where(cold, NEGATIVE, drawn.other_polarity),
        product=np.where(main & (drawn.product == company.NO_PRODUCT), 0, drawn.product),
        version=np.where(main & (drawn.product == company.NO_PRODUCT), 0, drawn.version),
    )


def _unlisted(rng: np.random.Generator, drawn: Draws) -> Draws:
    names = ("email", "social", "survey", "chat")
    written = np.isin(drawn.channel, [company.CHANNELS.index(name) for name in names])
    chosen = written & (drawn.polarity != POSITIVE) & (drawn.cause == 0)
    chosen &= rng.random(len(drawn)) < 0.055
    return replace(
        drawn,
        topic=np.where(chosen, NO_TOPIC, drawn.topic),
        polarity=np.where(chosen, NEUTRAL, drawn.polarity),
        other=np.where(chosen, -1, drawn.other),
    )


def _burst(rng: np.random.Generator, calendar: Calendar, count: int) -> Draws:
    """The spike: it swells within its first hour and ebbs in its last."""
    start = int(calendar.position(Moments.of(calendar).spike) * _DAY)
    within = rng.beta(1.8, 2.2, count) * causes.SPIKE_HOURS * 3600
    region = np.where(rng.random(count) < 0.6, _SEOUL, company.REGION_INDEX["Taipei"])
    zeros = np.zeros(count, dtype=np.int64)
    end = int((calendar.until - calendar.since).total_seconds()) - 1
    second = np.minimum(start + within.astype(np.int64), end)
    topic = np.full(count, _BILLING)
    drawn = _described(rng, calendar, second, region, topic, zeros + NEGATIVE, zeros + 1)
    return replace(
        drawn,
        channel=np.full(count, _APP_CHANNEL),
        product=np.full(count, company.NO_PRODUCT),
        version=zeros + 1,
        language=zeros,
        other=zeros - 1,
    )


def _with_repeats(rng: np.random.Generator, calendar: Calendar, drawn: Draws) -> Draws:
    """Adds the contacts that follow an unsolved one within the week, up to three generations."""
    rows = np.arange(len(drawn))
    end = int((calendar.until - calendar.since).total_seconds())
    for _ in range(3):
        share = np.where(drawn.topic[rows] == _RETURNS, causes.REPEAT_RETURNS, causes.REPEAT_OTHERS)
        share = np.where(drawn.topic[rows] == NO_TOPIC, 0, share)
        share = np.where(drawn.polarity[rows] == POSITIVE, 0, share)
        parents = rows[rng.random(len(rows)) < share]
        later = drawn.second[parents] + (rng.uniform(0.3, 6.6, len(parents)) * _DAY).astype(int)
        parents, later = parents[later < end], later[later < end]
        rows = np.arange(len(drawn), len(drawn) + len(parents))
        drawn = _joined(drawn, _followed(rng, drawn.take(parents), parents, later))
    return drawn


def _followed(rng: np.random.Generator, first: Draws, parents: Ints, second: Ints) -> Draws:
    count = len(parents)
    asking = rng.random(count) < 0.15
    spoken = [company.CHANNELS.index(name) for name in ("call", "chat", "email")]
    return replace(
        first,
        second=second,
        polarity=np.where(asking, NEUTRAL, NEGATIVE),
        channel=rng.choice(spoken, count),
        other=np.full(count, -1),
        parent=parents,
        cause=np.zeros(count, dtype=np.int64),
        chance=rng.random(count),
    )


def _joined(first: Draws, second: Draws) -> Draws:
    names = [column.name for column in fields(first)]
    return Draws(
        **{name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in names}
    )


def _trimmed(rng: np.random.Generator, drawn: Draws, contacts: int) -> Draws:
    """Drops single contacts, never the spike or a chain, until `contacts` are left."""
    linked = np.zeros(len(drawn), dtype=bool)
    linked[drawn.parent[drawn.parent >= 0]] = True
    single = np.flatnonzero(~linked & (drawn.parent < 0) & (drawn.cause != 1))
    surplus = len(drawn) - contacts
    dropped = rng.permutation(single)[:surplus]
    return _reindexed(drawn, np.setdiff1d(np.arange(len(drawn)), dropped)[:contacts])


def _sorted(drawn: Draws) -> Draws:
    return _reindexed(drawn, np.argsort(drawn.second, kind="stable"))


def _reindexed(drawn: Draws, rows: Ints) -> Draws:
    position = np.full(len(drawn) + 1, -1)
    position[rows] = np.arange(len(rows))
    return replace(drawn.take(rows), parent=position[drawn.parent[rows]])


def _customers(rng: np.random.Generator, region: Ints, count: int) -> Ints:
    """Some customers write more often than others; a region's customers are its own."""
    pools = np.array([max(20, int(r.orders * count * 1.1)) for r in company.REGIONS])
    within = (pools[region] * rng.random(count) ** 1.3).astype(np.int64)
    return region * 10_000_000 + within


def _products(
    rng: np.random.Generator, calendar: Calendar, second: Ints, topic: Ints
) -> tuple[Ints, Ints]:
    shares = np.array([product.share for product in company.PRODUCTS])
    product = rng.choice(len(shares), len(second), p=shares / shares.sum())
    app = np.array([mix.app for mix in company.TOPICS.values()])
    product = np.where(rng.random(len(second)) < app[topic], company.NO_PRODUCT, product)
    newer = rng.random(len(second)) < 0.45
    released = int(calendar.position(Moments.of(calendar).release) * _DAY)
    updated = (second >= released) & (rng.random(len(second)) < 0.6)
    is_app = product == company.NO_PRODUCT
    return product, np.where(is_app, updated, newer).astype(np.int64)


def _others(rng: np.random.Generator, topic: Ints, polarity: Ints) -> tuple[Ints, Ints]:
    """A second subject for every fifth contact; a quarter of them of the other mood."""
    count = len(topic)
    table = np.array(
        [[company.TOPIC_INDEX[code] for code in mix.next] for mix in company.TOPICS.values()]
    )
    chosen = (rng.random(count) < 0.2) & (polarity != NEUTRAL)
    turned = rng.random(count) < 0.28
    other = np.where(chosen, table[topic, rng.integers(0, table.shape[1], count)], -1)
    return other, np.where(turned, 2 - polarity, polarity)


def _channel_table() -> Floats:
    return np.array([company.channel_weights(code) for code in company.TOPIC_CODES])


def _language_table() -> Floats:
    """(regions, 3): weights of a region's languages in its own order."""
    table = np.zeros((len(company.REGIONS), 3))
    for r, region in enumerate(company.REGIONS):
        table[r, : len(region.languages)] = list(region.languages.values())
    return table


def _choose(rng: np.random.Generator, weights: Floats) -> Ints:
    """One column per row of `weights`, with that row's probabilities."""
    edges = np.cumsum(weights, axis=1)
    picks = rng.random(len(weights)) * edges[:, -1]
    chosen: Ints = np.minimum((picks[:, None] >= edges).sum(axis=1), weights.shape[1] - 1)
    return chosen
