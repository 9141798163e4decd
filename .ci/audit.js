#!/usr/bin/env node
/**
 * Asks the registry for advisories about production dependencies. It fails on each that accepted-advisories.json does not accept
 * with a reason, and on each acceptance that nothing needs any more. `.ci/audit.js [FILE]`: FILE is another list of accepted ones.
 */
const { spawnSync } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const ROOT = join(__dirname, '..');
const [list = join(__dirname, 'accepted-advisories.json')] = process.argv.slice(2);
/** What a registry answers that has no advisories, as some mirrors. */
const HAS_NONE = [404, 405, 501];
const REASON_LENGTH_MIN = 20;

const accepted = JSON.parse(readFileSync(list, 'utf8'));
const report = reportOf(spawnSync('npm', ['audit', '--omit=dev', '--json'], { cwd: ROOT, encoding: 'utf8' }));
const problems = report.auditReportVersion === 2 ? problemsIn(advisoriesIn(report)) : unanswered(report);
for (const problem of problems) console.error(`audit: ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;

function reportOf({ stdout, error }) {
  if (error !== undefined) return { message: error.message };
  try {
    return JSON.parse(stdout);
  } catch {
    return { message: 'npm printed no report' };
  }
}

/** By id: a vulnerability names its advisories, or other packages that it has them from. */
function advisoriesIn({ vulnerabilities }) {
  const advisories = Object.values(vulnerabilities).flatMap(({ via }) => via.filter(each => typeof each === 'object'));
  return new Map(
    advisories.map(({ url, name, severity, title }) => [url.split('/').at(-1), { name, severity, title }]),
  );
}

function problemsIn(advisories) {
  const problems = [];
  for (const [id, { name, severity, title }] of advisories)
    if (!accepted.some(each => each.id === id))
      problems.push(
        `${id} (${severity}) in ${name}: ${title}. Update it, or accept it in ${list}: { "id", "package", "reason" }.`,
      );
  for (const { id, package: name, reason } of accepted) {
    if (advisories.get(id)?.name !== name)
      problems.push(`${id} is accepted for ${name} and not reported: remove it from ${list}.`);
    if (!(reason?.length >= REASON_LENGTH_MIN))
      problems.push(`${id} is accepted without a reason: write it into ${list}.`);
  }
  if (problems.length === 0) console.log(`audit: no advisory but ${accepted.length} accepted ones.`);
  return problems;
}

function unanswered({ statusCode, message = 'no answer', error }) {
  if (HAS_NONE.includes(statusCode)) {
    console.log(
      `audit: NOT CHECKED: this registry has no advisories (${statusCode}). Run .ci/audit.js with one that has.`,
    );
    return [];
  }
  return [
    `the registry did not answer (${error?.summary || message}). Run it again, or set npm_config_registry to one that answers.`,
  ];
}
