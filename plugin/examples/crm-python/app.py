"""The example plugin `crm`: which template a product gets, what a pass says of its holder, and what the CRM is told.

Each class is one interface of wit/tenant/tenant.wit. A plugin that wants fewer hooks has fewer. A hook is called anew, in a fresh instance,
whenever there are more answers: nothing that a variable of a module holds is there the next time.

What a hook returns is its decision, and `Err(fault)` that it raises is its fault. Any other exception is a bug and ends the instance.
"""

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.choose_template import Candidate, Choice, Choice_Chosen, Choice_Default
from wit_world.exports.on_order_changed import OrderChanged
from wit_world.exports.on_pass_installed import Installed
from wit_world.exports.on_pass_uninstalled import Uninstalled
from wit_world.exports.shape_payload import Shaping, Shaping_Ask, Shaping_Unchanged, Shaping_Variables, Subject
from wit_world.exports.types import Call, Fault_Reject, Fault_Retry, Turn, Turn_Ask, Turn_Deliver

from crm import crm_of, date_of, event_for
from customer import Ask, Customer, Failed, look_up


class ChooseTemplate(exports.ChooseTemplate):
    def choose(self, call: Call, candidate: Candidate) -> Choice:
        settings = dict(call.settings)
        product = dict(candidate.selectors).get("product")
        vip_products = [code.strip() for code in settings.get("vip_products", "").split(",")]
        vip_template = settings.get("vip_template")

        # There is no product, or an empty one, where SecuTix does not say it; and an empty list splits into one empty code.
        if product and product in vip_products and vip_template in candidate.templates:
            return Choice_Chosen(vip_template)
        return Choice_Default()


class ShapePayload(exports.ShapePayload):
    def shape(self, call: Call, subject: Subject) -> Shaping:
        crm = crm_of(call)
        if not crm or subject.pass_.kind != "eventTicket":
            return Shaping_Unchanged()

        match look_up(call, subject.pass_, crm):
            case Ask(requests):
                return Shaping_Ask(requests)
            case Failed():
                return Shaping_Unchanged()
            case Customer(tier=tier):
                return Shaping_Variables([("tier", tier)] if tier else [])


class OnPassInstalled(exports.OnPassInstalled):
    def notify(self, call: Call, event: Installed) -> Turn:
        return tell_of_wallet(call, event, "installed")


class OnPassUninstalled(exports.OnPassUninstalled):
    def notify(self, call: Call, event: Uninstalled) -> Turn:
        return tell_of_wallet(call, event, "removed")


class OnOrderChanged(exports.OnOrderChanged):
    def notify(self, call: Call, event: OrderChanged) -> Turn:
        crm = needed_crm_of(call)
        return Turn_Deliver([
            event_for(crm, f"change-{index}", {
                "event": change.action,
                "passId": change.pass_.id,
                "passType": change.pass_.template,
                "useCase": change.use_case,
                "fields": change.fields,
                "at": date_of(call),
            })
            for index, change in enumerate(event.changes)
        ])


def tell_of_wallet(call: Call, event: Installed | Uninstalled, what: str) -> Turn:
    crm = needed_crm_of(call)
    match look_up(call, event.pass_, crm):
        case Ask(requests):
            return Turn_Ask(requests)
        case Failed(transient=True):
            raise Err(Fault_Retry())
        case Failed():
            # What cannot be found out is left out: the CRM wants to know of the wallet all the same.
            customer = Customer()
        case Customer() as customer:
            pass

    return Turn_Deliver([
        event_for(crm, "wallet-event", {
            "event": what,
            "passId": event.pass_.id,
            "passType": event.pass_.template,
            "wallet": event.wallet.name.lower(),
            "walletStatus": event.wallet_status,
            "customerId": customer.id,
            "tier": customer.tier,
            "at": date_of(call),
        })
    ])


def needed_crm_of(call: Call) -> str:
    crm = crm_of(call)
    if not crm:
        raise Err(Fault_Reject("the setting crm is missing"))
    return crm
