// What is sent to the CRM: where it is, what a request to it looks like.

/** The name of the tenant's credential. The host adds its value; a plugin never sees it. */
const CREDENTIAL = 'crm';

/** The base URL of the CRM, or undefined: the setting `crm`. */
export function crmOf(call) {
  return new Map(call.settings).get('crm');
}

/** When the event happened, as `2027-01-21T19:00:00.000Z`. A plugin has no other clock. */
export function dateOf(call) {
  return new Date(Number(call.at)).toISOString();
}

/** A question. */
export function questionTo(crm, name, path) {
  return {
    name,
    method: 'get',
    url: crm + path,
    headers: [['accept', 'application/json']],
    body: new Uint8Array(),
    credential: CREDENTIAL,
  };
}

/** An event that the CRM is told. */
export function eventFor(crm, name, event) {
  return {
    name,
    method: 'post',
    url: `${crm}/wallet-events`,
    headers: [['content-type', 'application/json']],
    body: new TextEncoder().encode(JSON.stringify(event)),
    credential: CREDENTIAL,
  };
}
