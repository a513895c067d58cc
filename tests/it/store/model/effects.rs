//! The model of effects, devices and the budget.

use super::*;

impl Model {
    pub(super) fn sends(&self, lease: &EffectLease) -> bool {
        let effect = self.effects.get(&(lease.tenant.clone(), lease.kind, lease.target.clone()));
        effect.is_some_and(|effect| effect.state == State::Leased && effect.lease_token == lease.lease_token)
    }

    pub(super) fn claim_effects(&mut self, now: Millis, until: Millis, quota: Quota) -> Vec<EffectLease> {
        for effect in self.effects.values_mut().filter(|e| e.state == State::Leased && e.lease_until <= now) {
            effect.expiries += 1;
            effect.attempts += 1;
            effect.run_at = effect.lease_until;
            effect.state = match () {
                () if effect.have == effect.want => State::Idle,
                () if effect.expiries >= 3 => State::Dead,
                () => State::Ready,
            };
        }
        let due = self.effects.iter().filter(|(_, effect)| effect.state == State::Ready && effect.run_at <= now);
        let mut due: Vec<_> =
            due.map(|((t, k, target), e)| (t.clone(), kind_name(*k), e.run_at, target.clone(), *k)).collect();
        due.sort();
        let mut turns = BTreeMap::<_, u32>::new();
        let mut share = BTreeMap::<_, u32>::new();
        for ((tenant, kind, _), _) in self.effects.iter().filter(|(_, effect)| effect.state == State::Leased) {
            *turns.entry((tenant.clone(), kind_name(*kind))).or_default() += 1;
            *share.entry(tenant.clone()).or_default() += 1;
        }
        let mut order = Vec::new();
        for (tenant, name, run_at, target, kind) in due {
            let turn = turns.entry((tenant.clone(), name)).or_default();
            order.push((*turn, run_at, tenant, name, target, kind));
            *turn += 1;
        }
        order.sort();
        order.retain(|(turn, ..)| *turn < quota.per_kind);
        order.retain(|(_, _, tenant, ..)| {
            let taken = share.entry(tenant.clone()).or_default();
            *taken += 1;
            *taken <= quota.per_tenant
        });
        order.truncate(quota.limit as usize);
        let leases = order.into_iter().map(|(_, _, tenant, _, target, kind)| {
            let effect = self.effects.get_mut(&(tenant.clone(), kind, target.clone())).unwrap();
            (effect.state, effect.lease_until) = (State::Leased, until);
            effect.lease_token += 1;
            let (want, lease_token, attempts) = (effect.want, effect.lease_token, effect.attempts);
            EffectLease { tenant, kind, target, want, lease_token, attempts }
        });
        leases.collect()
    }

    pub(super) fn finish_effect(&mut self, lease: &EffectLease, next: &EffectNext, now: Millis) -> bool {
        let key = (lease.tenant.clone(), lease.kind, lease.target.clone());
        let held = |e: &&mut Effect| e.state == State::Leased && e.lease_token == lease.lease_token;
        let Some(effect) = self.effects.get_mut(&key).filter(held) else { return false };
        let newer = effect.want > lease.want;
        if *next == EffectNext::Gone && !newer {
            self.effects.remove(&key);
            return true;
        }
        if let EffectNext::Have(level) = next {
            effect.have = effect.have.max((*level).min(effect.want));
        }
        effect.expiries = 0;
        (effect.state, effect.run_at, effect.attempts) = match next {
            _ if effect.have == effect.want => (State::Idle, now, 0),
            EffectNext::Retry { at, .. } => (State::Ready, *at, effect.attempts + 1),
            EffectNext::Wait { at } => (State::Ready, *at, effect.attempts),
            EffectNext::Dead { .. } if !newer => (State::Dead, now, effect.attempts),
            EffectNext::Have(_) | EffectNext::Gone | EffectNext::Dead { .. } => (State::Ready, now, 0),
        };
        true
    }

    pub(super) fn reached(&mut self, tenant: &TenantId, kind: EffectKind, target: &str, have: i64) {
        let key = (tenant.clone(), kind, target.to_owned());
        let effect = self.effects.entry(key).or_insert_with(|| Effect::resting(have));
        effect.want = effect.want.max(have);
        effect.have = effect.have.max(have);
        if effect.state != State::Leased && effect.have == effect.want {
            effect.state = State::Idle;
        }
    }

    pub(super) fn unregister(&mut self, tenant: &TenantId, device: &str, pass: &PassId, now: Millis) -> Option<u32> {
        self.registrations.remove(&(tenant.clone(), device.to_owned(), pass.clone()))?;
        self.signalled(tenant, pass, now);
        if !self.registrations.keys().any(|(t, d, _)| t == tenant && d == device) {
            let push = (tenant.clone(), EffectKind::ApplePush, device.to_owned());
            if self.effects.get(&push).is_some_and(|effect| effect.state != State::Leased) {
                self.effects.remove(&push);
            }
        }
        Some(self.active(tenant, pass))
    }

    /// A new registration of a pass that has changed takes a tag, and wants a push of it.
    pub(super) fn register(&mut self, r: &Register) -> Registered {
        let (t, key) = (&r.tenant, (r.tenant.clone(), r.device.clone(), r.pass.clone()));
        let created = !self.registrations.contains_key(&key);
        if created {
            let changed = self.passes.get(&(t.clone(), r.pass.clone())).is_some_and(|pass| pass.version > 1);
            let mut own = 0;
            if changed {
                let tag = self.tags.entry(t.clone()).or_default();
                *tag += 1;
                own = *tag;
                let target = (t.clone(), EffectKind::ApplePush, r.device.clone());
                self.effects.entry(target).or_insert_with(|| Effect::resting(0)).wanted(own, r.now);
            }
            self.registrations.insert(key, own);
            self.signalled(t, &r.pass, r.now);
        }
        Registered { created, active: self.active(t, &r.pass) }
    }

    /// One more signal is to be folded.
    fn signalled(&mut self, tenant: &TenantId, pass: &PassId, now: Millis) {
        let key = (tenant.clone(), EffectKind::Installation, pass.as_str().to_owned());
        let effect = self.effects.entry(key).or_insert_with(|| Effect::resting(0));
        effect.wanted(effect.want + 1, now);
    }

    pub(super) fn active(&self, tenant: &TenantId, pass: &PassId) -> u32 {
        self.registrations.keys().filter(|(t, _, p)| t == tenant && p == pass).count() as u32
    }

    pub(super) fn updated_since(&self, tenant: &TenantId, device: &str, tag: i64) -> UpdatedSince {
        let mine = self.registrations.iter().filter(|((t, d, _), _)| t == tenant && d == device);
        let known = mine.filter_map(|((t, _, pass), own)| Some((self.passes.get(&(t.clone(), pass.clone()))?, *own)));
        let tagged = known.map(|(pass, own)| (pass.tag.max(own), pass.write.id.clone()));
        let mut newer: Vec<_> = tagged.filter(|(own, _)| *own > tag).collect();
        newer.sort();
        let tag = newer.last().map_or(tag, |(tag, _)| *tag);
        UpdatedSince { serials: newer.into_iter().map(|(_, id)| id).collect(), tag }
    }

    /// Looks at every window that the call would be in, instead of counting what is stored.
    pub(super) fn spend(&mut self, s: &Spend) -> Spent {
        if let Some(until) = self.pauses.get(&s.scope).filter(|until| **until > s.now) {
            return Spent::WaitUntil(*until);
        }
        let calls = self.calls.entry(s.scope.clone()).or_default();
        let within = |at: Millis| calls.iter().filter(|call| **call > at - s.window && **call <= at).count() as i64;
        if within(s.now) + 1 + s.reserve <= s.limit {
            calls.push(s.now);
            return Spent::Granted;
        }
        let free = (s.now..=s.now + s.window).find(|at| within(*at) + 1 + s.reserve <= s.limit);
        Spent::WaitUntil(free.unwrap_or(s.now + s.window))
    }

    pub(super) fn depth(&self) -> Depth {
        let tasks = |state| self.tasks.values().filter(|task| task.state == state).count() as i64;
        let effects = |state| self.effects.values().filter(|effect| effect.state == state).count() as i64;
        let next = |effect: &Effect| match effect.state {
            State::Ready => Some(effect.run_at),
            State::Leased => Some(effect.lease_until),
            _ => None,
        };
        let ready = self.tasks.values().filter(|task| task.state == State::Ready);
        Depth {
            tasks_ready: tasks(State::Ready),
            tasks_leased: tasks(State::Leased),
            tasks_dead: tasks(State::Dead),
            tasks_held: tasks(State::Held),
            effects_waiting: effects(State::Ready) + effects(State::Leased),
            effects_dead: effects(State::Dead),
            oldest_due: ready.map(|task| task.run_at).min(),
            next_effect: self.effects.values().filter_map(next).min(),
            ..Depth::default()
        }
    }
}

impl Effect {
    pub(super) fn resting(level: i64) -> Self {
        Self {
            want: level,
            have: level,
            state: State::Idle,
            run_at: 0,
            lease_until: 0,
            lease_token: 0,
            attempts: 0,
            expiries: 0,
        }
    }

    pub(super) fn wanted(&mut self, level: i64, now: Millis) {
        if level <= self.want {
            return;
        }
        self.want = level;
        if matches!(self.state, State::Idle | State::Dead) {
            (self.state, self.run_at, self.attempts) = (State::Ready, now, 0);
        }
    }
}
