/** How calls are listed and searched, what belongs to them, and what deleting their media destroys. */
import { INTELLIGENCE } from '../../sandbox/behaviour';
import { createCompanySeed } from '../../sandbox/index';
import { at, basic, closeAfterEach, ids, NOW, request, setUp } from './ask';

closeAfterEach();

const DAY_MS = 86_400_000;
const MAIN = encodeURIComponent('+14155550123');

describe('call search', () => {
  test('by number answers all pages of the calls with that party and hides those beyond six months', async () => {
    const { ask, acme } = await setUp();
    const pages = [1, 2, 3, 4].map(page => ask(`/calls/search?phone_number=${MAIN}&per_page=50&page=${page}`));
    const found = (await Promise.all(pages)).flatMap(ids);
    const hidden = acme.calls().filter(each => each.started_at * 1_000 < NOW - 190 * DAY_MS);
    expect(found).toHaveLength(110);
    expect(found.every(id => acme.truth.callIds.some(each => each === id))).toBe(true);
    expect(hidden).toHaveLength(5);
    expect(hidden.some(each => found.includes(each.id))).toBe(false);
  });

  test('shows whom Aircall attached to calls on a shared number, only when asked for the contact', async () => {
    const { ask, acme } = await setUp();
    const path = '/calls/search?phone_number=14155550199&per_page=50';
    const attached = (
      await Promise.all([ask(`${path}&fetch_contact=true`), ask(path), ask(`${path}&fetch_contact=1`)])
    ).map(answer => ids(answer).map((_, index) => at(answer.json, 'calls', index, 'contact', 'id') ?? null));
    const [withContact = [], without = [], misspelt = []] = attached;
    const hers = withContact.filter(id => id === acme.truth.contactIds[1]).length;
    expect([withContact.length, hers, acme.truth.ambiguousCallIds.length]).toEqual([13, 7, 6]);
    expect([...without, ...misspelt].every(id => id === null)).toBe(true);
  });

  test('needs all tags, and heeds direction and user', async () => {
    const { ask, acme } = await setUp();
    const tagged = acme
      .calls()
      .find(each => each.tags.length === 1 && each.user !== null && each.started_at * 1_000 > NOW - 100 * DAY_MS);
    const path = `/calls/search?per_page=50&tags[]=${tagged?.tags[0]?.id}&direction=${tagged?.direction}&user_id=${tagged?.user?.id}`;
    expect(ids(await ask(path))).toContain(tagged?.id);
    expect(ids(await ask(`${path}&tags[]=1`))).toEqual([]);
  });

  test('a contact that was deleted leaves its calls, without it', async () => {
    const { ask, acme } = await setUp();
    for (const id of acme.truth.contactIds) await ask(`/contacts/${id}`, { method: 'DELETE' });
    const answer = await ask(`/calls/search?phone_number=${MAIN}&fetch_contact=true&per_page=50`);
    expect(at(answer.json, 'meta', 'total')).toBe(110);
    expect(at(answer.json, 'calls', 0, 'contact')).toBeNull();
    expect(at(answer.json, 'calls', 0, 'raw_digits')).toBe('+1 415-555-0123');
  });
});

describe('the call list', () => {
  test('takes from as an exclusive and to as an inclusive bound', async () => {
    const { ask, acme } = await setUp();
    const [a, b, c] = acme.calls().slice(100, 103);
    expect(ids(await ask(`/calls?from=${a?.started_at}&to=${c?.started_at}`))).toEqual([b?.id, c?.id]);
  });

  test('refuses to page beyond 10,000 rows, however few there are', async () => {
    const { ask } = await setUp();
    expect((await ask('/calls?page=500&per_page=20')).status).toBe(200);
    expect((await ask('/calls?page=501&per_page=20')).status).toBe(400);
    expect((await ask('/contacts?page=201&per_page=99')).status).toBe(400);
  });

  test('serves 20,000 calls, and goes on linking at the cap', async () => {
    const company = createCompanySeed({ name: 'acme', seed: 1, contacts: 1_000, calls: 20_000, now: NOW });
    const { ask, sandbox } = await setUp({ companies: [company] });
    const last = await ask('/calls?page=200&per_page=50&order=desc');
    expect(ids(last)).toHaveLength(50);
    expect(at(last.json, 'meta', 'next_page_link')).toBe(`${sandbox.baseUrl}/calls?order=desc&page=201&per_page=50`);
    expect(at((await ask(`/calls/search?phone_number=${MAIN}`)).json, 'meta', 'total')).toBe(110);
  });

  test('shows a call that is added, at its place in time', async () => {
    const { ask, acme } = await setUp();
    const [pattern] = createCompanySeed({ name: 'acme', seed: 1, contacts: 0, calls: 0, now: NOW }).calls;
    if (pattern === undefined) throw new Error('a seed without calls');
    const added = acme.addCall({ ...pattern, id: 77, started_at: Math.floor(NOW / 1_000) - 5 });
    expect(ids(await ask('/calls?order=desc&per_page=1'))).toEqual([added.id]);
    expect((await ask('/calls/77')).status).toBe(200);
  });
});

describe('recordings and voicemails', () => {
  test('are served to whoever has the URL, and to nobody who also authenticates', async () => {
    const { acme } = await setUp();
    const url = acme.calls().find(each => each.recording !== null)?.recording ?? '';
    const good = await request(url);
    expect([good.status, good.headers.get('content-type'), good.text.slice(0, 3)]).toEqual([200, 'audio/mpeg', 'ID3']);
    const refused = await request(url, { headers: { Authorization: basic(acme) } });
    expect(refused.status).toBe(400);
    expect(refused.text).toContain('Only one auth mechanism allowed');
    expect((await request(url.replace('Expires=3600', 'Expires=9999'))).status).toBe(403);
  });

  test('have URLs that expire, and a new one each time the call is read', async () => {
    const { ask, acme, pass } = await setUp();
    acme.behave({ mediaSeconds: 600 });
    const { voicemail, id } = acme.calls().find(each => each.voicemail !== null) ?? {};
    expect((await request(voicemail ?? '')).status).toBe(200);
    pass(600_000);
    expect((await request(voicemail ?? '')).status).toBe(403);
    const fresh = at((await ask(`/calls/${id}`)).json, 'call', 'voicemail');
    expect((await request(String(fresh))).status).toBe(200);
  });

  test('are deleted with all that was made of them; deleting what is not there succeeds too', async () => {
    const { ask, acme } = await setUp();
    const { id, recording } = acme.calls().find(each => each.recording !== null) ?? {};
    acme.behave({ intelligence: true });
    expect((await ask(`/calls/${id}/transcription`)).status).toBe(200);
    expect((await ask(`/calls/${id}/voicemail`, { method: 'DELETE' })).status).toBe(204);
    expect((await ask(`/calls/${id}/recording`, { method: 'DELETE' })).status).toBe(204);
    expect((await ask(`/calls/${id}/transcription`)).status).toBe(404);
    expect((await request(recording ?? '')).status).toBe(404);
    const call = (await ask(`/calls/${id}`)).json;
    expect([at(call, 'call', 'recording'), at(call, 'call', 'asset')]).toEqual([null, null]);
    acme.behave({ mediaDeleteStatus: 200 });
    expect((await ask(`/calls/${id}/recording`, { method: 'DELETE' })).status).toBe(200);
    expect((await ask('/calls/1/recording', { method: 'DELETE' })).status).toBe(404);
  });

  test('have short URLs only when asked for', async () => {
    const { ask, acme } = await setUp();
    const { id } = acme.calls().find(each => each.recording !== null) ?? {};
    expect(at((await ask(`/calls/${id}`)).json, 'call', 'recording_short_url')).toBeNull();
    const short = at((await ask(`/calls/${id}?fetch_short_urls=true`)).json, 'call', 'recording_short_url');
    expect((await request(String(short))).status).toBe(200);
  });
});

describe('conversation intelligence', () => {
  test('answers 403 to a company without it, and 404 where nothing was made', async () => {
    const { ask, acme } = await setUp();
    const [call] = acme.calls().filter(each => each.recording === null && each.voicemail === null);
    expect((await ask(`/calls/${call?.id}/summary`)).status).toBe(403);
    acme.behave({ intelligence: true });
    expect((await ask(`/calls/${call?.id}/summary`)).status).toBe(404);
  });

  test('answers for all that is made of a call, in known envelopes or in one that nobody knows', async () => {
    const { ask, acme } = await setUp();
    acme.behave({ intelligence: true });
    const { id } = acme.calls().find(each => each.recording !== null) ?? {};
    for (const leaf of INTELLIGENCE) {
      acme.behave({ envelopes: 'documented' });
      const known = await ask(`/calls/${id}/${leaf}`);
      acme.behave({ envelopes: 'unknown' });
      const unknown = await ask(`/calls/${id}/${leaf}`);
      expect([leaf, known.status, unknown.status]).toEqual([leaf, 200, 200]);
      expect(at(unknown.json, 'data', 'attributes')).toEqual(known.json);
    }
  });

  test('makes transcripts as long as it is told to, of the same speakers, and the same each time', async () => {
    const { ask, acme } = await setUp();
    acme.behave({ intelligence: true });
    const { id } = acme.calls().find(each => each.recording !== null) ?? {};
    const transcript = async () => (await ask(`/calls/${id}/transcription`)).json;
    const short = await transcript();
    acme.behave({ transcriptBytes: 50_000 });
    const long = await transcript();
    expect(await transcript()).toEqual(long);
    const length = JSON.stringify(long).length;
    expect([length > 50_000, length < 52_000]).toEqual([true, true]);
    const speakers = (json: unknown) => [...new Set(JSON.stringify(json).match(/"participant_type":"[a-z]+"/g))];
    expect(speakers(long)).toEqual(speakers(short));
    expect(JSON.stringify(long)).toContain(JSON.stringify(at(short, 'transcription', 'content', 'utterances', '0')));
  });

  test('answers 403 for the parts that a company does not pay for', async () => {
    const { ask, acme } = await setUp();
    acme.behave({ intelligence: true, intelligenceLacks: ['predicted_csat'] });
    const { id } = acme.calls().find(each => each.recording !== null) ?? {};
    expect((await ask(`/calls/${id}/predicted_csat`)).status).toBe(403);
    expect((await ask(`/calls/${id}/summary`)).status).toBe(200);
  });

  test('hears everybody in a call that was transferred, or is a conference', async () => {
    const { ask, acme } = await setUp();
    acme.behave({ intelligence: true });
    const users = [...new Set(acme.calls().flatMap(({ user }) => user?.id ?? []))];
    const [first = 0, second = 0] = users;
    const [pattern] = createCompanySeed({ name: 'acme', seed: 1, contacts: 0, calls: 0, now: NOW }).calls;
    if (pattern === undefined) throw new Error('a seed without calls');
    const call = {
      ...pattern,
      recording: true,
      raw_digits: '+1 415-555-0123',
      started_at: Math.floor(NOW / 1_000) - 60,
    };
    acme.addCall({ ...call, id: 71, userId: second, transferredBy: first, transferredTo: second });
    const other = { type: 'external', phone_number: '+1 303-555-0101' } as const;
    acme.addCall({ ...call, id: 72, userId: first, participants: [other] });
    expect(acme.calls().find(({ id }) => id === 71)).toMatchObject({
      transferred_by: { id: first },
      transferred_to: { id: second },
    });
    const heard = async (id: number, field: string) => {
      const said = at((await ask(`/calls/${id}/transcription`)).json, 'transcription', 'content', 'utterances');
      return Array.isArray(said) ? said.flatMap(each => at(each, field) ?? []) : [];
    };
    expect(await heard(71, 'user_id')).toEqual([first, second]);
    expect(await heard(72, 'phone_number')).toEqual(['+14155550123', '+13035550101']);
  });
});
