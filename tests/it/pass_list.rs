//! Lists of passes over a real socket: pages, totals, cursors, filters and what a caller is told who got one wrong.

use std::collections::BTreeSet;

use passerelle_flow::backfill;
use passerelle_flow::store::PassSubject;
use serde_json::json;

use crate::house::{House, Reply, Sold};

const LIST: &str = "/api/demo/passes";

fn ids(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    let items = reply.json();
    items.as_array().expect("a bare array").iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn filter(field: &str, operator: &str, value: &str) -> String {
    format!("filter%5B0%5D.field={field}&filter%5B0%5D.operator={operator}&filter%5B0%5D.value={value}")
}

fn serials(sold: &Sold) -> BTreeSet<String> {
    sold.held.iter().map(|held| held.serial.clone()).collect()
}

/// Where the page's `Link` leads.
fn next(reply: &Reply) -> Option<&str> {
    let link = reply.header("link").strip_prefix('<')?;
    let (address, relation) = link.split_once('>').unwrap();
    assert_eq!(relation, "; rel=\"next\"");
    Some(address)
}

#[tokio::test(flavor = "multi_thread")]
async fn passes_are_listed_as_each_is_described_page_by_page_and_by_cursor() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada", "Mary", "Grace"]).await;
    let all = house.get(LIST).await;
    assert_eq!(all.header("x-pagination-total"), "3");
    assert_eq!(next(&all), None);
    let listed = ids(&all);
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), serials(&sold));
    for item in all.json().as_array().unwrap() {
        assert_eq!(*item, house.described(item["id"].as_str().unwrap()).await);
        assert_eq!(item["installationStatus"], "apple+google");
        assert_eq!(item["metadata"], json!({}));
    }

    let mut paged = Vec::new();
    for index in 0..3 {
        let page = house.get(&format!("{LIST}?pageSize=2&pageIndex={index}")).await;
        assert_eq!(page.header("x-pagination-total"), "3");
        assert_eq!(next(&page).is_some(), index == 0);
        paged.extend(ids(&page));
    }
    assert_eq!(paged, listed);

    let first = house.get(&format!("{LIST}?pageSize=2&{}", filter("installationStatus", "contains", "apple"))).await;
    let second = house.get(next(&first).unwrap()).await;
    assert_eq!(second.header("x-pagination-total"), "3", "counters know it");
    assert_eq!([ids(&first), ids(&second)].concat(), listed);
    assert_eq!(next(&second), None);
    // From the end on there is nothing, and the place stays.
    let end = second.header("x-pagination-cursor").to_owned();
    let rest = format!("{LIST}?pageSize=2&{}&after={end}", filter("installationStatus", "contains", "apple"));
    let rest = house.get(&rest).await;
    assert_eq!((ids(&rest).len(), rest.header("x-pagination-cursor")), (0, end.as_str()));
    assert_eq!(house.send("GET", LIST, &[], "").await.status, 401);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_the_changes_by_cursor_is_told_each_once() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada", "Mary"]).await;
    let list = format!("{LIST}?sortBy[0].field=lastUpdateDate");
    let all = house.get(&list).await;
    assert_eq!(ids(&all).len(), 2);
    let place = all.header("x-pagination-cursor").to_owned();
    let since = format!("{list}&after={place}");
    assert_eq!(ids(&house.get(&since).await).len(), 0);

    let gone = &sold.held[1];
    assert!(house.stage.iphone.remove(&gone.serial).await);
    house.advance(60_000).await;
    house.stage.rest().await.unwrap();
    let changed = house.get(&since).await;
    assert_eq!(ids(&changed), std::slice::from_ref(&gone.serial));
    assert_eq!(changed.json()[0]["installationStatus"], "google");
    assert_eq!(changed.json()[0]["providers"].as_object().unwrap().keys().collect::<Vec<_>>(), ["google"]);
    let apple = house.get(&format!("{LIST}?{}", filter("installationStatus", "contains", "apple"))).await;
    assert_eq!(ids(&apple), [sold.held[0].serial.clone()]);
    let newest = house.get(&format!("{list}&sortBy[0].direction=DESC&pageSize=1")).await;
    assert_eq!(ids(&newest), std::slice::from_ref(&gone.serial));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_find_by_what_a_pass_is_known_by_and_wrong_ones_are_all_named() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada", "Mary"]).await;
    let [ada, mary] = &sold.held[..] else { panic!("two tickets") };
    let given = json!({"identifiers": {"crm.id": "A-1"}, "metadata": {"tier": "gold"}});
    let path = format!("{LIST}/{}", ada.serial);
    assert_eq!(house.keyed("PATCH", &path, &given).await.status, 200);
    let created = house.described(&ada.serial).await["creationDate"].as_str().unwrap().to_owned();
    for (query, expected) in [
        (filter("identifiers.crm.id", "equals", "A-1"), vec![ada]),
        (filter("identifiers.crm.id", "equals", "a-1"), vec![]),
        (filter("identifiers.crm.id", "notEquals", "A-1"), vec![mary]),
        (filter("identifiers.crm.id", "startsWith", "A"), vec![ada]),
        (filter("identifiers.crm.id", "isEmpty", ""), vec![mary]),
        (filter("metadata.tier", "in", "silver,gold"), vec![ada]),
        (filter("identifiers.secutix.movementId", "equals", &mary.movement), vec![mary]),
        (filter("identifiers.secutix.contactNumber", "isNotEmpty", ""), vec![]),
        (filter("passType", "notEquals", "event-ticket"), vec![]),
        (filter("state", "equals", "void"), vec![]),
        (filter("creationDate", "lessThan", &created), vec![]),
        (
            format!(
                "{}&filter[1].field=metadata.tier&filter[1].operator=isNotEmpty",
                filter("id", "in", &format!("{},{}", ada.serial, mary.serial))
            ),
            vec![ada],
        ),
    ] {
        let found = house.get(&format!("{LIST}?{query}")).await;
        let expected: Vec<_> = expected.into_iter().map(|held| held.serial.clone()).collect();
        assert_eq!(ids(&found), expected, "{query}");
        assert_eq!(found.header("x-pagination-total"), expected.len().to_string(), "{query}");
    }
    let sorted = house.get(&format!("{LIST}?sortBy[0].field=identifiers.crm.id&sortBy[0].direction=DESC")).await;
    assert_eq!(ids(&sorted), [ada.serial.clone(), mary.serial.clone()], "what has none comes last");

    let wrong = "pageSize=0&filter[0].field=identifiers.crm.id&filter[0].operator=greaterThan&filter[0].value=1&filter[1].field=x&limit=3";
    let refused = house.get(&format!("{LIST}?{wrong}")).await;
    assert_eq!(refused.status, 400);
    let errors = refused.json()["errors"].clone();
    let names: Vec<_> = errors.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        names,
        ["filter[0].operator", "filter[1].field", "filter[1].operator", "filter[1].value", "limit", "pageSize"]
    );

    // The same walk that a backfill makes.
    let flow = &house.stage.server().unwrap().flow;
    let lacking = backfill::lacking(flow, &house.stage.tenant, "crm.id", None, 10).await.unwrap();
    assert_eq!(lacking.passes.len(), 1);
    assert_eq!(lacking.passes[0].1, PassSubject::Movement(mary.movement.clone()));
    assert_eq!(lacking.next, None);
    house.end().await;
}
