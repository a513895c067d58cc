//! The model of what a run writes.

use super::*;

impl Model {
    pub(super) fn finish(&mut self, f: &Finish) -> Finished {
        let t = &f.tenant;
        if self.held(t, &f.task, f.lease_token).is_none() {
            return Finished::LeaseLost;
        }
        let (mut voids, mut seen) = (0, BTreeSet::new());
        for write in &f.passes {
            let known = self.passes.get(&(t.clone(), write.id.clone()));
            if !seen.insert(&write.id) || known.map(|known| known.version) != write.expected {
                return Finished::Conflict;
            }
            voids +=
                i64::from(write.state == PassState::Void && known.is_some_and(|k| k.write.state == PassState::Live));
        }
        if let Some(limit) = f.void_limit {
            let ours = self.passes.values().filter(|pass| pass.voided_of == f.institution);
            let before = ours.filter(|pass| pass.voided_at.is_some_and(|at| at >= limit.since)).count() as i64;
            let held = self.tasks[&(t.clone(), f.task.clone())].held;
            if voids > 0 && (held || voids + before > limit.most) {
                return Finished::VoidLimit { voids: voids + before };
            }
        }
        let risen: BTreeSet<String> = f.events.iter().filter(|e| self.observe(t, e)).map(|e| e.key.clone()).collect();
        let mut changed = Vec::new();
        for write in &f.passes {
            if let Some(version) = self.write(f, write) {
                changed.push((write.id.clone(), version));
            }
        }
        let shows = |pass: &Pass| pass.write.events.iter().any(|(event, _)| risen.contains(event));
        let mine = self.passes.iter().filter(|((tenant, _), pass)| tenant == t && shows(pass));
        let classes: BTreeSet<_> = mine.filter_map(|(_, pass)| pass.write.google_class.clone()).collect();
        for class in classes {
            if let Some(effect) = self.effects.get_mut(&(t.clone(), EffectKind::GoogleClass, class)) {
                effect.wanted(effect.want + 1, f.now);
            }
        }
        for alias in &f.aliases {
            self.aliases.insert((t.clone(), alias.token_mac.clone()), alias.file.clone());
        }
        self.settle(f);
        Finished::Committed { changed }
    }

    pub(super) fn observe(&mut self, tenant: &TenantId, write: &EventWrite) -> bool {
        let key = (tenant.clone(), write.key.clone());
        let new = |version| StoredEvent {
            key: write.key.clone(),
            version,
            body: write.body.clone(),
            digest: write.digest.clone(),
            observed_at: write.observed_at,
            witnesses: 1,
            ends_at: write.ends_at,
        };
        match self.events.get_mut(&key) {
            None => {
                self.events.insert(key, new(1));
                true
            }
            Some(known) if known.digest == write.digest => {
                known.witnesses += 1;
                if write.observed_at >= known.observed_at {
                    (known.observed_at, known.ends_at) = (write.observed_at, write.ends_at);
                }
                false
            }
            Some(known) if write.observed_at > known.observed_at => {
                *known = new(known.version + 1);
                true
            }
            Some(_) => false,
        }
    }

    /// The new version, when it is visible.
    pub(super) fn write(&mut self, f: &Finish, write: &PassWrite) -> Option<i64> {
        let key = (f.tenant.clone(), write.id.clone());
        let known = self.passes.remove(&key);
        let visible = write.visible || known.is_none();
        let mut pass = known.unwrap_or_else(|| Pass {
            write: PassWrite { state: PassState::Void, ..write.clone() },
            version: 0,
            tag: 0,
            modified_s: f.now / 1000 - 1,
            voided_at: None,
            voided_of: String::new(),
            created_at: f.now,
            updated_at: f.now,
        });
        if pass.write.state == PassState::Live && write.state == PassState::Void {
            pass.voided_at = Some(f.now);
            pass.voided_of.clone_from(&f.institution);
        }
        pass.write = write.clone();
        if visible {
            let tag = self.tags.entry(f.tenant.clone()).or_default();
            *tag += 1;
            (pass.version, pass.tag, pass.updated_at) = (pass.version + 1, *tag, f.now);
            pass.modified_s = (f.now / 1000).max(pass.modified_s + 1);
            let have = self.registrations.keys().filter(|(t, _, id)| *t == f.tenant && *id == write.id);
            for (_, device, _) in have {
                let target = (f.tenant.clone(), EffectKind::ApplePush, device.clone());
                self.effects.entry(target).or_insert_with(|| Effect::resting(0)).wanted(*tag, f.now);
            }
            let object = (f.tenant.clone(), EffectKind::GoogleObject, write.id.as_str().to_owned());
            if let Some(effect) = self.effects.get_mut(&object).filter(|_| write.object_changed) {
                effect.wanted(pass.version, f.now);
            }
        }
        let version = pass.version;
        self.passes.insert(key, pass);
        visible.then_some(version)
    }

    pub(super) fn pass(&self, tenant: &TenantId, id: &PassId) -> Option<PassView> {
        let pass = self.passes.get(&(tenant.clone(), id.clone()))?;
        let w = pass.write.clone();
        let events = w.events.iter().filter_map(|(key, _)| self.events.get(&(tenant.clone(), key.clone())).cloned());
        Some(PassView {
            events: events.collect(),
            pass: StoredPass {
                id: w.id,
                subject: w.subject,
                version: pass.version,
                file: w.file,
                order: w.order,
                ticket: w.ticket,
                state: w.state,
                successor: w.successor,
                template: w.template,
                template_digest: w.template_digest,
                google_class: w.google_class,
                ticket_mac: w.ticket_mac,
                apple_mac: w.apple_mac,
                google_mac: w.google_mac,
                tag: pass.tag,
                modified_s: pass.modified_s,
                absent_since: w.absent_since,
                created_at: pass.created_at,
                updated_at: pass.updated_at,
                sealed: None,
                events: w.events,
            },
        })
    }
}
