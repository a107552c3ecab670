"""The sample company's business counts and its initiatives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.sample import company
from pipeline.sample.calendar import Calendar
from pipeline.sample.causes import SINGAPORE_GROWTH, Moments

CONTACTS_PER_ORDER = 0.03


def expected_orders(calendar: Calendar, contacts: int) -> NDArray[np.float64]:
    """(days, regions, products): orders a day, so that about 3 % of them bring a contact."""
    regions = np.array([region.orders for region in company.REGIONS])
    products = np.array([product.share for product in company.PRODUCTS])
    growth = np.ones((calendar.days, len(regions)))
    ramp = np.clip(np.linspace(-0.35, 1.15, calendar.days), 0, 1)
    growth[:, company.REGION_INDEX["Singapore"]] += (SINGAPORE_GROWTH - 1) * ramp
    daily = calendar.weekday_factors()[:, None] * growth * regions
    total = contacts / CONTACTS_PER_ORDER
    shares: NDArray[np.float64] = products / products.sum()
    orders: NDArray[np.float64] = (total * daily / daily.sum())[:, :, None] * shares
    return orders


def volume_events(calendar: Calendar, contacts: int, seed: int) -> Iterator[dict[str, Any]]:
    """`orders` by day, region and product, and `customers` by day and region."""
    rng = np.random.default_rng([seed, 2])
    expected = expected_orders(calendar, contacts)
    open_share = np.ones(calendar.days)
    open_share[-1] = calendar.hour_weights(0)[-1].sum() / calendar.hour_weights(0)[0].sum()
    orders = rng.poisson(expected * open_share[:, None, None])
    for day in range(calendar.days):
        end = min(calendar.day(day + 1), calendar.until)
        period = {"period_start": calendar.day(day).isoformat(), "period_end": end.isoformat()}
        for r, region in enumerate(company.REGIONS):
            for p, product in enumerate(company.PRODUCTS):
                value = float(orders[day, r, p])
                where = {"product": product.name, "region": region.name}
                yield {"name": "orders", **period, "value": value, **where}
            customers = float(round(orders[day, r].sum() * 0.93))
            yield {"name": "customers", **period, "value": customers, "region": region.name}


def initiative_events(calendar: Calendar) -> Iterator[dict[str, Any]]:
    """One that worked, one without effect, one that is too recent to judge."""
    when = Moments.of(calendar)
    yield {
        "initiative_id": "callback-instead-of-holding",
        "title": "Call back instead of holding the line",
        "owner": "contact-centre operations",
        "started_at": when.callback.isoformat(),
        "topics": ["wait"],
        "slice": {"region": "Shanghai"},
        "comparison": {"region": "Seoul"},
        "note": "Callers leave their number and are called back in order.",
    }
    yield {
        "initiative_id": "help-pages-rewritten",
        "title": "Help pages rewritten",
        "owner": "communications",
        "started_at": when.help_pages.isoformat(),
        "topics": ["information"],
        "slice": {"region": "Seoul"},
        "comparison": {"region": "Taipei"},
    }
    yield {
        "initiative_id": "refunds-in-48-hours",
        "title": "Refunds within 48 hours",
        "owner": "customer care",
        "started_at": (when.fast_refunds + timedelta(hours=1)).isoformat(),
        "topics": ["returns_refunds"],
        "slice": {"region": "Taipei"},
        "comparison": {"region": "Shanghai"},
        "note": "Began in the last days of the data.",
    }
