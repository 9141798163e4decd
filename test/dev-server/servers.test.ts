/**
 * Tests of the dev server itself, found or made through the real chain: what the rest of the project relies on. The
 * time-skipping server is tested by what runs on it: service/time, service/clock.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { type DevServer, startDevServer } from '../../dev-server';
import { makeFolder } from '../support/folders';

const TASK_QUEUE = 'partitions';

describe('the dev server', () => {
  let server: DevServer;

  beforeAll(async () => {
    server = await startDevServer({ ui: true, searchAttributes: { DsrTenant: 'Keyword', DsrDeadline: 'Datetime' } });
  });
  afterAll(() => server?.stop());

  it('keeps every task queue in one partition', async () => {
    const partitions = await server.env.connection.workflowService.listTaskQueuePartitions({
      namespace: 'default',
      taskQueue: { name: TASK_QUEUE },
    });

    expect(partitions.activityTaskQueuePartitions).toHaveLength(1);
    expect(partitions.workflowTaskQueuePartitions).toHaveLength(1);
  });

  it('knows the search attributes that it was asked for', async () => {
    const { customAttributes } = await server.env.connection.operatorService.listSearchAttributes({
      namespace: 'default',
    });

    expect(Object.keys(customAttributes ?? {})).toEqual(expect.arrayContaining(['DsrTenant', 'DsrDeadline']));
  });

  it('serves the Web UI at the address that it names', async () => {
    const response = await fetch(`${server.uiUrl}/`);

    expect(response.status).toBe(200);
    expect(await response.text()).toContain('<html');
  });

  it('refuses a port that is in use, where it would join the server that is there', async () => {
    const port = Number(server.address.split(':')[1]);

    await expect(startDevServer({ port })).rejects.toThrow(`port ${port} cannot be used`);
  });

  it('can be reached at the address that it names', async () => {
    const connection = await Connection.connect({ address: server.address });
    try {
      const { serverVersion } = await connection.workflowService.getSystemInfo({});
      expect(serverVersion).toMatch(/^1\.\d+/);
    } finally {
      await connection.close();
    }
  });
});

describe('a dev server with a database file', () => {
  const folder = makeFolder();
  const options = { dbFilename: join(folder, 'temporal.db'), searchAttributes: { DsrTenant: 'Keyword' } } as const;

  afterAll(() => rmSync(folder, { recursive: true }));

  it('still has its workflows and search attributes after a restart, and no Web UI unless asked', async () => {
    const before = await startDevServer(options);
    try {
      await before.env.client.workflow.start('unknown', { workflowId: 'kept', taskQueue: TASK_QUEUE });
    } finally {
      await before.stop();
    }

    const after = await startDevServer(options);
    try {
      const { status } = await after.env.client.workflow.getHandle('kept').describe();
      expect(status.name).toBe('RUNNING');
      expect(after.uiUrl).toBeUndefined();
    } finally {
      await after.stop();
    }
  });
});
