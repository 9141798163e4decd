import { startTimeSkippingServer } from '../../dev-server';
it('probes', async () => {
  const env = await startTimeSkippingServer();
  const out: string[] = [];
  const t = async (n: string, f: () => Promise<unknown>) => { try { out.push(n + ' ok ' + JSON.stringify(await f())?.slice(0,200)); } catch (e) { out.push(n + ' ERR ' + String(e).slice(0,200)); } };
  await t('listSA', () => env.connection.operatorService.listSearchAttributes({ namespace: 'default' }));
  await t('addSA', () => env.connection.operatorService.addSearchAttributes({ namespace: 'default', searchAttributes: { DsrKind: 2, DsrConnection: 2, DsrStatus: 2, DsrSubject: 2, DsrDueAt: 6 } }));
  await t('listSA', () => env.connection.operatorService.listSearchAttributes({ namespace: 'default' }));
  await t('parts', () => env.connection.workflowService.listTaskQueuePartitions({ namespace: 'default', taskQueue: { name: 'x' } }));
  await t('descq', () => env.connection.workflowService.describeTaskQueue({ namespace: 'default', taskQueue: { name: 'x' } }));
  await t('time', () => env.currentTimeMs());
  console.log(env.address, out.join('\n'));
  await env.teardown();
});
