"""Telling Floyd what a person knows: facts and contacts in one go, nothing twice."""

from __future__ import annotations

from typing import Any

from worker.cli.session import Session

FACTS_AT_ONCE = 200
"""`facts:addMany` takes no more."""


async def add_facts(connection: Session, facts: list[dict[str, Any]]) -> int:
    """Add `[{text, sharing?}]`, but for those that are known word for word. How many were new."""
    known = {fact["text"] for fact in await connection.query("facts:list")}
    fresh: dict[str, dict[str, Any]] = {}
    for fact in facts:
        if fact["text"] not in known:
            fresh.setdefault(fact["text"], {"text": fact["text"], "sharing": fact.get("sharing") or "free"})
    items = list(fresh.values())
    for start in range(0, len(items), FACTS_AT_ONCE):
        await connection.mutation("facts:addMany", facts=items[start : start + FACTS_AT_ONCE])
    return len(items)


async def add_contacts(connection: Session, contacts: list[dict[str, Any]]) -> int:
    """Add `[{name, phone, aliases?, notes?}]`, but for those of a known name and number. How many were new."""
    known = {(contact["name"], contact["phone"]) for contact in await connection.query("contacts:list")}
    fresh = [contact for contact in contacts if (contact["name"], contact["phone"]) not in known]
    for contact in fresh:
        await connection.mutation(
            "contacts:add",
            name=contact["name"],
            phone=contact["phone"],
            aliases=list(contact.get("aliases") or []),
            notes=contact.get("notes") or None,
        )
    return len(fresh)
