//! The model of tasks and their leases.

use super::*;

impl Model {
    pub(super) fn subject(&self, tenant: &TenantId, subject: TaskSubject) -> TaskSubject {
        let TaskSubject::Token(mac) = &subject else { return subject };
        self.aliases.get(&(tenant.clone(), mac.clone())).cloned().map_or(subject, TaskSubject::File)
    }

    pub(super) fn task_of(&self, tenant: &TenantId, subject: &TaskSubject) -> Option<String> {
        let mut tasks = self.tasks.iter();
        tasks.find(|((t, _), task)| t == tenant && task.subject == *subject).map(|((_, id), _)| id.clone())
    }

    pub(super) fn task(&mut self, tenant: &TenantId, id: &str) -> Option<&mut Task> {
        self.tasks.get_mut(&(tenant.clone(), id.to_owned()))
    }

    pub(super) fn holds(&self, lease: &TaskLease) -> bool {
        let task = self.tasks.get(&(lease.tenant.clone(), lease.task.clone()));
        task.is_some_and(|task| task.state == State::Leased && task.lease_token == lease.lease_token)
    }

    /// The task that a lease holds.
    pub(super) fn held(&mut self, tenant: &TenantId, id: &str, token: i64) -> Option<&mut Task> {
        self.task(tenant, id).filter(|task| task.state == State::Leased && task.lease_token == token)
    }

    #[allow(clippy::too_many_arguments)] // the model says flatly what the store groups
    pub(super) fn call(
        &mut self,
        tenant: &TenantId,
        subject: TaskSubject,
        id: &str,
        priority: Priority,
        at: Millis,
        by: Millis,
        trailing: bool,
        generations: i64,
    ) -> (String, bool) {
        let Some(known) = self.task_of(tenant, &subject) else {
            let task = Task {
                subject,
                sealed: None,
                wanted: generations,
                claimed: 0,
                done: 0,
                state: State::Ready,
                priority,
                next_priority: None,
                run_at: at.min(by),
                due_by: Some(by),
                not_before: None,
                lease_until: 0,
                lease_token: 0,
                attempts: 0,
                expiries: 0,
                held: false,
                released: false,
                hints: vec![],
            };
            self.tasks.insert((tenant.clone(), id.to_owned()), task);
            return (id.to_owned(), false);
        };
        let task = self.task(tenant, &known).unwrap();
        task.wanted += generations;
        let joined = matches!(task.state, State::Ready | State::Leased);
        match task.state {
            State::Leased => {
                task.due_by = Some(sooner(task.due_by, by));
                task.next_priority = Some(sooner(task.next_priority, priority));
            }
            State::Ready => {
                if priority < task.priority && task.attempts == 0 {
                    task.not_before = None;
                }
                let by = sooner(task.due_by, by);
                let wish = if trailing { at } else { at.min(task.run_at) };
                task.due_by = Some(by);
                task.run_at = wish.min(by).max(task.not_before.unwrap_or(i64::MIN));
                task.priority = task.priority.min(priority);
            }
            State::Idle | State::Dead | State::Held => {
                task.priority = if task.state == State::Idle { priority } else { task.priority.min(priority) };
                (task.state, task.run_at, task.due_by) = (State::Ready, at.min(by), Some(by));
                (task.attempts, task.not_before, task.next_priority) = (0, None, None);
            }
        }
        (known, joined)
    }

    pub(super) fn accept(&mut self, a: &Accept) -> Accepted {
        let subject = self.subject(&a.tenant, TaskSubject::Token(a.token_mac.clone()));
        let (at, by) = (a.now + a.debounce, a.now + a.max_wait);
        let (task, joined) = self.call(&a.tenant, subject, &a.id, a.priority, at, by, true, 1);
        let row = self.task(&a.tenant, &task).unwrap();
        row.sealed = matches!(row.subject, TaskSubject::Token(_)).then(|| a.token_sealed.clone());
        let hint = Hint {
            notification: a.id.clone(),
            correlation: a.correlation.clone(),
            traceparent: a.traceparent.clone(),
            state: a.state.clone(),
            movement: a.movement.clone(),
            ticket: a.ticket.clone(),
            received_at: a.now,
        };
        row.hints.push((row.wanted, hint));
        let generation = row.wanted;
        Accepted { task, joined, generation }
    }

    pub(super) fn expire(task: &mut Task) {
        task.expiries += 1;
        task.state = if task.expiries >= 3 { State::Dead } else { State::Ready };
        task.run_at = task.lease_until;
        task.not_before = None;
        task.priority = sooner(task.next_priority.take(), task.priority);
    }

    pub(super) fn lease(&mut self, tenant: &TenantId, id: &str, until: Millis) -> TaskLease {
        let task = self.task(tenant, id).unwrap();
        task.state = State::Leased;
        task.claimed = task.wanted;
        task.lease_until = until;
        task.lease_token += 1;
        (task.due_by, task.not_before, task.next_priority) = (None, None, None);
        let open = task.hints.iter().filter(|(generation, _)| *generation > task.done);
        TaskLease {
            tenant: tenant.clone(),
            task: id.to_owned(),
            subject: task.subject.clone(),
            token_sealed: task.sealed.clone(),
            generation: task.claimed,
            lease_token: task.lease_token,
            lease_until: until,
            attempts: task.attempts,
            priority: task.priority,
            released: task.released,
            hints: open.map(|(_, hint)| hint.clone()).collect(),
        }
    }

    pub(super) fn claim(&mut self, now: Millis, until: Millis, quota: Quota) -> Vec<TaskLease> {
        let lost = |task: &&mut Task| task.state == State::Leased && task.lease_until <= now;
        self.tasks.values_mut().filter(lost).for_each(Self::expire);
        let due = self.tasks.iter().filter(|(_, task)| task.state == State::Ready && task.run_at <= now);
        let mut due: Vec<_> = due.map(|((t, id), task)| (t.clone(), task.priority, task.run_at, id.clone())).collect();
        due.sort();
        let mut turns = BTreeMap::<TenantId, u32>::new();
        for ((tenant, _), _) in self.tasks.iter().filter(|(_, task)| task.state == State::Leased) {
            *turns.entry(tenant.clone()).or_default() += 1;
        }
        let mut order = Vec::new();
        for (tenant, priority, run_at, id) in due {
            let turn = turns.entry(tenant.clone()).or_default();
            order.push((*turn, priority, run_at, tenant, id));
            *turn += 1;
        }
        order.sort();
        order.retain(|(turn, ..)| *turn < quota.per_tenant);
        order.truncate(quota.limit as usize);
        order.into_iter().map(|(_, _, _, tenant, id)| self.lease(&tenant, &id, until)).collect()
    }

    pub(super) fn claim_task(&mut self, tenant: &TenantId, id: &str, now: Millis, until: Millis) -> Option<TaskLease> {
        let task = self.task(tenant, id)?;
        if task.state == State::Leased && task.lease_until <= now {
            Self::expire(task);
        }
        match task.state {
            State::Leased | State::Dead | State::Held => return None,
            State::Idle => task.wanted += 1,
            State::Ready => {}
        }
        Some(self.lease(tenant, id, until))
    }

    pub(super) fn adopt(&mut self, lease: &TaskLease, file: &str, now: Millis) -> Adoption {
        let Some(task) = self.held(&lease.tenant, &lease.task, lease.lease_token) else { return Adoption::LeaseLost };
        let (priority, more) = (sooner(task.next_priority, task.priority), task.wanted - task.done);
        let tenant = &lease.tenant;
        if let TaskSubject::Token(mac) = &lease.subject {
            self.aliases.insert((tenant.clone(), mac.clone()), file.to_owned());
        }
        let subject = TaskSubject::File(file.to_owned());
        match self.task_of(tenant, &subject) {
            None => {
                let task = self.task(tenant, &lease.task).unwrap();
                (task.subject, task.sealed) = (subject, None);
                Adoption::Adopted
            }
            Some(other) if other == lease.task => Adoption::Adopted,
            Some(other) => {
                let gone = self.tasks.remove(&(tenant.clone(), lease.task.clone())).unwrap();
                let before = self.task(tenant, &other).unwrap().wanted;
                self.call(tenant, subject, "", priority, now, now, false, more);
                let task = self.task(tenant, &other).unwrap();
                for (generation, hint) in gone.hints {
                    let open = generation > gone.done;
                    task.hints.push((if open { before + generation - gone.done } else { task.done }, hint));
                }
                Adoption::Merged
            }
        }
    }

    pub(super) fn settle(&mut self, f: &Finish) {
        let task = self.task(&f.tenant, &f.task).unwrap();
        let answered = matches!(f.next, Next::Done | Next::Again { .. });
        task.held = f.next == Next::Held || task.held && !answered;
        let newer = task.wanted > task.claimed;
        let next_priority = task.next_priority.take();
        task.expiries = 0;
        match f.next {
            Next::Done | Next::Again { .. } => (task.done, task.attempts) = (task.claimed, 0),
            Next::Retry { .. } => task.attempts += 1,
            Next::Dead | Next::Held if newer => task.attempts = 0,
            Next::Dead => task.attempts += 1,
            Next::Wait { .. } | Next::Held => {}
        }
        task.priority = match (&f.next, next_priority) {
            (Next::Done, Some(next)) => next,
            (_, Some(next)) => next.min(task.priority),
            (_, None) => task.priority,
        };
        (task.state, task.run_at) = match f.next {
            Next::Done if !newer => (State::Idle, task.run_at),
            Next::Dead if !newer => (State::Dead, task.run_at),
            Next::Held if !newer => (State::Held, task.run_at),
            Next::Done | Next::Dead | Next::Held => (State::Ready, f.now),
            Next::Again { at } => (State::Ready, if newer { f.now } else { at }),
            Next::Retry { at } | Next::Wait { at } => (State::Ready, at),
        };
        match f.next {
            Next::Done => task.released = false,
            Next::Again { at } => {
                task.wanted += 1;
                task.due_by = Some(sooner(task.due_by, at));
            }
            Next::Retry { at } | Next::Wait { at } => task.not_before = Some(at),
            Next::Dead | Next::Held => {}
        }
    }

    pub(super) fn replay(&mut self, tenant: &TenantId, id: &str, now: Millis) -> bool {
        let waits = |task: &&mut Task| match task.state {
            State::Dead | State::Held => true,
            State::Ready => task.held,
            State::Leased | State::Idle => false,
        };
        let Some(task) = self.task(tenant, id).filter(waits) else { return false };
        task.released |= std::mem::take(&mut task.held);
        (task.state, task.run_at, task.due_by, task.not_before) = (State::Ready, now, Some(now), None);
        (task.attempts, task.expiries, task.next_priority) = (0, 0, None);
        true
    }
}
