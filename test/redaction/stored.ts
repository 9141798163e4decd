/** What was found, as it lies in the vault before it is redacted: without links that are keys. */
import { stripLinks, stripMade } from '../../src/aircall/links';
import type { Findings } from '../../src/redaction/findings';

export function asStored({ contacts, calls, transcripts, insights }: Findings): Findings {
  return read({
    contacts: contacts.map(card => stripLinks('contacts', { ...card })),
    calls: calls.map(call => stripLinks('calls', { ...call })),
    transcripts: transcripts.map(each => ({ ...each, content: stripMade(each.content) })),
    insights: insights.map(each => ({ ...each, content: stripMade(each.content) })),
  });
}

function read(stored: unknown): Findings {
  return JSON.parse(JSON.stringify(stored));
}
