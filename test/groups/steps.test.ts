/** Activities. */
import { runTogether } from '../support/group';

runTogether(
  'activities/approvals',
  'activities/audio',
  'activities/boundary',
  'activities/calls',
  'activities/clocks',
  'activities/contacts',
  'activities/credentials',
  'activities/local',
  'activities/standing',
  'activities/stopping',
  'activities/contracts',
  'activities/gathering',
  'activities/intelligence',
  'activities/judging',
);
