/**
 * A process of its own that increments one number of a vault: `FOLDER KEY TIMES`, or `s3://BUCKET KEY TIMES ENDPOINT` with
 * AWS's own variables. Prints how often it wrote.
 */
const { createFolderDriver } = require('../../dist/src/vault/folder.js');
const { createS3Driver } = require('../../dist/src/vault/s3.js');

async function main([place, key, times, endpoint]) {
  const [, bucket] = place.split('s3://');
  const driver = bucket === undefined ? createFolderDriver(place) : createS3Driver({ bucket, prefix: '', endpoint });
  let written = 0;
  while (written < Number(times)) {
    const stored = await driver.get(key);
    const next = Buffer.from(String(Number(stored?.value.toString() ?? '0') + 1));
    const won =
      stored === undefined
        ? await driver.putIfAbsent(key, next)
        : await driver.putIfUnchanged(key, next, stored.version);
    if (won) written += 1;
  }
  process.stdout.write(String(written));
}

void main(process.argv.slice(2));
