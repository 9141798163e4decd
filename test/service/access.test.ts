/** Access requests through the client, on a real server, against the sandbox's truth. */
import { startTestService, type TestService } from '../support/service';
import { unzip } from '../support/zip';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(async () => service.stop());

describe('an access request', () => {
  it('hands over every contact and call of the subject and nobody else’s', async () => {
    const { truth } = service.company;
    const { workflowId } = await service.client.start('access', {
      requestId: 'first',
      connection: service.connection,
      subject: { email: truth.subjectEmail },
    });
    const result = await service.client.result(workflowId);
    console.log(JSON.stringify(result, null, 1), truth.contactIds, truth.callIds.length, truth.ambiguousCallIds.length);
    const files = await unzip(await service.packageOf(result.package?.uri ?? ''));
    const document = JSON.parse(files.get('access-package.json') ?? '');
    expect(document.contacts.map(({ id }: { id: number }) => id).sort()).toEqual([...truth.contactIds].sort());
    expect(document.calls.map(({ id }: { id: number }) => id).sort()).toEqual([...truth.callIds].sort());
    expect(result.apiRequests).toBe(service.company.requests().length);
  });
});
