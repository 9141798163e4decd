/** The webhook of alarms: the same alarm has the same id, however often it is sent; another due date makes another one. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RaisedAlarm } from '../../src/activities';
import { createAlarms } from '../../src/worker/alarms';
import { KEY } from '../receipt/support';

const ALARM: RaisedAlarm = {
  request: { connection: 'acme', kind: 'access', requestId: 'case-17' },
  runId: 'run-1',
  alarm: 'due-soon',
  regime: 'ccpa',
  dueAt: '2026-03-01T00:00:00.000Z',
};

test('an alarm that is sent again keeps its id; after an extension the next one has its own', async () => {
  const ids: unknown[] = [];
  const server = createServer((request, response) => {
    ids.push(request.headers['webhook-id']);
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const { send } = createAlarms({
    metrics: { add() {}, set() {} },
    log() {},
    signingKey: () => KEY,
    now: Date.now,
    webhook: `http://127.0.0.1:${port}/`,
  });
  await send(ALARM);
  await send(ALARM);
  await send({ ...ALARM, dueAt: '2026-04-15T00:00:00.000Z' });
  server.close();
  server.closeAllConnections();
  expect(ids[0]).toMatch(/^[0-9a-f]{64}$/);
  expect(ids[1]).toBe(ids[0]);
  expect(ids[2]).not.toBe(ids[0]);
});
