/** What Prometheus gets of a worker: samples and help texts of its page, and questions about them. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Page {
  readonly samples: readonly Sample[];
  /** By name of a metric. */
  readonly help: ReadonlyMap<string, string>;
  /** The sum of the samples of a metric whose labels are those; undefined where there is none. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

export async function scrape(port: number): Promise<Page> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = text.split('\n').filter(line => line !== '');
  const help = new Map<string, string>();
  for (const line of lines) {
    const [, name, told] = /^# HELP (\S+) (.*)$/.exec(line) ?? [];
    if (name !== undefined && told !== undefined) help.set(name, told);
  }
  const samples = lines
    .filter(line => !line.startsWith('#'))
    .map(line => {
      const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
      if (name === undefined) throw new Error(`no sample: ${line}`);
      const pairs = [...labels.matchAll(LABEL)].map(([, label = '', text = '']) => [label, text] as const);
      return { name, labels: Object.fromEntries(pairs), value: Number(value) };
    });
  return {
    samples,
    help,
    sum(name, wanted = {}) {
      const found = samples.filter(
        sample =>
          sample.name === name && Object.entries(wanted).every(([label, value]) => sample.labels[label] === value),
      );
      return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
    },
  };
}
