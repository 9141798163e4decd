/**
 * A process of its own that increments one number of a vault: `FOLDER KEY TIMES`, or `s3://BUCKET KEY TIMES ENDPOINT` with
 * AWS's own variables. Prints how often it wrote.
 */
import { createFolderDriver } from '../../src/vault/folder';
import { createS3Driver } from '../../src/vault/s3';
import { increment } from './increment';

async function main([place = '', key = '', times = '', endpoint = '']: string[]): Promise<void> {
  const [, bucket] = place.split('s3://');
  const driver = bucket === undefined ? createFolderDriver(place) : createS3Driver({ bucket, prefix: '', endpoint });
  for (let done = 0; done < Number(times); done++) await increment(driver, key);
  process.stdout.write(times);
}

void main(process.argv.slice(2));
