/** The step that builds the access package and seals it in the vault. Decision D9. */
import { createHash } from 'node:crypto';
import { PACKAGE_FORMAT } from '../package/model';
import { zipPackage } from '../package/zip';
import type { LocalActivities } from '../request/contracts';
import { refuseEnded } from './api-step';
import type { ApprovedDependencies } from './approved';
import { readObject } from './case-objects';
import { newestFirst, readDecided } from './judging';
import { NOTHING_SENT } from './local-step';
import { unlessStopped } from './stopping';

export function createPackageActivities(dependencies: ApprovedDependencies): Pick<LocalActivities, 'buildPackage'> {
  const { cases } = dependencies;
  return {
    /** The access package of the rows that the plan takes, sealed in the vault. The same findings always make the same bytes. */
    async buildPackage(input) {
      await refuseEnded(cases, input.request, 'a-minute-ago', NOTHING_SENT);
      const { contacts } = await readObject(cases, input.request, input.people, 'people');
      const { records } = await readObject(cases, input.request, input.calls, 'calls');
      const rows = await readDecided(dependencies, input.request, input, true);
      const idsOf = (record: 'contact' | 'call') =>
        new Set(rows.flatMap(row => (row.record === record && row.decision === 'take' ? [row.id] : [])));
      const [contactIds, callIds] = [idsOf('contact'), idsOf('call')];
      const { contacts: contactCoverage, calls: callCoverage, outOfReach } = input.coverage;
      if (callCoverage === undefined) throw new RangeError('calls were not searched');
      const zipping = zipPackage({
        format: PACKAGE_FORMAT,
        requestId: input.request.requestId,
        connection: input.request.connection,
        createdAt: input.startedAt,
        subject: await readObject(cases, input.request, input.subject, 'subject'),
        contacts: contacts.flatMap(({ card }) => (contactIds.has(card.id) ? [card] : [])),
        calls: newestFirst(records.filter(({ id }) => callIds.has(id))),
        coverage: {
          contacts: { state: contactCoverage.state, gaps: [...contactCoverage.gaps] },
          calls: { ...callCoverage, gaps: [...callCoverage.gaps] },
          outOfReach: [...outOfReach],
        },
      });
      const bytes = await unlessStopped(zipping);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const uri = await cases.writePackage(input.request, bytes, sha256);
      return { uri, sha256, sizeBytes: bytes.length };
    },
  };
}
