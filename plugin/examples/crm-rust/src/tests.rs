//! The hooks, called as the host calls them: round by round. The built plugin plays the cases of `plugin/examples/cases` as well.

use passerelle_plugin::{
    Call, Candidate, Change, Choice, Failure, Fault, Installed, Method, OrderChanged, Pass, Plugin, Request, Shaping,
    Subject, Turn, Uninstalled, Value, Wallet, json, parse_json, testing,
};

use crate::Crm;

const CRM: (&str, &str) = ("crm", "https://crm.example");

fn ticket() -> Pass {
    testing::pass([("secutix.movementId", "47 11")])
}

fn subject(pass: Pass) -> Subject {
    Subject { pass, ticket: b"{}".to_vec(), events: Vec::new() }
}

fn installed(pass: Pass) -> Installed {
    Installed { pass, wallet: Wallet::Apple, active_registrations: 1, wallet_status: "apple".into(), fields: vec![] }
}

/// Without an answer, and with each that a CRM may give.
fn known() -> Call {
    testing::answered(testing::call([CRM]), "customer", 200, &json!({ "customerId": "C-7", "tier": "gold" }))
}

fn status(status: u16) -> Call {
    testing::answered(testing::call([CRM]), "customer", status, &Value::Null)
}

fn failure(failure: Failure) -> Call {
    testing::failed(testing::call([CRM]), "customer", failure)
}

fn the_question() -> Request {
    Request::get("customer", "https://crm.example/customers?movement=47%2011")
        .header("accept", "application/json")
        .credential("crm")
}

/// Name and body of each delivery; all of them go to the same place in the same way.
fn delivered(turn: Result<Turn, Fault>) -> Vec<(String, Value)> {
    let Ok(Turn::Deliver(requests)) = turn else { panic!("{turn:?}") };
    let told = requests.into_iter().map(|request| {
        assert_eq!((request.method, request.url.as_str()), (Method::Post, "https://crm.example/wallet-events"));
        assert_eq!(request.headers, [("content-type".to_owned(), "application/json".to_owned())]);
        assert_eq!(request.credential.as_deref(), Some("crm"));
        (request.name, parse_json(&request.body).unwrap())
    });
    told.collect()
}

#[test]
fn a_listed_product_gets_the_template_where_there_is_one() {
    let choose = |settings, product: &str, templates: &[&str]| {
        let candidate = Candidate {
            kind: "eventTicket".to_owned(),
            selectors: vec![("product".to_owned(), product.to_owned())],
            templates: templates.iter().map(|&template| template.to_owned()).collect(),
            default: "concert".to_owned(),
        };
        Crm::choose_template(&testing::call(settings), &candidate).unwrap()
    };
    let settings = [("vip_products", "GALA , PREMIERE"), ("vip_template", "vip")];
    let vip = Choice::Chosen("vip".to_owned());
    assert_eq!(choose(settings, "GALA", &["concert", "vip"]), vip);
    assert_eq!(choose(settings, "PREMIERE", &["concert", "vip"]), vip);
    assert_eq!(choose(settings, "MATINEE", &["concert", "vip"]), Choice::Default);
    assert_eq!(choose(settings, "GALA", &["concert"]), Choice::Default);
    assert_eq!(choose([("vip_products", ""), ("vip_template", "vip")], "", &["vip"]), Choice::Default);
    assert_eq!(choose([("vip_products", "GALA"), CRM], "GALA", &["vip"]), Choice::Default);
}

#[test]
fn a_ticket_shows_the_tier_once_the_crm_has_answered() {
    let shape = |call| Crm::shape_payload(&call, &subject(ticket())).unwrap();
    assert_eq!(shape(testing::call([CRM])), Shaping::Ask(vec![the_question()]));
    assert_eq!(shape(known()), Shaping::Variables(vec![("tier".to_owned(), "gold".to_owned())]));
    for nobody in [json!({ "customerId": "C-7" }), json!({ "tier": "" }), json!({ "tier": 1 }), json!("gold")] {
        let call = testing::answered(testing::call([CRM]), "customer", 200, &nobody);
        assert_eq!(shape(call), Shaping::Variables(vec![]), "{nobody}");
    }
    assert_eq!(shape(status(404)), Shaping::Variables(vec![]));
}

#[test]
fn what_the_crm_cannot_say_leaves_the_ticket_as_it_is() {
    let shape = |call, pass| Crm::shape_payload(&call, &subject(pass)).unwrap();
    for call in [status(500), status(429), status(204), failure(Failure::TimedOut), failure(Failure::Denied)] {
        assert_eq!(shape(call, ticket()), Shaping::Unchanged);
    }
    assert_eq!(shape(testing::call([]), ticket()), Shaping::Unchanged);
    assert_eq!(shape(known(), Pass { kind: "customerCard".to_owned(), ..ticket() }), Shaping::Unchanged);
}

#[test]
fn a_pass_without_a_movement_is_nobodys_and_nobody_is_asked() {
    assert_eq!(Crm::shape_payload(&testing::call([CRM]), &subject(testing::pass([]))), Ok(Shaping::Variables(vec![])));
    let told = delivered(Crm::on_pass_installed(&testing::call([CRM]), &installed(testing::pass([]))));
    assert_eq!(told[0].1["customerId"], Value::Null);
}

#[test]
fn an_install_is_told_with_the_customer() {
    let event = installed(ticket());
    assert_eq!(Crm::on_pass_installed(&testing::call([CRM]), &event), Ok(Turn::Ask(vec![the_question()])));
    let body = json!({
        "event": "installed", "passId": "aB3xZ", "passType": "concert", "wallet": "apple", "walletStatus": "apple",
        "customerId": "C-7", "tier": "gold", "at": "2027-01-21T19:00:00.000Z",
    });
    assert_eq!(delivered(Crm::on_pass_installed(&known(), &event)), [("wallet-event".to_owned(), body)]);
}

#[test]
fn a_removal_is_told_with_the_customer() {
    let event = Uninstalled {
        pass: ticket(),
        wallet: Wallet::Google,
        active_registrations: 0,
        wallet_status: "none".to_owned(),
        fields: vec![],
    };
    assert_eq!(Crm::on_pass_uninstalled(&testing::call([CRM]), &event), Ok(Turn::Ask(vec![the_question()])));
    let body = json!({
        "event": "removed", "passId": "aB3xZ", "passType": "concert", "wallet": "google", "walletStatus": "none",
        "customerId": "C-7", "tier": "gold", "at": "2027-01-21T19:00:00.000Z",
    });
    assert_eq!(delivered(Crm::on_pass_uninstalled(&known(), &event)), [("wallet-event".to_owned(), body)]);
}

#[test]
fn a_busy_crm_is_told_later_and_another_without_the_customer() {
    let event = installed(ticket());
    let later = [Failure::OverBudget, Failure::Unreachable, Failure::TimedOut].map(failure);
    for call in later.into_iter().chain([status(429), status(503)]) {
        assert_eq!(Crm::on_pass_installed(&call, &event), Err(Fault::Retry));
    }
    let without = [Failure::Denied, Failure::TooLarge].map(failure);
    for call in without.into_iter().chain([status(404), status(401), status(500), status(200)]) {
        let told = delivered(Crm::on_pass_installed(&call, &event));
        assert_eq!((&told[0].1["customerId"], &told[0].1["tier"]), (&Value::Null, &Value::Null));
    }
}

#[test]
fn each_change_of_an_order_is_told_without_asking() {
    let change = |action: &str| Change {
        pass: ticket(),
        action: action.to_owned(),
        use_case: "seat-change".to_owned(),
        reason: "seat-changed".to_owned(),
        fields: vec!["seat".to_owned(), "row".to_owned()],
    };
    let event = OrderChanged { file: None, order: None, changes: vec![change("updated"), change("voided")] };
    let told = delivered(Crm::on_order_changed(&testing::call([CRM]), &event));
    let body = |event: &str| {
        json!({
            "event": event, "passId": "aB3xZ", "passType": "concert", "useCase": "seat-change",
            "fields": ["seat", "row"], "at": "2027-01-21T19:00:00.000Z",
        })
    };
    assert_eq!(told, [("change-0".to_owned(), body("updated")), ("change-1".to_owned(), body("voided"))]);
}

#[test]
fn without_its_address_the_crm_is_told_nothing_and_the_operator_why() {
    let call = testing::call([]);
    let missing = Err(Fault::Reject("the setting crm is missing".to_owned()));
    assert_eq!(Crm::on_pass_installed(&call, &installed(ticket())), missing);
    let event = OrderChanged { file: None, order: None, changes: vec![] };
    assert_eq!(Crm::on_order_changed(&call, &event), missing);
}
