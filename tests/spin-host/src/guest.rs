//! One instance of a component: what its store holds, and what it is linked against.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::component::{Accessor, HasData, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::bindings::spin::sqlite::sqlite;
use crate::bindings::spin::variables::variables;
use crate::clock::Clock;
use crate::egress::{Egress, Hooks};
use crate::files::Mount;
use crate::manifest::is_lower_snake;
use crate::output::Output;
use crate::sqlite::{Databases, HasSqlite, Sqlite, SqliteView};

/// What all instances of a component have in common.
pub struct Blueprint {
    pub environment: Vec<(String, String)>,
    pub mounts: Vec<Mount>,
    pub stdout: Output,
    pub stderr: Output,
    pub clock: Option<Clock>,
    pub variables: Arc<BTreeMap<String, String>>,
    pub databases: Databases,
    pub egress: Arc<Egress>,
}

pub struct Guest {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    table: ResourceTable,
    sqlite: Sqlite,
    variables: Arc<BTreeMap<String, String>>,
}

impl Blueprint {
    pub fn store(&self, engine: &Engine) -> wasmtime::Result<Store<Guest>> {
        let mut wasi = WasiCtx::builder();
        wasi.envs(&self.environment);
        wasi.stdout(self.stdout.lines()).stderr(self.stderr.lines());
        if let Some(clock) = &self.clock {
            wasi.wall_clock(clock.clone());
        }
        for mount in &self.mounts {
            wasi.preopened_dir(&mount.folder, &mount.destination, FsPerms::ReadOnly)?;
        }
        let guest = Guest {
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: Hooks::new(Arc::clone(&self.egress)),
            table: ResourceTable::new(),
            sqlite: Sqlite { databases: Arc::clone(&self.databases), open: 0 },
            variables: Arc::clone(&self.variables),
        };
        Ok(Store::new(engine, guest))
    }
}

/// Everything that this host has; what is granted is judged before, by `interfaces`.
pub fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker: Linker<Guest> = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    sqlite::add_to_linker::<_, HasSqlite>(&mut linker, |guest| SqliteView {
        state: &mut guest.sqlite,
        table: &mut guest.table,
    })?;
    variables::add_to_linker::<_, HasVariables>(&mut linker, |guest| VariablesView(&guest.variables))?;
    Ok(linker)
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}

struct HasVariables;

struct VariablesView<'a>(&'a Arc<BTreeMap<String, String>>);

impl HasData for HasVariables {
    type Data<'a> = VariablesView<'a>;
}

impl variables::Host for VariablesView<'_> {}

impl<T: Send> variables::HostWithStore<T> for HasVariables {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> wasmtime::Result<Result<String, variables::Error>> {
        if !is_lower_snake(&name) {
            return Ok(Err(variables::Error::InvalidName(name)));
        }
        let value = accessor.with(|mut access| access.get().0.get(&name).cloned());
        Ok(value.ok_or(variables::Error::Undefined(name)))
    }
}
