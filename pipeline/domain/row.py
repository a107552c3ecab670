"""What is stored of a contact."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.domain.analysis import ContactAnalysis
from pipeline.domain.contact import Contact


@dataclass(frozen=True, slots=True)
class ContactRow:
    """A contact with its reading; `scores` are its ratings in [0, 1], in the contact's order.

    Only `analysis` holds the text, the customer and the agent as they may be stored: masked and
    hashed. `contact.text`, `contact.turns`, `contact.customer_id` and `contact.agent_id` are raw.
    """

    contact: Contact
    analysis: ContactAnalysis
    scores: tuple[float, ...] = ()
