//! From the trait to the component's exports.
//!
//! Owns the macro that makes a crate a plugin. One implementation for every `Plugin` stands here, beside the generated traits: a plugin's crate
//! could not write it for types that are not its own, and need not.

use crate::bindings::exports::passerelle::tenant::{
    choose_template, on_order_changed, on_pass_installed, on_pass_uninstalled, shape_payload,
};
use crate::{Call, Candidate, Choice, Fault, Installed, OrderChanged, Plugin, Shaping, Subject, Turn, Uninstalled};

impl<P: Plugin> choose_template::Guest for P {
    fn choose(call: Call, candidate: Candidate) -> Result<Choice, Fault> {
        P::choose_template(&call, &candidate)
    }
}

impl<P: Plugin> shape_payload::Guest for P {
    fn shape(call: Call, subject: Subject) -> Result<Shaping, Fault> {
        P::shape_payload(&call, &subject)
    }
}

impl<P: Plugin> on_pass_installed::Guest for P {
    fn notify(call: Call, event: Installed) -> Result<Turn, Fault> {
        P::on_pass_installed(&call, &event)
    }
}

impl<P: Plugin> on_pass_uninstalled::Guest for P {
    fn notify(call: Call, event: Uninstalled) -> Result<Turn, Fault> {
        P::on_pass_uninstalled(&call, &event)
    }
}

impl<P: Plugin> on_order_changed::Guest for P {
    fn notify(call: Call, event: OrderChanged) -> Result<Turn, Fault> {
        P::on_order_changed(&call, &event)
    }
}

/// Makes a crate the plugin that a type says. Once in a crate, at its root.
///
/// ```
/// struct Mine;
///
/// impl passerelle_plugin::Plugin for Mine {}
///
/// passerelle_plugin::export!(Mine);
/// ```
// The exports are for the sandbox only: their names (`passerelle:tenant/…@0.1.0#notify`) mean something else to other linkers.
#[macro_export]
macro_rules! export {
    ($plugin:ident) => {
        const _: fn() = $crate::is_plugin::<$plugin>;
        #[cfg(target_family = "wasm")]
        $crate::bindings::export_tenant!($plugin with_types_in $crate::bindings);
    };
}

/// Named by `export!`: where nothing is exported, the type is checked and counts as used all the same.
#[doc(hidden)]
pub fn is_plugin<P: Plugin>() {}
