// Drives api-wgeasy (npm) against a server: URL and password are the arguments.
'use strict';

const assert = require('node:assert/strict');
const { WgEasyClient, LogLevel } = require('api-wgeasy');

async function main(baseUrl, password) {
  const wg = await WgEasyClient.connect({ baseUrl, password, logLevel: LogLevel.ERROR, cacheTTL: 0 });
  assert.ok(wg.isAuthenticated());
  assert.equal((await wg.getClients()).size, 0);
  const made = await wg.createClient('laptop');
  assert.equal(made.name, 'laptop');
  assert.equal(made.enabled, true);
  assert.equal(made.downloadableConfig, true);
  assert.equal(made.latestHandshakeAt, null);
  assert.equal(made.totalTransfer, 0);
  const { id } = made;
  assert.equal((await wg.getClient(id)).address, made.address);

  assert.equal((await wg.disableClient(id)).enabled, false);
  assert.equal((await wg.enableClient(id)).enabled, true);
  assert.equal((await wg.clients.rename(id, 'work_laptop')).name, 'work_laptop');
  assert.equal((await wg.clients.updateAddress(id, '10.8.66.6')).address, '10.8.66.6');

  const configuration = await wg.getClientConfig(id);
  assert.match(configuration, /^\[Interface\]\nPrivateKey = /);
  assert.match(configuration, /Address = 10\.8\.66\.6\/32/);
  assert.match(await wg.getClientQrCode(id), /<svg/);

  await wg.deleteClient(id);
  await assert.rejects(wg.getClient(id));
  assert.equal((await wg.getClients()).size, 0);
  await wg.logout();
  console.log('done');
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
