"""Kafka keys: all events that repeat or replace one another share a partition, in their order.

Whoever produces uses the same keys. A contact's is its own id and not its customer's: a contact
that is sent twice is then met twice by the same worker, which stores it once; with the customer's
id, a correction of that id would take the second copy to another worker, unseen. Contacts need no
order among themselves, the warehouse knows when they occurred.
"""

from __future__ import annotations

import orjson

from pipeline.domain.contact import Contact, Initiative, Volume


def contact_key(contact: Contact) -> bytes:
    """The contact's id."""
    return contact.contact_id.encode()


def volume_key(volume: Volume) -> bytes:
    """Name, period and slice: a later event of the same key replaces the earlier one."""
    period = (volume.period_start.isoformat(), volume.period_end.isoformat())
    return orjson.dumps(
        [volume.name, *period, volume.product, volume.region, volume.site, volume.channel]
    )


def initiative_key(initiative: Initiative) -> bytes:
    """The initiative's id."""
    return initiative.initiative_id.encode()
