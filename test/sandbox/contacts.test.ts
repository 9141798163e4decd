/** How contacts are listed, searched and deleted, and what the switches change. */
import { at, closeAfterEach, ids, post, setUp } from './ask';

closeAfterEach();

const SEARCH = '/contacts/search?email=zoe.nunez%40example.com';

describe('contact search', () => {
  test('by e-mail finds every shared contact with the address in any letter case, and no other', async () => {
    const { ask, acme } = await setUp();
    expect(ids(await ask(SEARCH))).toEqual(acme.truth.contactIds);
    expect(acme.truth.contactIds).toHaveLength(2);
  });

  test('heeds case where switched on', async () => {
    const { ask, acme } = await setUp();
    acme.behave({ search: 'case-sensitive' });
    expect(ids(await ask(SEARCH))).toEqual(acme.truth.contactIds.slice(0, 1));
    expect(ids(await ask('/contacts/search?email=Zoe.Nunez%40Example.com'))).toEqual(acme.truth.contactIds.slice(1));
  });

  test('finds a longer address that contains the value where switched to substrings', async () => {
    const { ask, acme } = await setUp();
    acme.behave({ search: 'substring' });
    const answer = await ask(SEARCH);
    expect(ids(answer)).toHaveLength(3);
    expect(answer.text).toContain('mary.zoe.nunez@example.com');
  });

  test('answers every shared contact without a known filter, with an empty one, and where switched to ignore filters', async () => {
    const { ask, acme } = await setUp();
    const shared = acme.contacts().filter(each => each.is_shared).length;
    const total = async (path: string) => at((await ask(path)).json, 'meta', 'total');
    expect(await total('/contacts/search')).toBe(shared);
    expect(await total('/contacts/search?query=zoe')).toBe(shared);
    expect(await total('/contacts/search?email=')).toBe(shared);
    acme.behave({ search: 'ignores-filter' });
    expect(await total(SEARCH)).toBe(shared);
  });

  test('by number ignores spaces and the plus, and answers nothing for a value without digits', async () => {
    const { ask, acme } = await setUp();
    const [first] = acme.truth.contactIds;
    expect(ids(await ask('/contacts/search?phone_number=%2B442079460958'))).toEqual([first]);
    expect(ids(await ask('/contacts/search?phone_number=442079460958'))).toEqual([first]);
    expect(ids(await ask('/contacts/search?phone_number=null'))).toEqual([]);
  });

  test('does not find a contact that is hidden from it, which the list and the contact itself show', async () => {
    const { ask, acme } = await setUp();
    const [first = 0, second = 0] = acme.truth.contactIds;
    acme.behave({ hideFromSearch: [first] });
    expect(ids(await ask(SEARCH))).toEqual([second]);
    expect(ids(await ask('/contacts/search?phone_number=%2B442079460958'))).toEqual([]);
    expect((await ask(`/contacts/${first}`)).status).toBe(200);
    const pages = await Promise.all([1, 2, 3, 4].map(page => ask(`/contacts?per_page=50&page=${page}`)));
    expect(pages.flatMap(ids)).toContain(first);
  });

  test('lags behind creations and deletions as long as switched on, while the contact itself is immediate', async () => {
    const { ask, acme, pass } = await setUp();
    const [first = 0, second = 0] = acme.truth.contactIds;
    acme.behave({ searchLagMs: 5_000 });
    const added = acme.addContact({ emails: [acme.truth.subjectEmail] });
    expect((await ask(`/contacts/${first}`, { method: 'DELETE' })).status).toBe(204);
    expect(ids(await ask(SEARCH))).toEqual([first, second]);
    expect((await ask(`/contacts/${first}`)).status).toBe(404);
    expect((await ask(`/contacts/${added.id}`)).status).toBe(200);
    pass(5_000);
    expect(ids(await ask(SEARCH))).toEqual([second, added.id]);
  });
});

describe('a contact', () => {
  test('that is private is never shown', async () => {
    const { ask, acme } = await setUp();
    const hidden = acme.contacts().find(each => !each.is_shared);
    expect(hidden?.emails[0]?.value).toBe(acme.truth.subjectEmail);
    expect((await ask(`/contacts/${hidden?.id}`)).status).toBe(404);
    expect((await ask(`/contacts/${hidden?.id}`, { method: 'DELETE' })).status).toBe(404);
  });

  test('that was deleted answers 404 from then on, or 204 to a second deletion where switched on', async () => {
    const { ask, acme } = await setUp();
    const remove = async () => (await ask(`/contacts/${acme.truth.contactIds[0]}`, { method: 'DELETE' })).status;
    expect(await remove()).toBe(204);
    expect(await remove()).toBe(404);
    acme.behave({ deleteTwice: 204 });
    expect(await remove()).toBe(204);
    expect((await ask('/contacts/1', { method: 'DELETE' })).status).toBe(404);
  });

  test('can be refused by itself while the credential is good', async () => {
    const { ask, acme } = await setUp();
    const [first = 0] = acme.truth.contactIds;
    acme.behave({ refuseContacts: [first] });
    expect((await ask(`/contacts/${first}`, { method: 'DELETE' })).status).toBe(403);
    expect((await ask('/ping')).status).toBe(200);
    expect(acme.contacts().some(each => each.id === first)).toBe(true);
  });

  test('whose details somebody edits is found under the new ones only', async () => {
    const { ask, acme } = await setUp();
    const [first = 0, second = 0] = acme.truth.contactIds;
    const edited = acme.updateContact(first, { emails: ['moved@example.com'], phone_numbers: ['+16025550199'] });
    expect([edited.emails[0]?.value, edited.phone_numbers[0]?.value, edited.first_name]).toEqual([
      'moved@example.com',
      '+16025550199',
      'Zoë',
    ]);
    expect(ids(await ask(SEARCH))).toEqual([second]);
    expect(ids(await ask('/contacts/search?email=moved%40example.com'))).toEqual([first]);
    expect(ids(await ask('/contacts/search?phone_number=%2B16025550199'))).toEqual([first]);
    expect(at((await ask(`/contacts/${first}`)).json, 'contact')).toEqual(edited);
    expect(() => acme.updateContact(1, {})).toThrow('contact 1 does not exist');
  });

  test('keeps its details if the API edits it, which takes names and texts only', async () => {
    const { ask, acme } = await setUp();
    const [first = 0] = acme.truth.contactIds;
    const emails = [{ label: 'Work', value: 'moved@example.com' }];
    const answer = await ask(`/contacts/${first}`, post({ first_name: 'Anna', emails }));
    expect(at(answer.json, 'contact', 'first_name')).toBe('Anna');
    expect(at(answer.json, 'contact', 'emails', 0, 'value')).toBe(acme.truth.subjectEmail);
  });

  test('is created with at least one number', async () => {
    const { ask, acme } = await setUp();
    expect((await ask('/contacts', post({ first_name: 'No', phone_numbers: [] }))).status).toBe(400);
    const phone_numbers = [{ label: 'Work', value: '+12025550101' }];
    const answer = await ask('/contacts', post({ first_name: 'Yes', phone_numbers }));
    expect(at(answer.json, 'contact', 'first_name')).toBe('Yes');
    expect(acme.contacts().at(-1)?.phone_numbers[0]?.value).toBe('+12025550101');
  });
});

describe('the contact list', () => {
  test('takes from and to as inclusive bounds of the creation', async () => {
    const { ask, acme } = await setUp();
    const shared = acme.contacts().filter(each => each.is_shared);
    const [a, b] = [shared[10]?.created_at, shared[12]?.created_at];
    expect(ids(await ask(`/contacts?from=${a}&to=${b}`))).toEqual(shared.slice(10, 13).map(each => each.id));
  });

  test('shifts when a row is deleted between two pages, as positions do', async () => {
    const { ask } = await setUp();
    const [gone] = ids(await ask('/contacts?per_page=50'));
    const before = ids(await ask('/contacts?per_page=50&page=2'));
    await ask(`/contacts/${gone}`, { method: 'DELETE' });
    expect(ids(await ask('/contacts?per_page=50&page=2')).slice(0, 2)).toEqual(before.slice(1, 3));
  });

  test('clamps per_page at 50, defaults to 20 and can be read backwards', async () => {
    const { ask } = await setUp();
    const clamped = await ask('/contacts?per_page=500');
    expect([ids(clamped).length, at(clamped.json, 'meta', 'per_page')]).toEqual([50, 50]);
    expect(ids(await ask('/contacts'))).toHaveLength(20);
    const total = Number(at(clamped.json, 'meta', 'total'));
    const pages = Math.ceil(total / 50);
    const last = ids(await ask(`/contacts?order=desc&per_page=50&page=${pages}`));
    expect(last).toHaveLength(total - (pages - 1) * 50);
    expect(last.at(-1)).toBe(ids(clamped)[0]);
  });

  test('links keep the filters unless they are switched to drop them', async () => {
    const { ask, acme, sandbox } = await setUp();
    const link = async () => at((await ask(`${SEARCH}&per_page=1&fetch_contact=true`)).json, 'meta', 'next_page_link');
    const paging = 'order=asc&order_by=created_at&per_page=1&page=2';
    expect(await link()).toBe(`${sandbox.baseUrl}/contacts/search?email=zoe.nunez%40example.com&${paging}`);
    acme.behave({ linksDropFilters: true });
    expect(await link()).toBe(`${sandbox.baseUrl}/contacts/search?${paging}`);
  });
});
