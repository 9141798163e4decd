/** The demo, as a script runs it: it ends by itself, tells its story on stderr and one document on stdout. */
import { readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import fetch from 'node-fetch';
import { z } from 'zod';
import { createOperator } from '../support/command-line';
import { resultSchema } from '../support/documents';
import { unzip } from '../support/zip';

const operator = createOperator();
afterAll(() => operator.stop());

const demoSchema = z.strictObject({
  access: resultSchema,
  deletion: resultSchema,
  doubtful: resultSchema,
  decided: resultSchema,
  packageFile: z.string(),
  links: z.strictObject({ access: z.url(), deletion: z.url(), doubtful: z.url(), decided: z.url() }),
});

test('the demo lets its Web UI decode, hands over a package, deletes a person, has a doubtful contact decided, and ends by itself with exit code 0', async () => {
  const demo = await operator.processes.serve(['demo', '--json'], /^Codec .*\n/m);
  const [, ui = '', codec = ''] = /Web UI (\S+)[\s\S]*^Codec .* (\S+)$/m.exec(demo.stderr()) ?? [];
  const settings = z.object({ Codec: z.object({ Endpoint: z.string() }) });
  const told = settings.parse(await (await fetch(`${ui}/api/v1/settings`)).json());
  expect(told.Codec.Endpoint).toBe(codec);
  const headers = { origin: ui, 'content-type': 'application/json' };
  const shown = await fetch(`${codec}/decode`, { method: 'POST', headers, body: '{ "payloads": [] }' });
  expect([shown.status, shown.headers.get('access-control-allow-origin')]).toEqual([200, ui]);

  const { exit, stdout, stderr } = await demo.ended();
  expect(exit).toBe(0);
  const { access, deletion, doubtful, decided, packageFile, links } = demoSchema.parse(JSON.parse(stdout));
  expect([access.status, deletion.status, deletion.verification?.state]).toEqual([
    'completed',
    'completed',
    'verified',
  ]);
  expect([doubtful.status, doubtful.counts.contacts]).toEqual(['partial', 1]);
  expect([decided.status, decided.counts.contacts]).toEqual(['completed', 2]);
  expect([...(await unzip(readFileSync(packageFile))).keys()]).toContain('access-package.json');
  rmSync(dirname(packageFile), { recursive: true });

  const chapters = [
    'Temporal ',
    'Aircall ',
    'Codec ',
    'Worker ',
    'asks for a copy of her data',
    'asks for the deletion of her data',
    'Another customer asks for a copy',
    'with --require-approval',
    'only a number of the person leads to the contact',
    'aircall-dsr approve demo-decided --plan',
    'Web UI',
  ];
  const places = chapters.map(chapter => stderr.lastIndexOf(chapter));
  expect(places).not.toContain(-1);
  for (const link of Object.values(links)) expect(stderr).toContain(link);
  expect(stderr).not.toContain('@');
});
