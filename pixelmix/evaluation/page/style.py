"""The page's one style sheet."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fcfcfa; --ink: #1d2126; --faint: #5c636b; --rule: #dcddd8; --wash: #f1f2ee;
  --accent: #14588a; --more: #4f97d8; --less: #e5835c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181b; --ink: #e6e7e3; --faint: #9aa1a8; --rule: #33383d; --wash: #1f2327;
    --accent: #7fbbe8; --more: #1a639e; --less: #a3452a;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 66rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  overflow-wrap: anywhere;
}
h1, h2, h3, h4 { line-height: 1.25; margin: 0; font-weight: 600; }
h1 { font-size: 1rem; color: var(--faint); }
h2 {
  font-size: 1.35rem; margin: 3.5rem 0 1rem; padding-top: 1rem; border-top: 1px solid var(--rule);
}
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
h4 { font-size: .95rem; }
p { margin: .5rem 0; max-width: 44rem; }
small, .note, figcaption, .name { color: var(--faint); font-size: .82rem; }
small { font-weight: 400; }
table, .number, .figure, .dot-row { font-variant-numeric: tabular-nums lining-nums; }
a { color: var(--accent); }

.result {
  font-size: clamp(1.35rem, 4.2vw, 2rem); line-height: 1.25; margin: .6rem 0 .4rem;
  max-width: 38rem;
}
.result strong { color: var(--accent); font-weight: 600; }
dl { display: flex; flex-wrap: wrap; gap: .4rem 2rem; margin: 1.25rem 0 0; }
dt { font-size: .75rem; color: var(--faint); }
dd { margin: 0; font-size: .9rem; }

.scroll { overflow-x: auto; margin: 1rem 0; }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; }
table { border-collapse: collapse; }
th { text-align: left; font-weight: 400; }

.methods { width: 100%; font-size: .88rem; }
.methods td, .methods th { padding: .3rem .5rem; white-space: nowrap; overflow-wrap: normal; }
.methods thead th { vertical-align: top; font-weight: 600; border-bottom: 1px solid var(--ink); }
.methods thead small { display: block; white-space: normal; line-height: 1.2; max-width: 9rem; }
.methods .task th { padding-top: 1.1rem; font-weight: 600; border-bottom: 1px solid var(--rule); }
.methods td { text-align: right; padding-right: 0; padding-left: 1.1rem; }
.methods .interval {
  text-align: left; padding-left: .6rem; color: var(--faint); font-size: .78rem; width: 18%;
}
.methods thead th + th { padding-left: 1.1rem; }
.methods th:first-child { padding-left: 0; }
.methods tbody th[scope=row] { max-width: 14rem; overflow: hidden; text-overflow: ellipsis; }
.methods th[scope=row], .methods thead th:first-child {
  position: sticky; left: 0; background: var(--paper);
}
.methods .bound { color: var(--faint); }
.methods .model th, .dots .model { color: var(--accent); font-weight: 600; }
.methods tbody tr:not(.task):hover > * { background: var(--wash); }

figure { margin: 0; }
.dots { margin: 1rem 0 2.5rem; }
.panels {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
  gap: 0 3rem; margin-bottom: .75rem;
}
.dot-row {
  display: grid; grid-template-columns: minmax(5.5rem, 6.75rem) 1fr 2.4rem; column-gap: .6rem;
  align-items: center; font-size: .88rem;
}
.dot-row .who { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.dot-row .number { text-align: right; }
.dot-row svg { display: block; overflow: visible; }
.dot-row .grid { stroke: var(--rule); }
.dot-row .zero { stroke: var(--faint); }
.dot-row .bar { stroke: currentColor; stroke-width: 2; stroke-linecap: round; }
.dot-row circle { fill: currentColor; }
.dot-row.bound { color: var(--faint); }
.dot-row.bound circle { fill: var(--paper); stroke: currentColor; stroke-width: 2; }
.axis text { fill: var(--faint); font-size: .75rem; }

.matrix { font-size: .75rem; margin: 0 auto 0 0; }
.matrix thead th { vertical-align: bottom; padding: 0 0 .35rem; }
.matrix thead span {
  writing-mode: vertical-rl; transform: rotate(180deg); margin: 0 auto; display: block;
  max-height: 9rem; overflow: hidden; white-space: nowrap; text-overflow: ellipsis;
}
.matrix tbody th, .matrix tfoot th {
  padding-right: .6rem; text-align: right; white-space: nowrap; position: sticky; left: 0;
  background: var(--paper); max-width: 9rem; overflow: hidden; text-overflow: ellipsis;
}
.matrix td { width: 2.6rem; min-width: 2.6rem; height: 1.85rem; padding: 0; text-align: center; }
.matrix tbody td { border: 1px solid var(--paper); background: var(--wash); }
.matrix tfoot td, .matrix tfoot th { color: var(--faint); }
.matrix .more { --hue: var(--more); }
.matrix .less { --hue: var(--less); }
.matrix .more, .matrix .less {
  background: color-mix(in oklab, var(--hue) calc(100% * var(--v)), var(--wash));
}

.tiles {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr));
  gap: 1rem 2.5rem;
}
.tiles h3 { margin-top: 0; }
.figure { margin: 0; }
.figure b { font-size: 1.7rem; font-weight: 600; }

.scale { white-space: nowrap; }
.scale img { width: 7rem; height: .7rem; vertical-align: baseline; }
article { margin-top: 2.5rem; }
.stem {
  display: grid; grid-template-columns: 11rem repeat(3, 1fr); gap: .5rem 1.25rem;
  padding: .9rem 0; border-top: 1px solid var(--rule);
}
.stem-head { font-size: .88rem; }
.stem-head img {
  display: block; width: 100%; max-height: 9rem; object-fit: contain; object-position: left;
  margin-bottom: .5rem;
}
.stem-head p { margin: .15rem 0; }
.stem figure { min-width: 0; }
.stem figure { padding-left: 2.9rem; }
.stem.whole { grid-template-columns: 11rem 1fr; }
.whole figcaption { display: none; }
.picture { position: relative; margin: .2rem 0 1.2rem; }
.picture img { display: block; width: 100%; height: 9rem; }
.hertz, .length {
  position: absolute; font-size: .7rem; line-height: 1; color: var(--faint); white-space: nowrap;
}
.hertz { right: calc(100% + .35rem); transform: translateY(50%); }
.length { right: 0; top: calc(100% + .25rem); }
audio { display: block; width: 100%; height: 2.25rem; }

@media screen and (max-width: 48rem) {
  body { padding: 1.5rem 1rem 3rem; }
  .stem, .stem.whole { grid-template-columns: 1fr; }
  .stem-head { display: flex; gap: 1rem; align-items: center; }
  .stem-head img { width: 8rem; max-height: 7rem; margin: 0; }
  .picture img { height: 7rem; }
  .dot-row circle { r: 3px; }
}
@media print {
  :root { color-scheme: light; --paper: #fff; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  audio { display: none; }
  .scroll { overflow: visible; }
  .panels { grid-template-columns: 1fr 1fr; }
  .stem { grid-template-columns: 7rem repeat(3, 1fr); }
  .stem.whole { grid-template-columns: 7rem 1fr; }
  .picture img { height: 6.5rem; }
  .panels > div, .methods tbody, .matrix, .stem, .tiles section, p { break-inside: avoid; }
  h2, h3, h3 + p, section > p { break-after: avoid; }
  .matrix td, .picture { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
