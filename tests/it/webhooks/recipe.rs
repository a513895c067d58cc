use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

pub fn genuine(secret: &str, id: &str, timestamp: &str, signatures: &str, body: &[u8], now: i64) -> bool {
    let recent = timestamp.parse::<i64>().is_ok_and(|sent| (now - sent).abs() <= 300);
    let Ok(key) = STANDARD.decode(secret.trim_start_matches("whsec_")) else { return false };
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(&key) else { return false };
    let mac = mac.chain_update(format!("{id}.{timestamp}.")).chain_update(body);
    let fits = |one: &str| STANDARD.decode(one).is_ok_and(|given| mac.clone().verify_slice(&given).is_ok());
    recent && signatures.split(' ').filter_map(|one| one.strip_prefix("v1,")).any(fits)
}
