import { Html } from './html.js'

/** The style of the page. Colours differ in lightness too, and each chart has its table. */
export const STYLE = new Html(`
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1b1f24; --dim: #57606a; --line: #d8dee4;
  --accepted: #1f883d; --unchanged: #8ab4d8; --filtered: #b9c0c8; --superseded: #8250df; --parked: #d4880f;
  --rejected: #cf222e; --unsettled: #424a53;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --card: #161b22; --ink: #e6edf3; --dim: #9aa4af; --line: #30363d;
    --accepted: #3fb950; --unchanged: #4a78a6; --filtered: #5c6570; --superseded: #a371f7; --parked: #e3a336;
    --rejected: #f85149; --unsettled: #c9d1d9;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
header, main { max-width: 76rem; margin: 0 auto; padding: 1rem; }
header { padding-bottom: 0; }
h1 { margin: 0; font-size: 1.4rem; }
h2 { margin: 0 0 .75rem; font-size: 1.25rem; overflow-wrap: anywhere; }
h3 { margin: 1.75rem 0 .5rem; font-size: 1rem; overflow-wrap: anywhere; }
p { margin: .25rem 0; color: var(--dim); overflow-wrap: anywhere; }
.error { color: var(--rejected); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 0 0 1.5rem; }
figure { margin: 0; }
.tiles, .legend { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .75rem; }
.tiles li { flex: 1 1 8rem; border: 1px solid var(--line); border-radius: 6px; padding: .5rem .75rem; color: var(--dim); }
.tiles b { display: block; font-size: 1.2rem; color: var(--ink); }
.legend { gap: .25rem 1rem; font-size: .85rem; color: var(--dim); margin-bottom: .5rem; }
.legend i { display: inline-block; width: .75em; height: .75em; border-radius: 2px; margin-right: .4em; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; }
@media (min-width: 56rem) { .pair { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); } }
.plot { display: grid; grid-template: 12rem auto / auto minmax(0, 1fr); gap: .25rem .5rem; align-self: start; }
.plot svg { width: 100%; height: 100%; display: block; }
.axis { display: flex; flex-direction: column; justify-content: space-between; text-align: right; }
.axis, .ends { font-size: .75rem; color: var(--dim); font-variant-numeric: tabular-nums; }
.ends { grid-column: 2; display: flex; justify-content: space-between; gap: 1rem; }
.grid { stroke: var(--line); fill: none; vector-effect: non-scaling-stroke; }
.table { overflow: auto; max-height: 15rem; border: 1px solid var(--line); border-radius: 6px; align-self: start; }
.table:focus-visible { outline: 2px solid var(--unchanged); }
table { border-collapse: collapse; width: 100%; font-size: .85rem; }
th, td { padding: .3rem .6rem; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { position: sticky; top: 0; background: var(--card); color: var(--dim); font-weight: 600; }
tbody th { font-weight: 400; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
.wide { white-space: normal; min-width: 18rem; overflow-wrap: anywhere; }
.bar { min-width: 6rem; }
.bar svg { width: 100%; height: .9em; vertical-align: middle; }
.status.complete { color: var(--accepted); }
.status.cancelled { color: var(--parked); }
.status.stopped, .status.failed, .status.interrupted { color: var(--rejected); }
${['accepted', 'unchanged', 'filtered', 'superseded', 'parked', 'rejected', 'unsettled']
  .map((name) => `.c-${name} { fill: var(--${name}); background: var(--${name}); }`)
  .join('\n')}
`)
