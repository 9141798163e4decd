/** The files behind recordings and voicemails: a real MP3 each, of any size, and the faults of their store. */
import { createHash } from 'node:crypto';
import type { FaultRule } from '../../sandbox';
import { until } from '../support/patience';
import { at, closeAfterEach, post, request, type Setup, setUp } from './ask';

closeAfterEach();

const linkOf = ({ acme }: Setup) => acme.calls().find(each => each.recording !== null)?.recording ?? '';

async function bytesOf(url: string): Promise<Buffer> {
  return Buffer.from(await (await fetch(url)).arrayBuffer());
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function withFault(rule: FaultRule): Promise<Setup> {
  return setUp({ faults: { rules: [], media: [{ requests: 1, ...rule }] } });
}

/** Sizes in bytes of the frames, by the tables of ISO 13818-3 for MPEG-2 layer III; throws where no frame begins. */
function framesOf(bytes: Buffer): number[] {
  const RATES = [22_050, 24_000, 16_000];
  const KBITS = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
  const tag = 10 + [...bytes.subarray(6, 10)].reduce((size, byte) => size * 128 + byte, 0);
  const sizes: number[] = [];
  for (let from = tag; from < bytes.length; from += sizes.at(-1) ?? 0) {
    const [sync, version, rates, mode = 0] = bytes.subarray(from, from + 4);
    expect([sync, version, mode >> 6]).toEqual([0xff, 0xf3, 3]);
    const rate = RATES[((rates ?? 0) >> 2) & 3] ?? 0;
    sizes.push(Math.floor((72_000 * (KBITS[(rates ?? 0) >> 4] ?? 0)) / rate) + (((rates ?? 0) >> 1) & 1));
    // No sound follows, and nothing that a player could take for the beginning of a frame.
    expect(bytes.subarray(from + 4, from + 13)).toEqual(Buffer.alloc(9));
    expect(bytes.subarray(from + 13, from + (sizes.at(-1) ?? 0)).includes(0xff)).toBe(false);
  }
  return sizes;
}

describe('the file of a recording', () => {
  test('is an MP3 of 2 to 6 kB, frame by frame to its end, and the same each time', async () => {
    const setup = await setUp();
    const bytes = await bytesOf(linkOf(setup));
    const frames = framesOf(bytes);
    expect(frames.length).toBeGreaterThan(50);
    expect(new Set(frames)).toEqual(new Set([36]));
    expect(bytes.length).toBeGreaterThan(2_000);
    expect(bytes.length).toBeLessThan(6_000);
    expect(await bytesOf(linkOf(setup))).toEqual(bytes);
  });

  test('has bytes of its own for every call, kind and company, as the company says', async () => {
    const { sandbox, acme } = await setUp();
    const all = sandbox.companies.flatMap(company => company.media());
    expect(all.length).toBeGreaterThan(20);
    expect(new Set(all.map(each => each.sha256)).size).toBe(all.length);
    expect(new Set(all.map(each => each.kind))).toEqual(new Set(['recording', 'voicemail']));
    for (const { call, kind, sizeBytes, sha256: digest } of acme.media().slice(0, 5)) {
      const bytes = await bytesOf(String(acme.calls().find(({ id }) => id === call)?.[kind]));
      expect([bytes.length, sha256(bytes)]).toEqual([sizeBytes, digest]);
    }
  });

  test('is as large as the company is switched to, and no two parts of it are the same', async () => {
    const setup = await setUp();
    setup.acme.behave({ mediaBytes: 2_000_000 });
    const bytes = await bytesOf(linkOf(setup));
    expect(bytes.length - 2_000_000).toBeGreaterThanOrEqual(0);
    expect(bytes.length - 2_000_000).toBeLessThan(36);
    const frames = Array.from({ length: 55_000 }, (_, n) =>
      bytes.toString('hex', bytes.length - 36 * (n + 1), bytes.length - 36 * n),
    );
    expect(new Set(frames).size).toBe(55_000);
  });

  test('is no more among those of its company once it was deleted', async () => {
    const { ask, acme } = await setUp();
    const [first] = acme.media();
    await ask(`/calls/${first?.call}/${first?.kind}`, { method: 'DELETE' });
    expect(acme.media()).not.toContainEqual(first);
  });

  test('is there once it is stored, some time after its call', async () => {
    const { acme } = await setUp();
    const shown = () => acme.calls().find(({ id }) => id === call);
    const call = acme.calls().find(each => each.answered_at !== null && each.recording === null)?.id ?? 0;
    acme.storeMedia(call, 'recording');
    const stored = acme.media().find(each => each.call === call);
    expect(sha256(await bytesOf(String(shown()?.recording)))).toBe(stored?.sha256);
    expect(() => acme.storeMedia(7, 'recording')).toThrow('call 7 does not exist');
  });
});

describe('the store of recordings', () => {
  test('logs its requests on their own, without what opens a link, and shows its files', async () => {
    const setup = await setUp();
    const { sandbox, acme } = setup;
    await bytesOf(linkOf(setup));
    expect(sandbox.requests()).toEqual([]);
    expect(sandbox.mediaRequests()).toEqual(acme.mediaRequests());
    expect(sandbox.mediaRequests()).toMatchObject([
      { number: 1, company: 'acme', method: 'GET', query: {}, status: 200 },
    ]);
    const shown = (await request(`${sandbox.origin}/_sandbox/media?company=acme`)).json;
    expect(at(shown, 'files')).toEqual(acme.media().map(file => ({ company: 'acme', ...file })));
    expect(at(shown, 'requests')).toEqual(sandbox.mediaRequests());
    await request(`${sandbox.origin}/_sandbox/clear-requests`, post({}));
    expect(sandbox.mediaRequests()).toEqual([]);
  });

  test('sends a file to its end although the link expires meanwhile', async () => {
    const setup = await withFault({ action: 'hold-body' });
    const { acme, sandbox, pass } = setup;
    acme.behave({ mediaSeconds: 1, mediaBytes: 500_000 });
    const link = linkOf(setup);
    const response = await fetch(link);
    pass(2_000);
    expect((await request(link)).status).toBe(403);
    expect(sandbox.mediaRequests()[0]).toMatchObject({ number: 1, status: null, fault: 'hold-body' });
    let whole: Buffer | undefined;
    response.arrayBuffer().then(
      bytes => {
        whole = Buffer.from(bytes);
      },
      () => {},
    );
    await until('the rest is sent', () => {
      sandbox.release();
      return whole !== undefined;
    });
    const stored = acme.media().find(({ call }) => link.includes(`call-${call}-`));
    expect(sha256(whole ?? Buffer.alloc(0))).toBe(stored?.sha256);
  });

  test('cuts a file off, sends it slowly, or something else, as its own rules say; API requests go by theirs', async () => {
    const cut = await withFault({ action: 'truncate' });
    expect((await cut.ask('/ping')).status).toBe(200);
    await expect(bytesOf(linkOf(cut))).rejects.toThrow('terminated');
    expect(framesOf(await bytesOf(linkOf(cut))).length).toBeGreaterThan(50);

    const slow = await withFault({ action: 'slow', delayMs: 1 });
    expect(framesOf(await bytesOf(linkOf(slow))).length).toBeGreaterThan(50);

    const page = await request(linkOf(await withFault({ action: 'html' })));
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html']);
    expect((await request(linkOf(await withFault({ action: 'status', status: 403 })))).status).toBe(403);

    const { sandbox, ask, ...rest } = await setUp({ faults: { rules: [{ action: 'status', status: 500 }] } });
    expect((await ask('/ping')).status).toBe(500);
    expect((await request(linkOf({ sandbox, ask, ...rest }))).status).toBe(200);
  });
});
