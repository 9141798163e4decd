/** The only style sheet of the pages, within each of them, for screen and paper. No font, image or other file is loaded. */
export const STYLE = `
:root { --ink: #1b2733; --soft: #55616d; --rule: #dfe3e6; --paper: #ffffff; --ground: #f5f6f4; --deep: #0d5560; --tint: #e8f1f1; --warm: #b0681a; }
* { box-sizing: border-box; }
html { color-scheme: light; scroll-behavior: auto; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif; overflow-wrap: anywhere; }
a { color: var(--deep); text-underline-offset: .15em; }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible, audio:focus-visible { outline: 3px solid var(--warm); outline-offset: 2px; }
.skip { position: absolute; left: -100vw; top: 0; padding: .75rem 1rem; background: var(--paper); z-index: 1; }
.skip:focus { left: 0; }
header, main, footer { max-width: 68rem; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 3.5rem; }
h1 { margin: 0 0 .75rem; font-size: clamp(1.75rem, 4vw, 2.5rem); line-height: 1.15; font-weight: 650; letter-spacing: -.015em; text-wrap: balance; }
h2 { margin: 0 0 1rem; font-size: 1.375rem; line-height: 1.25; font-weight: 650; }
h3 { margin: 0 0 .75rem; font-size: 1.0625rem; font-weight: 650; }
.lead { max-width: 44rem; margin: 0 0 1.5rem; font-size: 1.125rem; color: var(--soft); }
p { margin: 0 0 .75rem; max-width: 48rem; }
.prose { white-space: pre-wrap; }
.note { color: var(--soft); font-size: .875rem; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0; padding: 0; list-style: none; }
nav li, main nav li + li { margin: 0; padding: .25rem 0; }
nav { margin: 1.5rem 0 0; padding: .75rem 0; border-block: 1px solid var(--rule); }
section { margin: 1.5rem 0 0; scroll-margin-top: 1rem; padding: 1.75rem; background: var(--paper); border: 1px solid var(--rule); border-radius: .75rem; }
.facts, .fields, .insights { margin: 0; }
.facts { display: flex; flex-wrap: wrap; gap: .75rem 2.5rem; }
dt { color: var(--soft); font-size: .875rem; }
dd { margin: 0; }
dd p, dd ul { margin: 0; }
dd .fields { padding-inline-start: .75rem; border-inline-start: 2px solid var(--rule); }
.small + p, .small + ul { margin-top: 1.25rem; }
main li + li { margin-top: .125rem; }
.facts ul, .plain { margin: 0; padding: 0; list-style: none; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 0; }
.tiles div { display: flex; flex-direction: column-reverse; justify-content: flex-end; padding: .875rem .625rem; background: var(--tint); border-radius: .5rem; }
.tiles dt { color: var(--ink); }
.tiles dd { font-size: 1.875rem; line-height: 1.2; font-weight: 650; color: var(--deep); font-variant-numeric: tabular-nums; }
.cards { display: grid; align-items: start; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1rem; }
.card { padding: 1.25rem; border: 1px solid var(--rule); border-radius: .5rem; border-top: 3px solid var(--deep); }
.card dl { display: grid; gap: .75rem; margin: 0; }
.fields > div { margin-bottom: .375rem; }
.chart { margin: 0 0 1.5rem; }
.chart svg { display: block; width: 100%; height: auto; max-height: 15rem; }
.chart .grid { stroke: var(--rule); }
.chart .axis { fill: var(--soft); font-size: 12px; }
.chart rect.inbound { fill: var(--deep); }
.chart rect.outbound { fill: var(--warm); }
figcaption { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .5rem 0; color: var(--soft); font-size: .875rem; }
.key::before { content: ''; display: inline-block; width: .75em; height: .75em; margin-inline-end: .4em; border-radius: 2px; background: var(--deep); }
.key.outbound::before { background: var(--warm); }
summary { cursor: pointer; color: var(--deep); padding: .25rem 0; width: fit-content; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
.chart table, .small { width: auto; min-width: min(28rem, 100%); }
caption { padding: 0 0 .5rem; text-align: start; color: var(--soft); font-size: .875rem; }
th, td { padding: .5rem 1.25rem .5rem 0; text-align: start; vertical-align: top; }
thead th { color: var(--soft); font-size: .875rem; font-weight: 500; border-bottom: 1px solid var(--rule); }
tbody th { font-weight: 500; }
.small th { overflow-wrap: break-word; }
.count { white-space: nowrap; }
.small tbody tr, .chart tbody tr, tbody.call { border-top: 1px solid var(--rule); }
.calls { min-width: 52rem; table-layout: fixed; }
.calls thead th { width: 16%; }
.calls thead th:nth-child(-n + 3) { width: 18%; }
.calls thead th:nth-child(5) { width: 14%; }
.calls td:nth-child(3) .note { display: block; }
.calls .details > td { padding: 0 0 1.25rem; }
.both { display: grid; grid-template-columns: minmax(16rem, 2fr) minmax(16rem, 3fr); gap: 1rem 2rem; padding: 1rem 1.25rem; background: var(--ground); border-radius: .5rem; }
.both > div > * + * { margin-top: 1rem; }
.both h3 { margin: 0 0 .25rem; font-size: .875rem; font-weight: 500; color: var(--soft); }
.both ul { margin: 0; padding: 0; list-style: none; }
.both p { margin: 0; }
.comment { padding-inline-start: .75rem; border-inline-start: 3px solid var(--rule); }
li + li > .comment { margin-top: .75rem; }
.tags { display: flex; flex-wrap: wrap; gap: .375rem; }
.tags li { padding: 0 .625rem; background: var(--paper); border: 1px solid var(--rule); border-radius: 1rem; font-size: .875rem; }
audio { display: block; width: 100%; max-width: 24rem; height: 2.5rem; }
.transcript { max-height: 20rem; overflow-y: auto; padding: .75rem 1rem; background: var(--paper); border: 1px solid var(--rule); border-radius: .5rem; }
.transcript li + li { margin-top: .5rem; }
.speaker { display: block; color: var(--deep); font-size: .875rem; font-weight: 600; }
.speaker .note { font-weight: 400; }
.insights { display: grid; gap: .75rem; }
footer { padding-block: 2rem 4rem; color: var(--soft); font-size: .875rem; }
.notice { max-width: 50rem; }
.notice h2, .notice h3 { margin-top: 2rem; }
.notice h2:first-child { margin-top: 0; }
@media screen and (max-width: 58rem) { .both { position: sticky; inset-inline-start: 0; max-width: calc(100vw - 6.75rem); } }
@media screen and (max-width: 40rem) {
  header, main, footer { padding-inline: 1rem; }
  header { padding-top: 2rem; }
  section { padding: 1.25rem 1rem; }
  .tiles div { padding-inline: .5rem; }
  .small th, .small td { padding-inline-end: .75rem; }
  .both { grid-template-columns: 1fr; max-width: calc(100vw - 4.25rem); }
}
@media print {
  @page { margin: 16mm 14mm; }
  html { font-size: 9.5pt; }
  body { background: none; }
  header, main, footer { max-width: none; padding: 0; }
  nav, .skip, audio, .chart details { display: none; }
  section { margin: 8mm 0 0; padding: 0; border: 0; }
  .tiles { grid-template-columns: repeat(3, 1fr); }
  h2, h3, thead { break-after: avoid; }
  .card, .both, figure, tr { break-inside: avoid; }
  .both { grid-template-columns: 1fr; background: none; padding: 0 0 0 4mm; border-inline-start: 1pt solid var(--rule); border-radius: 0; break-inside: auto; }
  .calls { min-width: 0; }
  .wide { overflow: visible; }
  .transcript { max-height: none; overflow: visible; padding: 0; border: 0; }
  .chart rect, .key::before, .tiles div { print-color-adjust: exact; }
  a { color: inherit; }
}
`;
