/**
 * Metrics, alert rules, dashboard and docs/operate/, that they name the same things. What the metrics tell is checked in
 * test/cli/metrics.test.ts; that Prometheus takes the rules, and when they fire, in test/slow/deploy.test.ts.
 */
import { RETENTION_WORKFLOW } from '../../src/request/names';
import { CONNECTION, METRICS } from '../../src/worker/metrics';
import { readAlerts, readDashboard, readQueries, readTestedAlerts } from '../support/alerts';
import { readProjectFile } from '../support/source-text';

const alerts = readAlerts();
const dashboard = readDashboard();
const monitor = readProjectFile('docs/operate/monitor.md');
const alarms = readProjectFile('docs/operate/alarms.md');
const queries = [...alerts.map(({ expr }) => expr), ...readQueries()];
const labelsOf = new Map<string, Readonly<Record<string, typeof CONNECTION | readonly string[]>>>(
  Object.entries(METRICS).map(([name, { labels }]) => [name, labels]),
);
const namesIn = (text: string) => [...text.matchAll(/\baircall_dsr_\w+/g)].map(([name]) => name);

/** Metrics with the selector behind them. */
const selected = queries.flatMap(query =>
  [...query.matchAll(/\b(aircall_dsr_\w+)(?:\{([^}]*)\})?/g)].map(([, name = '', selector = '']) => ({
    name,
    matchers: [...selector.matchAll(/(\w+)(=~?)"([^"]*)"/g)].map(([, label = '', , value = '']) => ({ label, value })),
  })),
);

test('alert rules and dashboard ask for metrics that there are, and for all of them', () => {
  expect(queries.length).toBeGreaterThan(20);
  const asked = new Set(selected.map(({ name }) => name));
  expect([...asked].sort()).toEqual(Object.keys(METRICS).sort());
});

test('and by labels and values that they have', () => {
  const matchers = selected.flatMap(({ name, matchers }) => matchers.map(matcher => ({ name, ...matcher })));
  expect(matchers.length).toBeGreaterThan(10);
  const unknown = matchers.filter(({ name, label, value }) => {
    const values = labelsOf.get(name)?.[label];
    return values === CONNECTION ? value !== '$connection' : !values?.includes(value);
  });
  expect(unknown).toEqual([]);
  for (const query of queries) {
    const labels = new Set(namesIn(query).flatMap(name => Object.keys(labelsOf.get(name) ?? {})));
    const grouped = [...query.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', '));
    for (const label of grouped) expect(labels).toContain(label);
  }
});

test('Temporal’s own metrics are those whose names and labels the test of the metrics page looks at', () => {
  const told = readProjectFile('test/cli/metrics.test.ts');
  const foreign = queries.flatMap(query => [...query.matchAll(/\b(temporal_\w+)\{(\w+)=~?"([^"]*)"/g)]);
  expect(foreign.map(([, name]) => name).sort()).toEqual([
    'temporal_activity_execution_failed_total',
    'temporal_workflow_completed_total',
  ]);
  for (const [, name = '', label = ''] of foreign) {
    expect(told).toContain(`'${name}'`);
    expect(told).toContain(label);
  }
  const steps = [
    ...readProjectFile('src/activities/retention-activities.ts').matchAll(/^ {4}(?:async )?(\w+)(?:: \(|\()/gm),
  ].map(([, step]) => step);
  expect(steps.length).toBeGreaterThan(0);
  for (const [, , label, value = ''] of foreign)
    expect(label === 'workflow_type' ? [value] : value.split('|')).toEqual(
      label === 'workflow_type' ? [RETENTION_WORKFLOW] : steps,
    );
});

test('every alert says what to do under a heading of docs/operate/alarms.md, and no heading is of another', () => {
  expect(alerts.length).toBeGreaterThan(10);
  const headings = [...alarms.matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
  expect(headings).toEqual(alerts.map(({ alert }) => alert));
  for (const { alert, annotations } of alerts) {
    expect(annotations.runbook).toBe(`docs/operate/alarms.md#${alert.toLowerCase()}`);
    const [, told = ''] = alarms.split(`### ${alert}\n`);
    expect(told.split('###')[0]?.trim().length).toBeGreaterThan(80);
  }
});

test('every alert is seen firing and seen quiet by the unit tests of the rules', () => {
  const { firing, quiet } = readTestedAlerts();
  const names = alerts.map(({ alert }) => alert).sort();
  expect([...firing].sort()).toEqual(names);
  expect([...quiet].sort()).toEqual(names);
});

test('docs/operate/monitor.md has a row for each metric, with its labels, and names no other', () => {
  const rows = [...monitor.matchAll(/^\| `(aircall_dsr_\w+)` \| (.*?) \|/gm)].map(([, name, labels]) => [name, labels]);
  const wanted = Object.entries(METRICS).map(([name, { labels }]) => [name, Object.keys(labels).join(', ') || 'none']);
  expect(rows).toEqual(wanted);
  expect(namesIn(monitor + alarms).filter(name => !labelsOf.has(name))).toEqual([]);
});

test('the dashboard’s panels have ids of their own and places that do not overlap', () => {
  const { panels, templating } = dashboard;
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  const variables = templating.list.map(({ name }) => name);
  const used = queries.flatMap(query => [...query.matchAll(/"\$(\w+)"/g)].map(([, name]) => name));
  expect(variables).toEqual(expect.arrayContaining(used));
  for (const { query } of templating.list) for (const name of namesIn(query)) expect(labelsOf.has(name)).toBe(true);
});
