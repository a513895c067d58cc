//! A tenant's folder under a running server: what is good is in force with the next look, what is broken changes nothing.

use passerelle_simulator::{KeyKind, PassCertificate};

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

/// A phone that gets the pass anew verifies it to the authority.
async fn signs(house: &House, serial: &str) {
    let link = house.described(serial).await["links"]["apple"].as_str().unwrap().to_owned();
    house.stage.world.iphone("another").add(&link).await.unwrap();
    house.stage.world.iphone("another").wipe();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_or_certificate_that_does_not_do_leaves_the_one_that_does_in_force() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let serial = &sold.held[0].serial;
    let apple = house.folder.path().join("tenants/demo/apple");
    let world = &house.stage.world;
    let issue = |days_left: i64| {
        let now = jiff::Timestamp::now();
        let wanted = PassCertificate {
            pass_type: world.pass_type().to_owned(),
            team: world.team().to_owned(),
            key: KeyKind::Rsa2048,
            not_before: now - jiff::SignedDuration::from_hours(24 * 400),
            not_after: now + jiff::SignedDuration::from_hours(24 * days_left),
        };
        world.authority().pass_certificate(&wanted).unwrap()
    };
    let (key, certificate) = (apple.join("pass.key"), apple.join("pass.pem"));
    let ended = issue(-1);

    // A reload that has signed nothing yet: what is in force must not be looked up at the first signature.
    house.rewrite("tenant.toml", |text| format!("{text}\n# looked at\n")).await;
    std::fs::write(&key, &ended.key_pem).unwrap();
    house.rewrite("tenant.toml", |text| text).await;
    signs(&house, serial).await;
    // With the certificate that it belongs to, and which has ended.
    std::fs::write(&certificate, &ended.certificate_pem).unwrap();
    house.rewrite("tenant.toml", |text| text).await;
    signs(&house, serial).await;

    // A pair that does is taken.
    let renewed = issue(300);
    std::fs::write(&key, &renewed.key_pem).unwrap();
    std::fs::write(&certificate, &renewed.certificate_pem).unwrap();
    house.rewrite("tenant.toml", |text| text).await;
    signs(&house, serial).await;
    let package = house.package(serial).await;
    let signature = &package.members["signature"];
    let der = pem_body(&renewed.certificate_pem);
    assert!(signature.windows(der.len()).any(|window| window == der), "the renewed certificate is not the signer's");
    house.end().await;
}

fn pem_body(pem: &str) -> Vec<u8> {
    use base64::Engine as _;
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_image_keeps_the_one_that_was_there() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let serial = &sold.held[0].serial;
    let folder = "templates/event-ticket/images";
    let images = house.folder.path().join("tenants/demo").join(folder);
    let name = "logo@2x.png";
    let before = house.package(serial).await.members[name].clone();
    // Whole in its form: length, names and checksums fit. Its pixels are nonsense.
    let mut nonsense = before[..33].to_vec();
    let mut chunk = b"IDAT".to_vec();
    chunk.extend([7; 40]);
    nonsense.extend(40_u32.to_be_bytes());
    nonsense.extend(&chunk);
    nonsense.extend(crc(&chunk).to_be_bytes());
    nonsense.extend(b"\0\0\0\0IEND\xaeB`\x82");
    for broken in [nonsense, before[..before.len() - 20].to_vec(), b"<svg/>".to_vec()] {
        std::fs::write(images.join(name), &broken).unwrap();
        house.rewrite("tenant.toml", |text| text).await;
        assert_eq!(house.package(serial).await.members[name], before);
        let report = house.folder.path().join("check.json");
        let check = std::process::Command::new(crate::process::binary())
            .arg("check")
            .arg("--config")
            .arg(house.folder.path().join("passerelle.toml"))
            .arg("--report")
            .arg(&report)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&check.stdout).into_owned();
        assert!(!check.status.success() && told.contains(&format!("{folder}/{name}")), "{told}");
    }
    house.end().await;
}

/// CRC-32 of PNG (ISO 3309), bit by bit: shares nothing with what is tested.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    };
    !bytes.iter().fold(!0, step)
}
