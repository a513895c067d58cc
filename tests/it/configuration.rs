//! A tenant's folder under a running server: what is good is in force with the next look, what is broken changes nothing.

use crate::house::House;

const COLOUR: &str = "backgroundColor = \"#3a1030\"";
const TEMPLATE: &str = "templates/event-ticket/template.toml";

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_template_is_in_force_and_a_broken_one_keeps_the_old() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let serial = &sold.held[0].serial;
    let colour = async || house.package(serial).await.pass["backgroundColor"].clone();
    let first = colour().await;
    assert!(first.is_string());

    house.rewrite(TEMPLATE, |text| text.replace(COLOUR, "backgroundColor = \"#0a5030\"")).await;
    let second = colour().await;
    assert_ne!(second, first);

    for broken in ["[apple", "backgroundColour = \"#ffffff\"\n", "logoText = \"{event.titel}\""] {
        house
            .rewrite(TEMPLATE, |text| {
                text.replace("backgroundColor = \"#0a5030\"", "backgroundColor = \"#ffffff\"")
                    .replace("[apple]", &format!("[apple]\n# broken\n{broken}\n"))
            })
            .await;
        assert_eq!(colour().await, second, "{broken}");
        // And the house works on: a change of the ticket is built with the template that was good.
        house.stage.world.secutix().reprint(sold.movement(0), passerelle_simulator::Origin::TicketShop).await.unwrap();
        house.up_to_date(&sold).await;
        assert_eq!(house.stage.apple(&sold.held[0]).unwrap().raw["backgroundColor"], second, "{broken}");
        let undone = |text: String| {
            text.replace("backgroundColor = \"#ffffff\"", "backgroundColor = \"#0a5030\"")
                .replace(&format!("[apple]\n# broken\n{broken}\n"), "[apple]")
        };
        house.rewrite(TEMPLATE, undone).await;
        house.stage.rest().await.unwrap();
    }

    house.rewrite(TEMPLATE, |text| text.replace("#0a5030", "#3a1030")).await;
    assert_eq!(colour().await, first);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_tenant_file_keeps_the_tenant_and_a_good_one_replaces_it() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let serial = &sold.held[0].serial;
    let phone = "+41 22 555 01 00";
    let shows = async |text: &str| house.package(serial).await.pass.to_string().contains(text);
    assert!(shows(phone).await);
    house
        .rewrite("tenant.toml", |text| text.replace(phone, "+41 22 555 99 99").replace("[secutix]", "[secutixx]"))
        .await;
    assert!(shows(phone).await, "a broken file was put in force");
    house.rewrite("tenant.toml", |text| text.replace("[secutixx]", "[secutix]")).await;
    assert!(shows("+41 22 555 99 99").await);
    house.end().await;
}
