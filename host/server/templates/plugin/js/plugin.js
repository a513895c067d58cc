// What the venue decides for itself. Each hook is a function from values to values: no network, no files, no clock but `call.at`. What it wants
// sent, it returns, and the host sends it.
//
// Each exported object is one interface of wit/deps/tenant/tenant.wit, its name in camelCase, and stands in wit/world.wit as well.

/** A pass came into a wallet: the CRM is told. */
export const onPassInstalled = {
  notify(call, { pass, wallet }) {
    // `[plugin.settings]` of the tenant's configuration. Lists of pairs are read as a `Map`.
    const crm = new Map(call.settings).get('crm');
    // A fault is thrown as a plain object. An `Error` that is thrown is a bug, and ends the call.
    if (!crm) throw { tag: 'reject', val: 'the setting crm is missing' };

    const body = {
      event: 'installed',
      passId: pass.id,
      passType: pass.template,
      movementId: new Map(pass.identifiers).get('secutix.movementId') ?? null,
      wallet,
      at: new Date(Number(call.at)).toISOString(),
    };
    const request = {
      name: 'wallet-event',
      method: 'post',
      url: `${crm}/wallet-events`,
      headers: [['content-type', 'application/json']],
      body: new TextEncoder().encode(JSON.stringify(body)),
      // One of `[plugin.credentials]`; the host adds its value.
      credential: 'crm',
    };
    return { tag: 'deliver', val: [request] };
  },
};

// To know something first, return `{ tag: 'ask', val: [request] }`. The hook is called again, from its start, with the answer:
//
//   const answer = call.answers.find(({ name }) => name === 'customer');
//   if (!answer) return { tag: 'ask', val: [{ name: 'customer', method: 'get', url, headers: [], body: new Uint8Array(), credential: 'crm' }] };
//   // answer.outcome is { tag: 'ok', val: { status, headers, body } } or { tag: 'err', val: 'timed-out' }

// The other hooks have the host's defaults until they are written here, and named in wit/world.wit:
//
//   export const onPassUninstalled = { notify(call, event) {} };
//   export const onOrderChanged = { notify(call, event) {} };
//   export const chooseTemplate = { choose(call, candidate) {} };
//   export const shapePayload = { shape(call, subject) {} };
