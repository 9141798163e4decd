/** What a person sees who opens the package from a folder: nothing runs, nothing leaves, everything can be read and heard. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { soundOf } from '../../sandbox/sound';
import { renderPages } from '../../src/package/page/pages';
import { LANGUAGES, type Language } from '../../src/request/options';
import { atOnce } from '../../src/slices';
import { openBrowser } from '../support/browser';
import { makeFolder, removeFolder } from '../support/folders';
import { emptyContent, pageContent } from '../support/page-content';

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
/** What WCAG 2.2 AA asks for, and what is good practice besides. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** Embedded in the documents; written anew where it is asked for. */
const SCREENSHOT = join(__dirname, '../../docs/images/access-package.png');

const NOTICE = `# Who we are\n\n**Acme Europe**, [privacy@acme.example](mailto:privacy@acme.example)\n\n| Purpose | Basis |\n|---|---|\n| Service | Contract |\n\n- ![pixel](https://tracker.example/pixel.png)\n- <script>document.title = 'ran'</script>\n- [click](javascript:alert(1))\n`;

/** What somebody may have typed into any field of Aircall. */
const HOSTILE = [
  '<script>document.title = "ran"</script>',
  '"><img src=https://evil.example/x onerror=alert(1)>',
  '</style><style>@import url(https://evil.example/a.css);</style>',
  '</title></textarea></table></svg><iframe src="https://evil.example"></iframe>',
  '<meta http-equiv=refresh content="0;url=https://evil.example">',
  '<base href="https://evil.example/"><link rel=prefetch href=https://evil.example>',
  'javascript:alert(1)',
  '=HYPERLINK("https://evil.example")',
  '../../../etc/passwd\u0000.mp3',
  '\u202egnp.exe\u2066\u2069\u2069 \u0007\ud800',
  '𝖟𝖔𝖊 مرحبا שלום 你好',
  'x'.repeat(2_000_000),
];

let browser: Browser;
let folder: string;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(async () => browser?.close());
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => removeFolder(folder));

type Content = Parameters<typeof renderPages>[0];

/** The package, in a folder as it is unpacked. @returns the addresses of its pages */
function unpack(content: Content, language: Language): string[] {
  const pages = atOnce(
    renderPages(content, { language, timezone: 'Europe/Paris', notice: { language, text: NOTICE } }),
  );
  const audio = [...content.recordings, ...content.voicemails].flatMap(media => ('file' in media ? [media.file] : []));
  const texts = pages.map(({ path, pieces }) => ({ path, bytes: Buffer.from([...pieces()].join('')) }));
  for (const { path, bytes } of [...texts, ...audio.map(path => ({ path, bytes: mp3() }))]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  return pages.map(({ path }) => pathToFileURL(join(folder, path)).href);
}

const SOUND = soundOf({ company: 'acme', callId: 1, kind: 'recording' }, 0);
/** By its frames, of 36 bytes and as many milliseconds each, behind a tag of some bytes. */
const SOUND_SECONDS = SOUND.sizeBytes / 1_000;

/** The recording of a call as the sandbox's store sends it. */
function mp3(): Buffer {
  return Buffer.concat([...SOUND.chunks()]);
}

interface Seen {
  readonly page: Page;
  /** Whatever was not the page itself or audio beside it. */
  readonly requests: string[];
  /** Refusals, errors, dialogs. */
  readonly complaints: string[];
}

async function open(url: string): Promise<Seen> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 }, bypassCSP: false });
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on('request', request => {
    if (!request.url().startsWith(pathToFileURL(folder).href)) requests.push(request.url());
  });
  page.on('console', message => complaints.push(message.text()));
  page.on('pageerror', error => complaints.push(String(error)));
  page.on('dialog', dialog => {
    complaints.push(dialog.message());
    void dialog.dismiss();
  });
  await page.goto(url, { waitUntil: 'load' });
  return { page, requests, complaints };
}

/** Rules of accessibility that the page breaks, with the first place of each. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const found: unknown = await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(RULES)}, resultTypes: ['violations'] })
      .then(({ violations, passes }) => ({ passed: passes.length, broken: violations.map(({ id, nodes }) => id + ': ' + nodes[0].html.slice(0, 200)) }))`,
  );
  expect(found).toMatchObject({ passed: expect.any(Number), broken: expect.any(Array) });
  const { passed, broken } = found as { passed: number; broken: string[] };
  expect(passed).toBeGreaterThan(15);
  return broken;
}

test.each(LANGUAGES)('in %s every page is accessible, names its language, and loads nothing', async language => {
  for (const content of [pageContent(), emptyContent()])
    for (const url of unpack(content, language)) {
      const { page, requests, complaints } = await open(url);
      expect(await page.getAttribute('html', 'lang')).toBe(language);
      expect(await violations(page)).toEqual([]);
      expect({ requests, complaints }).toEqual({ requests: [], complaints: [] });
      await page.close();
    }
});

test('whatever somebody typed into a field stays a text: nothing runs, and no request leaves the page', async () => {
  for (const [place, text] of HOSTILE.entries()) {
    const language = LANGUAGES[place % LANGUAGES.length] ?? 'en';
    for (const url of unpack(pageContent({ calls: 4, write: () => text }), language)) {
      const { page, requests, complaints } = await open(url);
      expect(await page.title()).not.toBe('ran');
      expect(await page.locator('script, iframe, img, object, embed, form, base, link').count()).toBe(0);
      expect(await page.locator('style').count()).toBe(1);
      expect(await violations(page)).toEqual([]);
      expect({ requests, complaints }).toEqual({ requests: [], complaints: [] });
      await page.close();
    }
  }
});

test('an MP3 plays from the folder, as long as it is', async () => {
  const [index = ''] = unpack(pageContent(), 'en');
  const { page } = await open(index);
  const played: unknown = await page.evaluate(`(async () => {
    const player = document.querySelector('audio');
    const happened = name => new Promise((resolve, reject) => {
      player.addEventListener(name, resolve, { once: true });
      player.addEventListener('error', () => reject(new Error(player.error.message)), { once: true });
    });
    player.muted = true;
    const ready = happened('canplay');
    const ended = happened('ended');
    await player.play();
    await ready;
    const { duration } = player;
    await ended;
    return { duration, source: player.currentSrc, playedSeconds: player.played.end(0) };
  })()`);
  const { duration, source, playedSeconds } = played as Record<'duration' | 'playedSeconds', number> & {
    source: string;
  };
  expect(source).toMatch(/^file:.*\.mp3$/);
  expect(Math.abs(duration - SOUND_SECONDS)).toBeLessThan(0.2);
  expect(Math.abs(playedSeconds - SOUND_SECONDS)).toBeLessThan(0.2);
  await page.close();
});

test('each page of 5,000 calls takes less than two seconds of work to open, and each call is on one page', async () => {
  const urls = unpack(pageContent({ calls: 5_000 }), 'en');
  expect(urls.length).toBeGreaterThan(5);
  let calls = 0;
  for (const url of urls) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
    const session = await page.context().newCDPSession(page);
    // Of the page's own thread: other work of the machine does not count.
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    await page.goto(url, { waitUntil: 'load' });
    await page.screenshot();
    const { metrics } = await session.send('Performance.getMetrics');
    const workSeconds = metrics.find(({ name }) => name === 'TaskDuration')?.value;
    expect(workSeconds).toBeGreaterThan(0);
    expect(workSeconds).toBeLessThan(2);
    calls += await page.locator('tbody.call').count();
    await page.close();
  }
  expect(calls).toBe(5_000);
});

test('the pages print, with transcripts in full', async () => {
  const [index = ''] = unpack(pageContent(), 'fr');
  const { page } = await open(index);
  await page.emulateMedia({ media: 'print' });
  const heights: unknown = await page.evaluate(
    `[...document.querySelectorAll('.transcript')].map(({ scrollHeight, clientHeight }) => scrollHeight - clientHeight)`,
  );
  expect(heights).toEqual([0, 0, 0, 0]);
  expect((await page.pdf({ format: 'A4' })).length).toBeGreaterThan(10_000);
  await page.close();
});

/** The narrowest for which WCAG asks that nothing is read by moving the page sideways. */
const NARROW = { width: 320, height: 800 };

test('on a narrow screen no page is wider than the screen, nor what was said in a call', async () => {
  for (const language of LANGUAGES) {
    const [index = ''] = unpack(pageContent({ write: plain => `${plain} ${'x'.repeat(400)}` }), language);
    const { page } = await open(index);
    await page.setViewportSize(NARROW);
    const ends: unknown = await page.evaluate(
      `[document.documentElement.scrollWidth, ...[...document.querySelectorAll('.both')].map(part => part.getBoundingClientRect().right)]`,
    );
    const [width, ...parts] = ends as number[];
    expect(width).toBe(NARROW.width);
    expect(parts.length).toBeGreaterThan(3);
    expect(Math.max(...parts)).toBeLessThanOrEqual(NARROW.width);
    await page.close();
  }
});

test('a picture of the first page', async () => {
  const [index = ''] = unpack(pageContent(), 'en');
  const { page } = await open(index);
  const picture = await page.screenshot({ fullPage: true, clip: { x: 0, y: 0, width: 1280, height: 2200 } });
  expect(picture.length).toBeGreaterThan(50_000);
  if (process.env.AIRCALL_DSR_SCREENSHOTS === '1') writeFileSync(SCREENSHOT, picture);
  await page.close();
});
