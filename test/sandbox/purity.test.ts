/** The sandbox shares nothing with the product: whatever both believe, they believe separately. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(__dirname, '../../sandbox');
const FILES = readdirSync(FOLDER);

test('the sandbox imports Node built-ins and itself, and nothing else', () => {
  const imported = FILES.flatMap(file =>
    [...readFileSync(join(FOLDER, file), 'utf8').matchAll(/\bfrom '([^']+)'/g)].map(match => match[1]),
  );
  expect(imported.length).toBeGreaterThan(FILES.length);
  expect(imported.filter(each => !/^(node:[a-z/]+|\.\/[a-z-]+)$/.test(each ?? ''))).toEqual([]);
});

test('the sandbox draws no unseeded randomness and writes nothing to stdout', () => {
  for (const file of FILES) {
    expect(readFileSync(join(FOLDER, file), 'utf8')).not.toMatch(
      /Math\.random\(|randomUUID|randomBytes|console\.|stdout\.write/,
    );
  }
});
