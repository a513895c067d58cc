//! What the plugins did, as a table and as JSON.
//!
//! Owns the shape that the documentation promises of `plugins` in the report: `[{"plugin","language","bytes","in_force_ms","templates","tier","events",
//! "tokens","phone_to_crm_ms","ok"}]`, and `missing` where something expected was not seen.

use std::collections::BTreeMap;

use comfy_table::{ContentArrangement, Table, presets};
use passerelle_simulator::ApiCall;
use serde::Serialize;

#[derive(Serialize)]
pub struct PluginRow {
    pub plugin: String,
    pub language: String,
    pub bytes: usize,
    /// From the file to the first call that is possible; most of it is compiling.
    pub in_force_ms: u64,
    /// Product to the template that its pass got.
    pub templates: BTreeMap<String, String>,
    /// The variable `tenant.tier`, as the iPhone shows it.
    pub tier: Option<String>,
    /// What the CRM was told of the pass, in the order in which it came.
    pub events: Vec<PluginEvent>,
    /// Access tokens that the host bought for it.
    pub tokens: usize,
    /// From the phone's registration to the CRM's receipt.
    pub phone_to_crm_ms: Option<i64>,
    pub ok: bool,
    /// What was expected and not seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

#[derive(Serialize)]
pub struct PluginEvent {
    pub event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wallet: Option<String>,
    /// Of the change of an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_case: Option<String>,
}

impl PluginRow {
    /// Before anything was seen of it.
    pub fn of(plugin: &str, language: &str) -> Self {
        Self {
            plugin: plugin.to_owned(),
            language: language.to_owned(),
            bytes: 0,
            in_force_ms: 0,
            templates: BTreeMap::new(),
            tier: None,
            events: Vec::new(),
            tokens: 0,
            phone_to_crm_ms: None,
            ok: false,
            missing: Vec::new(),
        }
    }
}

impl PluginEvent {
    pub fn of(call: &ApiCall) -> Self {
        let text = |name: &str| call.text(name).map(str::to_owned);
        Self {
            event: call.event().to_owned(),
            customer_id: text("customerId"),
            tier: text("tier"),
            wallet: text("wallet"),
            use_case: text("useCase"),
        }
    }

    fn line(&self) -> String {
        let parts = [&self.use_case, &self.customer_id, &self.tier, &self.wallet];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        if parts.is_empty() { self.event.clone() } else { format!("{}: {}", self.event, parts.join(", ")) }
    }
}

#[allow(clippy::print_stdout)] // the table is what the command is for
pub(super) fn print(rows: &[PluginRow], width: u16) {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.set_header([
        "plugin",
        "in",
        "size",
        "in force after",
        "template by product",
        "tenant.tier",
        "what the CRM was told",
        "tokens",
        "ms to CRM",
        "",
    ]);
    for row in rows {
        let templates: Vec<String> =
            row.templates.iter().map(|(product, template)| format!("{product} → {template}")).collect();
        let events: Vec<String> = row.events.iter().map(PluginEvent::line).collect();
        let ok = if row.ok { "ok".to_owned() } else { format!("NOT OK: {}", row.missing.join(", ")) };
        table.add_row([
            row.plugin.clone(),
            row.language.clone(),
            format!("{} KB", row.bytes.div_ceil(1024)),
            format!("{} ms", row.in_force_ms),
            templates.join("\n"),
            row.tier.clone().unwrap_or_else(|| "-".to_owned()),
            events.join("\n"),
            row.tokens.to_string(),
            row.phone_to_crm_ms.map_or("-".to_owned(), |ms| ms.to_string()),
            ok,
        ]);
    }
    println!("\nA tenant's plugin in three languages, each installed in turn, and what a CRM's API heard:\n{table}");
}
