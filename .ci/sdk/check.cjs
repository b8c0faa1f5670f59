// Unipile's published SDK speaks to the simulated Unipile and validates every body with its own schemas.
// Usage: node check.cjs '{"baseUrl": …, "apiKey": …, "accounts": […], "stranger": {…}}'
'use strict';
const assert = require('node:assert/strict');
const { UnipileClient } = require('unipile-node-sdk');

const world = JSON.parse(process.argv[2]);
// With level "error", a success whose body does not fit the SDK's schema throws.
const strict = { validateRequestPayload: true, validateRequestPayloadLevel: 'error' };
const client = new UnipileClient(world.baseUrl, world.apiKey, strict);
const [account] = world.accounts;

const checks = [];
const check = (name, run) => checks.push([name, run]);

// What the SDK throws for an error carries the body: it has to be one of the provider's.
const refused = async (call, status, type) => {
  const error = await call.then(() => assert.fail('was not refused'), (error) => error);
  assert.equal(error.body?.status, status, JSON.stringify(error.body ?? error.message));
  assert.equal(error.body.type, `errors/${type}`);
  assert.equal(typeof error.body.title, 'string');
};

check('relations are listed page by page, newest first', async () => {
  const seen = [];
  let cursor;
  let pages = 0;
  do {
    const page = await client.users.getAllRelations({ account_id: account, limit: 100, cursor });
    seen.push(...page.items);
    cursor = page.cursor;
    pages += 1;
  } while (cursor);
  assert.equal(pages, 3);
  assert.equal(seen.length, 250);
  assert.equal(new Set(seen.map((relation) => relation.member_id)).size, 250);
  seen.reduce((newer, older) => (assert.ok(newer.created_at >= older.created_at), older));
});

check('a profile is found by both of its names', async () => {
  const { items } = await client.users.getAllRelations({ account_id: account, limit: 1 });
  const [relation] = items;
  for (const identifier of [relation.public_identifier, relation.member_id]) {
    const profile = await client.users.getProfile({ account_id: account, identifier });
    assert.equal(profile.provider_id, relation.member_id);
    assert.equal(profile.network_distance, 'FIRST_DEGREE');
    assert.equal(profile.is_relationship, true);
  }
});

check('the own profile is a route of its own', async () => {
  const own = await client.users.getOwnProfile(account);
  assert.equal(own.object, 'AccountOwnerProfile');
});

check('an invite is sent once', async () => {
  const invite = { account_id: account, provider_id: world.stranger.providerId, message: 'Open to connect?' };
  const sent = await client.users.sendInvitation(invite);
  assert.equal(sent.object, 'UserInvitationSent');
  await refused(client.users.sendInvitation(invite), 422, 'already_invited_recently');
  const profile = await client.users.getProfile({ account_id: account, identifier: world.stranger.publicIdentifier });
  assert.deepEqual(profile.invitation, { type: 'SENT', status: 'PENDING' });
});

check('a relation can not be invited', async () => {
  const { items } = await client.users.getAllRelations({ account_id: account, limit: 1 });
  const invite = { account_id: account, provider_id: items[0].member_id };
  await refused(client.users.sendInvitation(invite), 422, 'already_connected');
});

// The SDK's schema of the list knows the events of messages and mails only, so this is the one kind it can validate.
check('a webhook is created, listed and deleted', async () => {
  const { webhook_id } = await client.webhook.create({
    source: 'messaging',
    name: 'acceptd-messages',
    request_url: 'http://127.0.0.1:9/webhooks/unipile',
    events: ['message_received'],
    headers: [{ key: 'Unipile-Auth', value: 's3cret' }, { key: 'Content-Type', value: 'application/json' }],
  });
  const { items } = await client.webhook.getAll();
  const webhook = items.find(({ id }) => id === webhook_id);
  assert.equal(webhook.name, 'acceptd-messages');
  assert.deepEqual(webhook.headers[0], { key: 'Unipile-Auth', value: 's3cret' });
  await client.webhook.delete(webhook_id);
  assert.equal((await client.webhook.getAll()).items.length, 0);
  await refused(client.webhook.delete(webhook_id), 404, 'resource_not_found');
});

check('a wrong key, a wrong account, a wrong cursor and nobody are refused', async () => {
  const stranger = new UnipileClient(world.baseUrl, 'wrong', strict);
  await refused(stranger.users.getAllRelations({ account_id: account }), 401, 'missing_credentials');
  await refused(client.users.getAllRelations({ account_id: 'nobody' }), 404, 'resource_not_found');
  await refused(client.users.getAllRelations({ account_id: account, cursor: 'b2xk' }), 400, 'invalid_parameters');
  await refused(client.users.getProfile({ account_id: account, identifier: 'nobody-at-all' }), 422, 'invalid_recipient');
});

(async () => {
  let failed = 0;
  for (const [name, run] of checks) {
    try {
      await run();
      console.log(`ok      ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n${error.stack ?? error}`);
    }
  }
  console.log(`${checks.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
})();
