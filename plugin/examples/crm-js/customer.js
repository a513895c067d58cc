// Who holds a pass, as far as the CRM knows.

import { questionTo } from './crm.js';

const QUESTION = 'customer';
const UNKNOWN = { id: null, tier: null };

/**
 * One of three: `{ ask }`, the question that the host is to put first; `{ failed }`, with `transient` where it may go better later;
 * `{ customer }`, whose fields are null where they are not known.
 */
export function lookUp(call, pass, crm) {
  const movement = new Map(pass.identifiers).get('secutix.movementId');
  if (movement === undefined) return { customer: UNKNOWN };

  const answer = call.answers.find(({ name }) => name === QUESTION);
  if (!answer) return { ask: [questionTo(crm, QUESTION, `/customers?movement=${encodeURIComponent(movement)}`)] };

  // A `result` inside a value is `{ tag: 'ok', val }` or `{ tag: 'err', val }`.
  const { tag, val } = answer.outcome;
  if (tag === 'err') return { failed: { transient: ['unreachable', 'timed-out', 'over-budget'].includes(val) } };
  if (val.status === 200) return { customer: customerIn(val.body) };
  if (val.status === 404) return { customer: UNKNOWN };
  return { failed: { transient: val.status === 429 || val.status === 503 } };
}

function customerIn(body) {
  const { customerId, tier } = objectIn(body);
  return { id: textOrNull(customerId), tier: textOrNull(tier) };
}

/** The JSON object that it is; an empty one where it is something else. */
function objectIn(body) {
  try {
    const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return value instanceof Object ? value : {};
  } catch {
    return {};
  }
}

function textOrNull(value) {
  return typeof value === 'string' && value !== '' ? value : null;
}
