/** What Prometheus and Grafana are given: the alert rules, the tests of them, and the dashboard, as far as tests read them. */
import { parse } from 'yaml';
import { z } from 'zod';
import { readProjectFile } from './source-text';

const rulesSchema = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.strictObject({ severity: z.enum(['warning', 'critical']) }),
          annotations: z.strictObject({ summary: z.string(), description: z.string(), runbook: z.string() }),
        }),
      ),
    }),
  ),
});

export type Alert = z.infer<typeof rulesSchema>['groups'][number]['rules'][number];

export function readAlerts(): Alert[] {
  return rulesSchema.parse(parse(readProjectFile('deploy/alerts.yml'))).groups.flatMap(({ rules }) => rules);
}

const testsSchema = z.object({
  tests: z.array(
    z.object({
      alert_rule_test: z.array(z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()).default([]) })),
    }),
  ),
});

/** Names of the alerts that the unit tests of the rules see firing, and of those that they see quiet. */
export function readTestedAlerts(): { readonly firing: ReadonlySet<string>; readonly quiet: ReadonlySet<string> } {
  const tests = testsSchema
    .parse(parse(readProjectFile('test/fixtures/alerts-test.yml')))
    .tests.flatMap(({ alert_rule_test }) => alert_rule_test);
  const names = (fires: boolean) =>
    new Set(tests.filter(({ exp_alerts }) => exp_alerts.length > 0 === fires).map(({ alertname }) => alertname));
  return { firing: names(true), quiet: names(false) };
}

const dashboardSchema = z.object({
  uid: z.string(),
  title: z.string(),
  schemaVersion: z.number(),
  templating: z.object({ list: z.array(z.object({ name: z.string(), query: z.string() })) }),
  panels: z.array(
    z.object({
      id: z.number().int(),
      type: z.enum(['timeseries', 'stat']),
      title: z.string().min(1),
      description: z.string().min(1),
      gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
      targets: z.array(z.object({ refId: z.string(), expr: z.string(), legendFormat: z.string() })).min(1),
    }),
  ),
});

export function readDashboard(): z.infer<typeof dashboardSchema> {
  return dashboardSchema.parse(JSON.parse(readProjectFile('deploy/grafana-dashboard.json')));
}

/** All queries of the dashboard's panels. */
export function readQueries(): string[] {
  return readDashboard().panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
}
