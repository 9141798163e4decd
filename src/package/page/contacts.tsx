/** A card for each contact of the person. */
import type { ComponentChildren } from 'preact';
import type { RecordShown } from './content';
import { type ContactShown, type Labelled, readContact } from './records';
import { Fields, Inline, ITEMS_MAX, Items, Prose } from './text';
import type { Words } from './words';

export function Contacts({ contacts, words }: { readonly contacts: readonly RecordShown[]; readonly words: Words }) {
  const { catalog } = words;
  if (contacts.length === 0) return <p>{catalog.contacts.none}</p>;
  const beyond = contacts.length - ITEMS_MAX;
  return (
    <>
      <div class="cards">
        {contacts.slice(0, ITEMS_MAX).map(contact => (
          <Card contact={readContact(contact)} words={words} />
        ))}
      </div>
      {beyond > 0 && <p class="note">{catalog.more(words.number(beyond))}</p>}
    </>
  );
}

function Card({ contact, words }: { readonly contact: ContactShown; readonly words: Words }) {
  const { contacts } = words.catalog;
  const { name, company, emails, phoneNumbers, notes, created, updated, others } = contact;
  return (
    <article class="card">
      <h3>{name === '' ? contacts.unnamed : <Inline text={name} words={words} />}</h3>
      <dl>
        <Field name={contacts.company}>{company !== undefined && <Inline text={company} words={words} />}</Field>
        <Field name={contacts.emails}>{emails.length > 0 && <LabelledItems items={emails} words={words} />}</Field>
        <Field name={contacts.phoneNumbers}>
          {phoneNumbers.length > 0 && <LabelledItems items={phoneNumbers} words={words} />}
        </Field>
        <Field name={contacts.notes}>{notes !== undefined && <Prose text={notes} words={words} />}</Field>
        <Field name={contacts.created}>{created !== undefined && words.time(created)}</Field>
        <Field name={contacts.updated}>{updated !== undefined && words.time(updated)}</Field>
        <Field name={contacts.other}>{others.length > 0 && <Fields fields={others} words={words} />}</Field>
      </dl>
    </article>
  );
}

/** Nothing for a field that is empty. */
function Field({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  if (children === false) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function LabelledItems({ items, words }: { readonly items: readonly Labelled[]; readonly words: Words }) {
  const show = ({ value, label }: Labelled) => (
    <>
      <Inline text={value} words={words} />
      {label !== undefined && (
        <span class="note">
          {' '}
          <Inline text={label} words={words} />
        </span>
      )}
    </>
  );
  return <Items class="plain" items={items} show={show} words={words} />;
}
