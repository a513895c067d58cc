"""Who holds a pass, as far as the CRM knows."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from componentize_py_types import Err, Ok
from wit_world.exports.types import Call, Failure, Pass, Request, Response

from crm import question_to

QUESTION = "customer"


@dataclass(frozen=True)
class Ask:
    """The question that the host is to put first."""

    requests: list[Request]


@dataclass(frozen=True)
class Failed:
    """No answer that could be used."""

    # It may go better later.
    transient: bool


@dataclass(frozen=True)
class Customer:
    """What is not known is None."""

    id: str | None = None
    tier: str | None = None


def look_up(call: Call, pass_: Pass, crm: str) -> Ask | Failed | Customer:
    movement = dict(pass_.identifiers).get("secutix.movementId")
    if movement is None:
        return Customer()

    answers = {answer.name: answer.outcome for answer in call.answers}
    match answers.get(QUESTION):
        case None:
            return Ask([question_to(crm, QUESTION, f"/customers?movement={quote(movement, safe='')}")])
        case Err(failure):
            return Failed(transient=failure in (Failure.UNREACHABLE, Failure.TIMED_OUT, Failure.OVER_BUDGET))
        case Ok(Response(status=200, body=body)):
            return customer_in(body)
        case Ok(Response(status=404)):
            return Customer()
        case Ok(response):
            return Failed(transient=response.status in (429, 503))


def customer_in(body: bytes) -> Customer:
    fields = object_in(body)
    return Customer(id=text_or_none(fields.get("customerId")), tier=text_or_none(fields.get("tier")))


def object_in(body: bytes) -> dict[str, Any]:
    """The JSON object that it is; an empty one where it is something else."""
    try:
        # Decoded first: `json.loads` would guess an encoding, and JSON has one.
        value = json.loads(body.decode())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
