//! The example tenant's templates, compiled as a host compiles them.

use std::collections::BTreeMap;

use passerelle_flow::identity::TenantId;
use passerelle_flow::tenant::Tenant;
use passerelle_server::demo::stage::Stage;

pub fn templates(stage: &Stage) -> BTreeMap<String, String> {
    let tenant: std::sync::Arc<Tenant> =
        stage.server().unwrap().flow.host.tenants.get(&TenantId::parse("demo").unwrap()).unwrap();
    tenant.templates.iter().map(|(name, template)| (name.clone(), template.compiled.clone())).collect()
}

/// Every template of `examples/tenants/demo`.
pub fn compiled_templates() -> Vec<String> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let house = crate::house::House::new().await;
        let compiled = templates(&house.stage).into_values().collect();
        house.end().await;
        compiled
    })
}
