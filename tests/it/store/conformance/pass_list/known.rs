//! What a list should say: passes as plain data, filtered and sorted without any index.

use std::collections::BTreeMap;

use passerelle_contract::types::Wallet;

use super::super::*;

pub const NAMES: [&str; 3] = ["crm", "tier", "secret"];
pub const VALUES: [&str; 4] = ["a", "ab", "b", "ba"];
pub const TEMPLATES: [&str; 3] = ["card", "event", "event-vip"];

/// What a list should know of a pass.
#[derive(Clone, Debug)]
pub struct Known {
    pub n: usize,
    pub subject: PassSubject,
    pub template: String,
    pub state: PassState,
    pub since: [Option<Millis>; 2],
    pub born: (Millis, u64),
    pub touched: (Millis, u64),
    pub version: i64,
    pub attributes: BTreeMap<(AttributeKind, String), KeptValue>,
}

impl Known {
    pub fn id(&self) -> PassId {
        pass_id(self.n)
    }

    pub fn wallets(&self) -> Wallets {
        Wallets::of(self.since[0].is_some(), self.since[1].is_some())
    }

    pub fn since(&self, wallet: Wallet) -> Option<Millis> {
        self.since[usize::from(wallet == Wallet::Google)]
    }

    pub fn clear(&self, kind: AttributeKind, name: &str) -> Option<&str> {
        match self.attributes.get(&(kind, name.to_owned())) {
            Some(KeptValue::Clear(value)) => Some(value),
            _ => None,
        }
    }

    pub fn of_kind(&self, kind: SubjectKind) -> Option<&str> {
        match (kind, &self.subject) {
            (SubjectKind::Movement, PassSubject::Movement(text))
            | (SubjectKind::Contact, PassSubject::Contact(text)) => Some(text),
            _ => None,
        }
    }

    pub fn meets(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Id(test) => meets_text(Some(self.id().as_str()), test),
            Condition::Template(test) => meets_text(Some(&self.template), test),
            Condition::State(states) => states.contains(&self.state),
            Condition::Wallets(wallets) => wallets.contains(&self.wallets()),
            Condition::Created(test) => meets_time(Some(self.born.0), *test),
            Condition::Updated(test) => meets_time(Some(self.touched.0), *test),
            Condition::Since(wallet, test) => meets_time(self.since(*wallet), *test),
            Condition::Subject(kind, test) => meets_text(self.of_kind(*kind), test),
            Condition::Attribute { kind, name, test, macs } => {
                match (self.attributes.get(&(*kind, name.clone())), test) {
                    (found, TextTest::Empty) => found.is_none(),
                    (found, TextTest::NotEmpty) => found.is_some(),
                    (Some(KeptValue::Sealed { mac, .. }), TextTest::In(_)) => macs.contains(mac),
                    (Some(KeptValue::Sealed { mac, .. }), TextTest::NotIn(_)) => !macs.contains(mac),
                    (Some(KeptValue::Sealed { .. }), _) => false,
                    (Some(KeptValue::Clear(value)), test) => meets_text(Some(value), test),
                    (None, test) => meets_text(None, test),
                }
            }
        }
    }

    /// Nothing comes after something; then what it is sorted by.
    pub fn key(&self, order: &Order) -> (bool, i64, u64, String) {
        let text = |text: Option<&str>| (text.is_none(), 0, 0, text.unwrap_or_default().to_owned());
        match order {
            Order::Created => (false, self.born.0, self.born.1, String::new()),
            Order::Updated => (false, self.touched.0, self.touched.1, String::new()),
            Order::Id => text(Some(self.id().as_str())),
            Order::Template => text(Some(&self.template)),
            Order::Since(wallet) => {
                let since = self.since(*wallet);
                (since.is_none(), since.unwrap_or(0), 0, String::new())
            }
            Order::Subject(kind) => text(self.of_kind(*kind)),
            Order::Attribute(kind, name) => text(self.clear(*kind, name)),
        }
    }
}

pub fn meets_text(text: Option<&str>, test: &TextTest) -> bool {
    match (text, test) {
        (None, TextTest::NotIn(_) | TextTest::Empty) => true,
        (None, _) => false,
        (Some(text), TextTest::In(values)) => values.iter().any(|value| value == text),
        (Some(text), TextTest::NotIn(values)) => values.iter().all(|value| value != text),
        (Some(text), TextTest::Contains(part)) => text.contains(part),
        (Some(text), TextTest::StartsWith(part)) => text.starts_with(part),
        (Some(text), TextTest::EndsWith(part)) => text.ends_with(part),
        (Some(_), TextTest::Empty) => false,
        (Some(_), TextTest::NotEmpty) => true,
    }
}

pub fn meets_time(at: Option<Millis>, test: TimeTest) -> bool {
    match test {
        TimeTest::AtLeast(least) => at.is_some_and(|at| at >= least),
        TimeTest::Below(most) => at.is_some_and(|at| at < most),
        TimeTest::Empty => at.is_none(),
        TimeTest::NotEmpty => at.is_some(),
    }
}

/// An engine with passes, and what should be known of them.
pub struct House<'e, E: Engine> {
    pub engine: &'e E,
    pub known: BTreeMap<usize, Known>,
    pub now: Millis,
    pub count: u64,
    pub installed: BTreeMap<usize, i64>,
}

#[derive(Clone, Debug)]
pub enum Write {
    Make { template: usize, contact: bool },
    Change { n: usize, template: usize, void: bool, visible: bool },
    Install { n: usize, apple: bool, google: bool },
    Give { n: usize, identifier: bool, name: usize, value: Option<usize> },
    Deactivate { n: usize },
}

impl<'e, E: Engine> House<'e, E> {
    pub fn new(engine: &'e E) -> Self {
        Self { engine, known: BTreeMap::new(), now: 1_000_000, count: 0, installed: BTreeMap::new() }
    }

    pub fn place(&mut self) -> (Millis, u64) {
        self.count += 1;
        (self.now, self.count)
    }

    /// As many passes as that, made in one run.
    pub async fn make(&mut self, writes: Vec<PassWrite>) {
        self.now += 7;
        for write in &writes {
            let place = self.place();
            let n: usize = write.id.as_str()[4..].parse().unwrap();
            self.known.insert(
                n,
                Known {
                    n,
                    subject: write.subject.clone(),
                    template: write.template.clone(),
                    state: write.state,
                    since: [None, None],
                    born: place,
                    touched: place,
                    version: 1,
                    attributes: write
                        .attributes
                        .iter()
                        .map(|attribute| ((attribute.kind, attribute.name.clone()), attribute.value.clone()))
                        .collect(),
                },
            );
        }
        assert!(matches!(write(self.engine, self.now, writes, vec![]).await, Finished::Committed { .. }));
    }

    pub async fn write(&mut self, step: &Write) {
        self.now += 13;
        let (store, now, made) = (self.engine.store().clone(), self.now, self.known.len());
        let of = |n: usize| n % made.max(1);
        match step {
            Write::Make { template, contact } => {
                let pass = a_pass(made, *template, *contact);
                self.make(vec![pass]).await;
            }
            _ if made == 0 => {}
            Write::Change { n, template, void, visible } => {
                let n = of(*n);
                let place = self.place();
                let known = self.known.get_mut(&n).unwrap();
                let state = if *void { PassState::Void } else { PassState::Live };
                let changed = PassWrite {
                    subject: known.subject.clone(),
                    template: TEMPLATES[*template].to_owned(),
                    state,
                    visible: *visible,
                    object_changed: false,
                    ..again(n, known.version)
                };
                let shown = *visible || known.template != changed.template || known.state != state;
                known.version += i64::from(*visible);
                (known.template, known.state) = (changed.template.clone(), state);
                if shown {
                    known.touched = place;
                }
                assert!(matches!(
                    super::write(self.engine, now, vec![changed], vec![]).await,
                    Finished::Committed { .. }
                ));
            }
            Write::Install { n, apple, google } => {
                let n = of(*n);
                let since = [apple.then_some(now), google.then_some(now + 1)];
                let version = self.installed.entry(n).or_default();
                let write = InstallationWrite {
                    tenant: opera(),
                    pass: pass_id(n),
                    expected: *version,
                    body: "{}".to_owned(),
                    changed_at: now,
                    signals: vec![],
                    apple_since: since[0],
                    google_since: since[1],
                    happenings: vec![],
                    references: false,
                    printed: false,
                    now,
                };
                *version += 1;
                assert!(store.save_installation(write).await.unwrap());
                let place = self.place();
                let known = self.known.get_mut(&n).unwrap();
                // Where it was already, it is since then.
                let kept = |at: usize| since[at].map(|now| known.since[at].unwrap_or(now));
                let since = [kept(0), kept(1)];
                if known.since != since {
                    (known.since, known.touched) = (since, place);
                }
            }
            Write::Give { n, identifier, name, value } => {
                let n = of(*n);
                let kind = if *identifier { AttributeKind::Identifier } else { AttributeKind::Metadata };
                let name = NAMES[*name].to_owned();
                let place = self.place();
                let known = self.known.get_mut(&n).unwrap();
                let key = (kind, name.clone());
                let value = value.map(|value| a_value(&name, VALUES[value]));
                if known.attributes.get(&key) != value.as_ref() {
                    known.touched = place;
                }
                let (mut set, mut without) = (vec![], vec![]);
                match value {
                    Some(value) => {
                        known.attributes.insert(key, value.clone());
                        set.push(Attribute { kind, name, value });
                    }
                    None => {
                        known.attributes.remove(&key);
                        without.push(key);
                    }
                }
                assert!(store.set_attributes(&opera(), &pass_id(n), set, without, now).await.unwrap());
            }
            Write::Deactivate { n } => {
                let n = of(*n);
                let ended = store.deactivate(&opera(), &pass_id(n), change("voided"), None, now).await.unwrap();
                let place = self.place();
                let known = self.known.get_mut(&n).unwrap();
                if known.state == PassState::Live {
                    assert_eq!(ended, Deactivated::Done);
                    (known.state, known.touched) = (PassState::Void, place);
                    known.version += 1;
                }
            }
        }
    }

    pub fn expected(&self, query: &PassQuery) -> Vec<usize> {
        let mut list: Vec<&Known> = self
            .known
            .values()
            .filter(|known| query.conditions.iter().all(|condition| known.meets(condition)))
            .collect();
        list.sort_by(|a, b| {
            let (x, y) = (a.key(&query.order), b.key(&query.order));
            let second = |known: &Known| match query.order {
                Order::Template => (known.born.1, String::new()),
                _ => (0, known.id().as_str().to_owned()),
            };
            let within = (&x.1, &x.2, &x.3, second(a)).cmp(&(&y.1, &y.2, &y.3, second(b)));
            x.0.cmp(&y.0).then(if query.descending { within.reverse() } else { within })
        });
        list.into_iter().map(|known| known.n).collect()
    }

    /// The page, by offset and by cursor, its total and what is said of each pass.
    pub async fn check(&self, query: &PassQuery) {
        let store = self.engine.store();
        let all = self.expected(query);
        let Start::Offset(offset) = query.start else { panic!("checks begin with an offset") };
        let (offset, limit) = (usize::try_from(offset).unwrap(), query.limit as usize);
        let page = store.list_passes(query.clone()).await.unwrap();
        let expected: Vec<usize> = all.iter().copied().skip(offset).take(limit).collect();
        let got: Vec<PassId> = page.passes.iter().map(|(_, pass)| pass.id.clone()).collect();
        assert_eq!(got, expected.iter().map(|n| pass_id(*n)).collect::<Vec<_>>(), "{query:?}");
        assert_eq!(page.total, Some(all.len() as u64), "{query:?}");
        assert_eq!(page.more, offset.saturating_add(limit) < all.len(), "{query:?}");
        for ((position, pass), n) in page.passes.iter().zip(&expected) {
            assert!(query.order.has(position));
            let known = &self.known[n];
            assert_eq!(
                (&pass.subject, &pass.template, pass.state, pass.wallets, pass.version),
                (&known.subject, &known.template, known.state, known.wallets(), known.version)
            );
            assert_eq!([pass.apple_since, pass.google_since], known.since);
            assert_eq!((pass.created_at, pass.updated_at), (known.born.0, known.touched.0));
            let attributes: BTreeMap<_, _> =
                pass.attributes.iter().map(|it| ((it.kind, it.name.clone()), it.value.clone())).collect();
            assert_eq!(attributes, known.attributes);
        }
        if let Some((position, _)) = page.passes.last() {
            let after = PassQuery { start: Start::After(position.clone()), count: Count::IfKept, ..query.clone() };
            let next = store.list_passes(after.clone()).await.unwrap();
            let got: Vec<PassId> = next.passes.iter().map(|(_, pass)| pass.id.clone()).collect();
            let expected = all.iter().skip(offset + limit).take(limit).map(|n| pass_id(*n));
            assert_eq!(got, expected.collect::<Vec<_>>(), "{after:?}");
            assert!(next.total.is_none_or(|total| total == all.len() as u64), "{after:?}");
        }
    }
}

pub fn a_pass(n: usize, template: usize, contact: bool) -> PassWrite {
    let subject = if contact { PassSubject::Contact(format!("c{n}")) } else { PassSubject::Movement(format!("{n}")) };
    PassWrite { subject, template: TEMPLATES[template].to_owned(), ..new_pass(n, "file") }
}

/// One of the names is of values that name a person.
pub fn a_value(name: &str, value: &str) -> KeptValue {
    match name {
        "secret" => KeptValue::Sealed { mac: format!("mac {value}"), sealed: vec![1, 2, 3] },
        _ => KeptValue::Clear(value.to_owned()),
    }
}

pub fn query(conditions: Vec<Condition>, order: Order) -> PassQuery {
    PassQuery {
        tenant: opera(),
        conditions,
        order,
        descending: false,
        start: Start::Offset(0),
        limit: 20,
        count: Count::Always,
    }
}
