"""Which words of a contact are the customer's."""

from __future__ import annotations

from pipeline.domain.contact import Contact, Speaker


def customer_text(contact: Contact) -> str:
    """The customer's turns, a line break between two; `text` where a contact has no turns.

    Nothing else is classified or stored: what an agent, bot or system says is not the customer's
    opinion, and what nobody stores cannot leak.
    """
    if not contact.turns:
        return contact.text
    return "\n".join(turn.text for turn in contact.turns if turn.speaker is Speaker.CUSTOMER)
