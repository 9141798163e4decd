/** The demo, as a script runs it: it ends by itself, tells its story on stderr and one document on stdout. */
import { readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { createOperator, resultSchema } from '../support/command-line';
import { unzip } from '../support/zip';

const operator = createOperator();
afterAll(() => operator.stop());

const demoSchema = z.strictObject({
  access: resultSchema,
  deletion: resultSchema,
  packageFile: z.string(),
  links: z.strictObject({ access: z.url(), deletion: z.url() }),
});

test('the demo hands over a package, deletes the person, and ends by itself with exit code 0', async () => {
  const { exit, stdout, stderr } = await operator.run(['demo', '--json']);
  expect(exit).toBe(0);
  const { access, deletion, packageFile, links } = demoSchema.parse(JSON.parse(stdout));
  expect([access.status, deletion.status, deletion.verification?.state]).toEqual([
    'completed',
    'completed',
    'verified',
  ]);
  expect([...(await unzip(readFileSync(packageFile))).keys()]).toContain('access-package.json');
  rmSync(dirname(packageFile), { recursive: true });

  const chapters = ['Temporal ', 'Aircall ', 'Worker ', 'asks for a copy of her data', 'asks to be deleted', 'Web UI'];
  const places = chapters.map(chapter => stderr.lastIndexOf(chapter));
  expect(places).not.toContain(-1);
  expect(stderr).toContain(links.access);
  expect(stderr).toContain(links.deletion);
  expect(stderr).not.toContain('@');
});
