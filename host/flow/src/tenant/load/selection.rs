//! Which templates the tenant's rules name: are they there, and of the kind that the rule needs?

use super::{Fault, Loader, strict};
use crate::tenant::config::TemplatesConfig;
use crate::tenant::templates::TemplateFolder;
use crate::tenant::{CARD, Selection, TICKET};

impl Loader<'_> {
    pub(super) fn selection(&mut self, config: &TemplatesConfig, folder: &TemplateFolder) -> Selection {
        self.template("templates.default", &config.default, TICKET, folder);
        if let Some(name) = &config.default_card {
            self.template("templates.default_card", name, CARD, folder);
        }
        for (subtype, name) in &config.family_subtypes {
            self.template(&strict::join("templates.family_subtypes", subtype), name, TICKET, folder);
        }
        Selection {
            comfort_variable: config.comfort_variable.clone(),
            family_subtypes: config.family_subtypes.clone(),
            default_ticket: config.default.clone(),
            default_card: config.default_card.clone(),
        }
    }

    fn template(&mut self, key: &str, name: &str, needed: &'static str, folder: &TemplateFolder) {
        // One that does not compile has its own problems; saying that it is missing would be wrong.
        if !folder.names.contains(name) {
            let nearest = strict::nearest(name, folder.names.iter().map(String::as_str)).map(str::to_owned);
            self.report(key, Fault::NoTemplate { key: key.to_owned(), name: name.to_owned(), nearest });
        } else if let Some(found) = folder.kinds.get(name).copied().filter(|found| *found != needed) {
            self.report(key, Fault::OtherKind { key: key.to_owned(), name: name.to_owned(), needed, found });
        }
    }
}
