"""What the venue decides for itself. Each hook is a function from values to values: no network, no files, no clock but `call.at`. What it wants
sent, it returns, and the host sends it.

Each class is one interface of wit/deps/tenant/tenant.wit, its name in PascalCase, and stands in wit/world.wit as well.
"""

import json
from datetime import datetime, timedelta, timezone

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.on_pass_installed import Installed
from wit_world.exports.types import Call, Fault_Reject, Method, Request, Turn, Turn_Deliver

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class OnPassInstalled(exports.OnPassInstalled):
    """A pass came into a wallet: the CRM is told."""

    def notify(self, call: Call, event: Installed) -> Turn:
        # `[plugin.settings]` of the tenant's configuration. Lists of pairs are read as a `dict`.
        crm = dict(call.settings).get("crm")
        if not crm:
            # A fault is raised as `Err`. Any other exception is a bug, and ends the call.
            raise Err(Fault_Reject("the setting crm is missing"))

        at = EPOCH + timedelta(milliseconds=call.at)
        body = {
            "event": "installed",
            "passId": event.pass_.id,
            "passType": event.pass_.template,
            "movementId": dict(event.pass_.identifiers).get("secutix.movementId"),
            "wallet": event.wallet.name.lower(),
            "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        request = Request(
            name="wallet-event",
            method=Method.POST,
            url=f"{crm}/wallet-events",
            headers=[("content-type", "application/json")],
            body=json.dumps(body).encode(),
            # One of `[plugin.credentials]`; the host adds its value.
            credential="crm",
        )
        return Turn_Deliver([request])


# To know something first, return `Turn_Ask([request])`. The hook is called again, from its start, with the answer:
#
#     answers = {answer.name: answer.outcome for answer in call.answers}
#     match answers.get("customer"):
#         case None:
#             return Turn_Ask([Request("customer", Method.GET, url, [], b"", "crm")])
#         case Ok(response):
#             ...
#         case Err(failure):
#             ...

# The other hooks have the host's defaults until they are written here, and named in wit/world.wit:
#
#     class OnPassUninstalled(exports.OnPassUninstalled):
#         def notify(self, call: Call, event: Uninstalled) -> Turn: ...
#     class OnOrderChanged(exports.OnOrderChanged):
#         def notify(self, call: Call, event: OrderChanged) -> Turn: ...
#     class ChooseTemplate(exports.ChooseTemplate):
#         def choose(self, call: Call, candidate: Candidate) -> Choice: ...
#     class ShapePayload(exports.ShapePayload):
#         def shape(self, call: Call, subject: Subject) -> Shaping: ...
