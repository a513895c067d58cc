// The example plugin `crm`: which template a product gets, what a pass says of its holder, and what the CRM is told.
//
// Each exported object is one interface of wit/tenant/tenant.wit, its name in camelCase. A plugin that wants fewer hooks exports fewer. A hook
// is called anew, in a fresh instance, whenever there are more answers: nothing that a variable of this file holds is there the next time.
//
// What a hook returns is its decision. A plain object that it throws is its `fault`; an `Error` that it throws is a bug and ends the instance.

import { crmOf, dateOf, eventFor } from './crm.js';
import { lookUp } from './customer.js';

export const chooseTemplate = {
  choose(call, candidate) {
    const settings = new Map(call.settings);
    const product = new Map(candidate.selectors).get('product');
    const vipProducts = (settings.get('vip_products') ?? '').split(',').map((code) => code.trim());
    const vipTemplate = settings.get('vip_template');

    // `product` is undefined or empty where SecuTix does not say it, and an empty list splits into one empty code.
    const isVip = Boolean(product) && vipProducts.includes(product);
    return isVip && candidate.templates.includes(vipTemplate)
      ? { tag: 'chosen', val: vipTemplate }
      : { tag: 'default' };
  },
};

export const shapePayload = {
  shape(call, { pass }) {
    const crm = crmOf(call);
    if (!crm || pass.kind !== 'eventTicket') return { tag: 'unchanged' };

    const { ask, failed, customer } = lookUp(call, pass, crm);
    if (ask) return { tag: 'ask', val: ask };
    if (failed) return { tag: 'unchanged' };
    return { tag: 'variables', val: customer.tier ? [['tier', customer.tier]] : [] };
  },
};

export const onPassInstalled = {
  notify: (call, event) => tellOfWallet(call, event, 'installed'),
};

export const onPassUninstalled = {
  notify: (call, event) => tellOfWallet(call, event, 'removed'),
};

export const onOrderChanged = {
  notify(call, { changes }) {
    const crm = neededCrmOf(call);
    const deliveries = changes.map(({ pass, action, useCase, fields }, index) =>
      eventFor(crm, `change-${index}`, {
        event: action,
        passId: pass.id,
        passType: pass.template,
        useCase,
        fields,
        at: dateOf(call),
      }),
    );
    return { tag: 'deliver', val: deliveries };
  },
};

function tellOfWallet(call, { pass, wallet, walletStatus }, what) {
  const crm = neededCrmOf(call);
  const { ask, failed, customer } = lookUp(call, pass, crm);
  if (ask) return { tag: 'ask', val: ask };
  if (failed?.transient) throw { tag: 'retry' };

  const delivery = eventFor(crm, 'wallet-event', {
    event: what,
    passId: pass.id,
    passType: pass.template,
    wallet,
    walletStatus,
    // What cannot be found out is left out: the CRM wants to know of the wallet all the same.
    customerId: customer?.id ?? null,
    tier: customer?.tier ?? null,
    at: dateOf(call),
  });
  return { tag: 'deliver', val: [delivery] };
}

function neededCrmOf(call) {
  const crm = crmOf(call);
  if (!crm) throw { tag: 'reject', val: 'the setting crm is missing' };
  return crm;
}
