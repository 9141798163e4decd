/** A process of its own that increments one number of a vault folder: `FOLDER KEY TIMES`. Prints how often it wrote. */
import { createFolderDriver } from '../../src/vault/folder';
import { increment } from './increment';

async function main([folder = '', key = '', times = '']: string[]): Promise<void> {
  const driver = createFolderDriver(folder);
  for (let done = 0; done < Number(times); done++) await increment(driver, key);
  process.stdout.write(times);
}

void main(process.argv.slice(2));
