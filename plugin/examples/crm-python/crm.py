"""What is sent to the CRM: where it is, what a request to it looks like."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from wit_world.exports.types import Call, Method, Request

# The name of the tenant's credential. The host adds its value; a plugin never sees it.
CREDENTIAL = "crm"

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def crm_of(call: Call) -> str | None:
    """The base URL of the CRM, or None: the setting `crm`."""
    return dict(call.settings).get("crm")


def date_of(call: Call) -> str:
    """When the event happened, as `2027-01-21T19:00:00.000Z`. A plugin has no other clock."""
    at = EPOCH + timedelta(milliseconds=call.at)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def question_to(crm: str, name: str, path: str) -> Request:
    """A question."""
    return Request(
        name=name,
        method=Method.GET,
        url=crm + path,
        headers=[("accept", "application/json")],
        body=b"",
        credential=CREDENTIAL,
    )


def event_for(crm: str, name: str, event: dict[str, Any]) -> Request:
    """An event that the CRM is told."""
    return Request(
        name=name,
        method=Method.POST,
        url=f"{crm}/wallet-events",
        headers=[("content-type", "application/json")],
        body=json.dumps(event).encode(),
        credential=CREDENTIAL,
    )
