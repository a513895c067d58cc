-- The tables of the store, one DDL for SQLite and PostgreSQL.
-- PostgreSQL first needs `CREATE DOMAIN blob AS bytea` and a database with LC_COLLATE 'C'.
--
-- Conventions: ids are made by the flow, so there are no identity columns and nothing leans on a rowid; integers are BIGINT; times are
-- milliseconds; booleans are 0 and 1; lists of names are JSON text; every key begins with the tenant, except what is shared by
-- definition (a budget) or found before the tenant is known (an API key). `*_mac` is an HMAC with the tenant's key, in hex. `*_sealed`
-- and `sealed_part` are ciphertext. Nothing here names a person.

-- The inbox: one row per accepted notification. A repetition joins its task and is never thrown away.
CREATE TABLE notification(
  tenant TEXT NOT NULL, id TEXT NOT NULL, task TEXT NOT NULL,
  -- The generation of the task that it asked for: answered when the task's `done` has reached it.
  gen BIGINT NOT NULL,
  received_at BIGINT NOT NULL, correlation TEXT NOT NULL, traceparent TEXT,
  state TEXT NOT NULL, movement TEXT, ticket TEXT, unknown_fields TEXT NOT NULL,
  PRIMARY KEY(tenant, id));
CREATE INDEX notification_task ON notification(tenant, task, gen);
CREATE INDEX notification_age ON notification(received_at);

-- Level-triggered work, one row per subject. Coalescing is `wanted` running ahead of `done`. `token_sealed` only while the subject is a
-- token: it opens the order to whoever has it.
CREATE TABLE task(
  tenant TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, token_sealed BLOB,
  wanted BIGINT NOT NULL, claimed BIGINT NOT NULL, done BIGINT NOT NULL, state TEXT NOT NULL,
  -- The most urgent of those that joined; `next_priority` collects while the task is leased.
  priority BIGINT NOT NULL, next_priority BIGINT,
  -- `run_at`: when it is due. `due_by`: the debounce may not push `run_at` beyond. `not_before`: a backoff or a pause that a
  -- notification may not shorten.
  run_at BIGINT NOT NULL, due_by BIGINT, not_before BIGINT,
  lease_until BIGINT NOT NULL, lease_token BIGINT NOT NULL, attempts BIGINT NOT NULL, expiries BIGINT NOT NULL,
  -- `held`: the void limit stopped it, and nobody has released it since; no run of it may void. Ended by a release, or by a run that
  -- was answered and would void nothing any more. `released`: a person has let it go on, until a run is done.
  held BIGINT NOT NULL, released BIGINT NOT NULL, stuck_at BIGINT, last_error TEXT,
  PRIMARY KEY(tenant, id), UNIQUE(tenant, kind, subject),
  CHECK(done <= claimed AND claimed <= wanted),
  CHECK(state IN ('ready', 'leased', 'idle', 'dead', 'held')),
  CHECK(held = 1 OR state <> 'held'));
CREATE INDEX task_ready ON task(tenant, priority, run_at) WHERE state = 'ready';
CREATE INDEX task_leased ON task(lease_until) WHERE state = 'leased';
CREATE INDEX task_stuck ON task(tenant, stuck_at) WHERE state = 'dead' OR held = 1;

-- An order's token leads to its file: two orders of a file (an exchange) must meet in one task.
CREATE TABLE order_alias(
  tenant TEXT NOT NULL, token_mac TEXT NOT NULL, order_id TEXT, file TEXT NOT NULL,
  PRIMARY KEY(tenant, token_mac));

-- The outcome of a run, for a person; append-only, until it is old.
CREATE TABLE run(
  tenant TEXT NOT NULL, id TEXT NOT NULL, task TEXT NOT NULL, gen BIGINT NOT NULL, lease_token BIGINT NOT NULL,
  fetch_started_at BIGINT, finished_at BIGINT NOT NULL, outcome TEXT NOT NULL, error TEXT, findings TEXT NOT NULL,
  secutix_calls BIGINT NOT NULL,
  PRIMARY KEY(tenant, id));
CREATE INDEX run_task ON run(tenant, task, finished_at);
CREATE INDEX run_age ON run(finished_at);

CREATE TABLE pass(
  tenant TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, version BIGINT NOT NULL,
  file TEXT, order_id TEXT, ticket TEXT, state TEXT NOT NULL, successor TEXT,
  template TEXT NOT NULL, template_digest TEXT NOT NULL, google_class TEXT,
  ticket_mac TEXT NOT NULL, apple_mac TEXT, google_mac TEXT,
  tag BIGINT NOT NULL, modified_s BIGINT NOT NULL, absent_since BIGINT,
  -- When it last went from live to void, and of which SecuTix institution it was: what the void limit counts.
  voided_at BIGINT, voided_of TEXT,
  created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
  -- In which wallets it is now, and since when: of the installation's status, repeated here because lists are filtered and sorted by it.
  wallets TEXT NOT NULL DEFAULT 'none', apple_since BIGINT, google_since BIGINT,
  -- Where it stands on the two lines that lists go along: the position that it was made at, and that of the last change which a list shows.
  born BIGINT NOT NULL, touched BIGINT NOT NULL,
  PRIMARY KEY(tenant, id), UNIQUE(tenant, kind, subject),
  CHECK(state IN ('live', 'void')),
  CHECK(wallets IN ('none', 'apple', 'google', 'apple+google')));
CREATE INDEX pass_file ON pass(tenant, file);
CREATE INDEX pass_class ON pass(tenant, google_class, state) WHERE google_class IS NOT NULL;
CREATE INDEX pass_voided ON pass(voided_of, voided_at) WHERE voided_at IS NOT NULL;
-- With what lists are filtered by, so that what is skipped is skipped in the index.
CREATE INDEX pass_born ON pass(tenant, born, template, state, wallets);
CREATE INDEX pass_touched ON pass(tenant, touched, template, state, wallets);
CREATE INDEX pass_apple ON pass(tenant, apple_since, id) WHERE apple_since IS NOT NULL;
CREATE INDEX pass_google ON pass(tenant, google_since, id) WHERE google_since IS NOT NULL;

-- The newest position given in the tenant's lists: 2^20 for each millisecond, and one more for each change within it. A row, as `tag` is, so
-- that positions rise in commit order.
CREATE TABLE pass_clock(tenant TEXT NOT NULL, value BIGINT NOT NULL, PRIMARY KEY(tenant));
-- How many passes stand on a line (`born`, `touched`) from `start` up to the next start, by what lists are filtered by most. Totals and deep
-- pages come from here, since a count of a million rows takes as long as they are many.
CREATE TABLE pass_tally(
  tenant TEXT NOT NULL, line TEXT NOT NULL, start BIGINT NOT NULL, template TEXT NOT NULL, state TEXT NOT NULL, wallets TEXT NOT NULL,
  passes BIGINT NOT NULL,
  PRIMARY KEY(tenant, line, start, template, state, wallets),
  CHECK(line IN ('born', 'touched')),
  CHECK(passes > 0));

-- Why a pass changed: `seq` counts from 1 without a gap; the first of them may have gone with the years.
CREATE TABLE pass_change(
  tenant TEXT NOT NULL, pass TEXT NOT NULL, seq BIGINT NOT NULL, at BIGINT NOT NULL, run TEXT,
  action TEXT NOT NULL, use_case TEXT NOT NULL, reason TEXT NOT NULL, fields TEXT NOT NULL, correlations TEXT NOT NULL,
  PRIMARY KEY(tenant, pass, seq));
CREATE INDEX pass_change_age ON pass_change(at);

-- Facts of an event: not personal.
CREATE TABLE event(
  tenant TEXT NOT NULL, key TEXT NOT NULL, version BIGINT NOT NULL, body BLOB NOT NULL, digest TEXT NOT NULL,
  observed_at BIGINT NOT NULL, witnesses BIGINT NOT NULL, ends_at BIGINT,
  PRIMARY KEY(tenant, key));

-- The events that a pass shows, in order. The pass's class is repeated here so that the classes of an event are found without
-- reading every pass of a stadium.
CREATE TABLE pass_event(
  tenant TEXT NOT NULL, pass TEXT NOT NULL, position BIGINT NOT NULL, event TEXT NOT NULL, shown TEXT NOT NULL, google_class TEXT,
  PRIMARY KEY(tenant, pass, position));
CREATE INDEX pass_event_event ON pass_event(tenant, event, google_class);

-- What is personal of a ticket: ciphertext, and the data key that it is under. Erasure is that the key's row is gone.
CREATE TABLE sealed_part(
  tenant TEXT NOT NULL, pass TEXT NOT NULL, data_key TEXT NOT NULL, nonce BLOB NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY(tenant, pass));
CREATE INDEX sealed_part_key ON sealed_part(tenant, data_key);
CREATE TABLE data_key(
  tenant TEXT NOT NULL, id TEXT NOT NULL, wrapped BLOB NOT NULL, wrapped_by TEXT NOT NULL, erase_at BIGINT NOT NULL,
  PRIMARY KEY(tenant, id));
CREATE INDEX data_key_erase ON data_key(erase_at);

-- The update tag of the tenant. A row, not a sequence: a sequence can commit out of order and hide a pass from a phone.
CREATE TABLE tag(tenant TEXT NOT NULL, value BIGINT NOT NULL, PRIMARY KEY(tenant));

CREATE TABLE device(
  tenant TEXT NOT NULL, id TEXT NOT NULL, push_mac TEXT NOT NULL, push_sealed BLOB NOT NULL, push_since BIGINT NOT NULL,
  PRIMARY KEY(tenant, id));
-- `tag`: the update tag that a registration took because its pass had changed since it was made, and what was downloaded may be older; else 0.
CREATE TABLE registration(
  tenant TEXT NOT NULL, device TEXT NOT NULL, pass TEXT NOT NULL, created_at BIGINT NOT NULL, tag BIGINT NOT NULL,
  PRIMARY KEY(tenant, device, pass));
CREATE INDEX registration_pass ON registration(tenant, pass);

-- Identifiers and metadata that somebody gave a pass beside its subject. One that names a person (an e-mail address) has no `value`: it is
-- found by its MAC, and sealed.
CREATE TABLE pass_attribute(
  tenant TEXT NOT NULL, pass TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT, mac TEXT, sealed BLOB,
  PRIMARY KEY(tenant, pass, kind, name),
  CHECK(kind IN ('identifier', 'metadata')),
  CHECK((value IS NULL) <> (mac IS NULL)));
CREATE INDEX pass_attribute_value ON pass_attribute(tenant, kind, name, value, pass) WHERE value IS NOT NULL;
CREATE INDEX pass_attribute_mac ON pass_attribute(tenant, kind, name, mac, pass) WHERE mac IS NOT NULL;
-- How many passes have an attribute of that name.
CREATE TABLE pass_attribute_tally(
  tenant TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, passes BIGINT NOT NULL,
  PRIMARY KEY(tenant, kind, name));

-- What was told of a pass in a wallet, by a phone, by Google or by Vibes: one shape for all. It waits (`folded` 0) until it is in the status;
-- Apple's are written with the change of a registration. `active`: registrations after it, where the source counts.
CREATE TABLE signal(
  tenant TEXT NOT NULL, source TEXT NOT NULL, event TEXT NOT NULL, pass TEXT NOT NULL, at BIGINT NOT NULL,
  wallet TEXT NOT NULL, kind TEXT NOT NULL, active BIGINT, folded BIGINT NOT NULL,
  PRIMARY KEY(tenant, source, event));
CREATE INDEX signal_newest ON signal(tenant, pass, wallet, at);
CREATE INDEX signal_pending ON signal(tenant, pass, at) WHERE folded = 0;
CREATE INDEX signal_age ON signal(at);
-- `changed_at`: of the newest signal that is in it.
CREATE TABLE installation(
  tenant TEXT NOT NULL, pass TEXT NOT NULL, version BIGINT NOT NULL, body TEXT NOT NULL, changed_at BIGINT NOT NULL,
  PRIMARY KEY(tenant, pass));
-- Where a comparison with the other side stands, so that it goes on after a stop.
CREATE TABLE backfill(
  tenant TEXT NOT NULL, target TEXT NOT NULL, since BIGINT NOT NULL, begun_at BIGINT NOT NULL, position TEXT,
  looked BIGINT NOT NULL, repaired BIGINT NOT NULL, ended_at BIGINT,
  PRIMARY KEY(tenant, target));

-- Vibes: the newest event of each device (`instance`, a MAC) that has or had a pass of theirs. `revision` counts the events of the pass in that
-- wallet in the order of their arrival.
CREATE TABLE vibes_instance(
  tenant TEXT NOT NULL, pass TEXT NOT NULL, wallet TEXT NOT NULL, instance TEXT NOT NULL, at BIGINT NOT NULL, event TEXT NOT NULL,
  installed BIGINT NOT NULL, revision BIGINT NOT NULL,
  PRIMARY KEY(tenant, pass, wallet, instance),
  CHECK(installed IN (0, 1)));
CREATE INDEX vibes_instance_age ON vibes_instance(at);

-- Level effects: one row per target; what is sent is read when it is sent.
CREATE TABLE effect(
  tenant TEXT NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL, want BIGINT NOT NULL, have BIGINT NOT NULL, state TEXT NOT NULL,
  run_at BIGINT NOT NULL, lease_until BIGINT NOT NULL, lease_token BIGINT NOT NULL, attempts BIGINT NOT NULL,
  expiries BIGINT NOT NULL, last_error TEXT,
  PRIMARY KEY(tenant, kind, target),
  CHECK(have <= want),
  CHECK(state IN ('ready', 'leased', 'idle', 'dead')));
CREATE INDEX effect_ready ON effect(tenant, kind, run_at) WHERE state = 'ready';
CREATE INDEX effect_leased ON effect(lease_until) WHERE state = 'leased';

-- What happened, in the words that a CRM and an analyst are told: kept for ever, and names nobody. `seq` counts those of a pass from 1 without
-- a gap; what is not about a pass (a test, an endpoint that was disabled) has none. `sealed`: identifiers that name a person, for a while.
CREATE TABLE happening(
  tenant TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, at BIGINT NOT NULL, recorded_at BIGINT NOT NULL, pass TEXT, seq BIGINT,
  operation TEXT, properties TEXT NOT NULL, sealed BLOB,
  PRIMARY KEY(tenant, id));
CREATE UNIQUE INDEX happening_of_pass ON happening(tenant, pass, seq) WHERE pass IS NOT NULL;
CREATE INDEX happening_at ON happening(tenant, at);
CREATE INDEX happening_recorded ON happening(tenant, recorded_at, id);
CREATE INDEX happening_type ON happening(tenant, type, at);
CREATE INDEX happening_sealed ON happening(recorded_at) WHERE sealed IS NOT NULL;

-- Endpoints of others that are told what happens. `sealed` holds the address, which may hold a token, what it is for, and the secrets.
-- `failing_since`: of the first failure after the last success; `failed_at`: of the last one. `not_before`: the endpoint is left alone until then.
CREATE TABLE webhook(
  tenant TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL, events TEXT NOT NULL, settings TEXT NOT NULL, sealed BLOB NOT NULL,
  enabled BIGINT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
  failing_since BIGINT, failed_at BIGINT, not_before BIGINT, disabled_at BIGINT, disabled_for TEXT,
  PRIMARY KEY(tenant, id),
  CHECK((failing_since IS NULL) = (failed_at IS NULL)),
  CHECK((enabled = 1) = (disabled_at IS NULL) AND (disabled_at IS NULL) = (disabled_for IS NULL)));

-- One happening to one endpoint. Those of a pass (`pass`, `seq` repeated from the happening) go out one after the other: of them one is `ready`
-- or `leased`, the others are `queued` behind it.
CREATE TABLE delivery(
  tenant TEXT NOT NULL, webhook TEXT NOT NULL, happening TEXT NOT NULL, pass TEXT, seq BIGINT, state TEXT NOT NULL,
  created_at BIGINT NOT NULL, run_at BIGINT NOT NULL, lease_until BIGINT NOT NULL, lease_token BIGINT NOT NULL,
  attempts BIGINT NOT NULL, expiries BIGINT NOT NULL, ended_at BIGINT, last_error TEXT,
  PRIMARY KEY(tenant, webhook, happening),
  CHECK(state IN ('ready', 'queued', 'leased', 'delivered', 'dead')),
  CHECK((state IN ('delivered', 'dead')) = (ended_at IS NOT NULL)));
CREATE INDEX delivery_ready ON delivery(tenant, webhook, run_at) WHERE state = 'ready';
CREATE INDEX delivery_leased ON delivery(lease_until) WHERE state = 'leased';
CREATE INDEX delivery_of_pass ON delivery(tenant, webhook, pass, seq) WHERE state IN ('ready', 'queued', 'leased');
CREATE INDEX delivery_waiting ON delivery(created_at) WHERE state IN ('ready', 'queued', 'leased');
CREATE INDEX delivery_dead ON delivery(tenant, webhook) WHERE state = 'dead';
CREATE INDEX delivery_listed ON delivery(tenant, webhook, created_at, happening);
CREATE INDEX delivery_ended ON delivery(ended_at) WHERE ended_at IS NOT NULL;

-- What an endpoint answered: its first 16 KB sealed, since it may well repeat what it was told. `n` is the token of the lease.
CREATE TABLE delivery_attempt(
  tenant TEXT NOT NULL, webhook TEXT NOT NULL, happening TEXT NOT NULL, n BIGINT NOT NULL, at BIGINT NOT NULL, took_ms BIGINT NOT NULL,
  status BIGINT, error TEXT, response_sealed BLOB,
  PRIMARY KEY(tenant, webhook, happening, n));
CREATE INDEX delivery_attempt_at ON delivery_attempt(at);

-- What a tenant's plugin wants sent for a happening, in the order of `position`: sealed until it was sent, and kept without its content afterwards,
-- so that it is not sent twice under one name.
CREATE TABLE plugin_request(
  tenant TEXT NOT NULL, happening TEXT NOT NULL, name TEXT NOT NULL, position BIGINT NOT NULL, decided_at BIGINT NOT NULL, sealed BLOB,
  sent_at BIGINT, status BIGINT,
  PRIMARY KEY(tenant, happening, name),
  CHECK((sealed IS NULL) = (sent_at IS NOT NULL)));
CREATE INDEX plugin_request_age ON plugin_request(decided_at);

-- Hourly snapshots of figures, for reports; kept for ever.
CREATE TABLE metric(
  tenant TEXT NOT NULL, at BIGINT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL, value BIGINT NOT NULL, properties TEXT NOT NULL,
  PRIMARY KEY(tenant, at, type, id));

CREATE TABLE api_key(
  id TEXT NOT NULL, tenant TEXT NOT NULL, secret_sha256 TEXT NOT NULL, scopes TEXT NOT NULL, label TEXT NOT NULL,
  created_at BIGINT NOT NULL, expires_at BIGINT, revoked_at BIGINT,
  PRIMARY KEY(id));
CREATE INDEX api_key_tenant ON api_key(tenant, created_at);

-- Calls made in the current window, by millisecond, and until when a scope is paused.
CREATE TABLE spending(scope TEXT NOT NULL, at BIGINT NOT NULL, spent BIGINT NOT NULL, PRIMARY KEY(scope, at));
CREATE TABLE pause(scope TEXT NOT NULL, until BIGINT NOT NULL, PRIMARY KEY(scope));

-- One row that `ping` writes: a transaction without a write touches no disk and proves nothing.
CREATE TABLE pulse(name TEXT NOT NULL, beats BIGINT NOT NULL, PRIMARY KEY(name));

-- Google Wallet: its root keys as they were fetched, where each tenant's round of looks stands, looks out of turn, and the notifications
-- that the holder of a pass was given.
CREATE TABLE google_roots(
  url TEXT NOT NULL, document TEXT NOT NULL, renew_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
  PRIMARY KEY(url));
CREATE TABLE google_round(tenant TEXT NOT NULL, begun_at BIGINT NOT NULL, position TEXT, PRIMARY KEY(tenant));
CREATE TABLE google_recheck(tenant TEXT NOT NULL, pass TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY(tenant, pass));
CREATE INDEX google_recheck_at ON google_recheck(at);
-- MACs of what Google was last brought of a class or an object.
CREATE TABLE google_brought(
  tenant TEXT NOT NULL, resource TEXT NOT NULL, body TEXT NOT NULL, told TEXT NOT NULL, template TEXT NOT NULL,
  PRIMARY KEY(tenant, resource));
-- A target is a pass, or a class, whose holders are all notified at once.
CREATE TABLE google_notified(
  tenant TEXT NOT NULL, target TEXT NOT NULL, at BIGINT NOT NULL, times BIGINT NOT NULL,
  PRIMARY KEY(tenant, target, at));

-- A message to holders, and what came of it by pass. `seq` counts the messages of a pass; `tag` is the update tag that it made.
CREATE TABLE notice(
  tenant TEXT NOT NULL, id TEXT NOT NULL, created_at BIGINT NOT NULL, body_sealed BLOB NOT NULL,
  PRIMARY KEY(tenant, id));
CREATE TABLE notice_pass(
  tenant TEXT NOT NULL, notice TEXT NOT NULL, pass TEXT NOT NULL, seq BIGINT NOT NULL, tag BIGINT NOT NULL, google TEXT NOT NULL,
  PRIMARY KEY(tenant, notice, pass),
  CHECK(google IN ('none', 'waiting', 'notified', 'silent')));
CREATE UNIQUE INDEX notice_of_pass ON notice_pass(tenant, pass, seq);
