export const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --dim: #666; --accent: #2a78d6; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --dim: #a0a0a0; --accent: #5a9cec; --bad: #f2b8b5 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; font: 15px/1.45 system-ui, sans-serif }
header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; justify-content: space-between }
h1 { font-size: 1.35rem; margin: 0 }
h2 { font-size: 1rem; margin: 0 0 .5rem }
small { color: var(--dim); font-weight: normal; font-size: .85rem }
input { font: inherit; padding: .4rem .6rem; width: min(18rem, 100%); border: 1px solid var(--line); border-radius: .4rem; background: none; color: inherit }
section { margin: 1.25rem 0 }
.gone main { opacity: .5 }
[role=status] { display: none; margin: 0; width: 100%; color: var(--bad) }
.gone [role=status] { display: block }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(6.5rem, 1fr)); gap: .5rem; list-style: none; margin: 1rem 0; padding: 0 }
.facts li { background: var(--soft); border-radius: .5rem; padding: .6rem .75rem; color: var(--dim); font-size: .85rem }
.facts b { display: block; color: CanvasText; font-size: 1.3rem; font-variant-numeric: tabular-nums }
svg { display: block; width: 100%; height: 56px; fill: var(--accent); border-bottom: 1px solid var(--line) }
.ends { display: flex; justify-content: space-between; margin: .2rem 0 0 }
.wide { overflow: auto; border: 1px solid var(--line); border-radius: .5rem }
#failures, #lists { max-height: 24rem }
table { border-collapse: collapse; width: 100%; font-size: .85rem }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-top: 1px solid var(--line) }
th { border-top: 0; color: var(--dim); font-weight: 600; position: sticky; top: 0; background: Canvas }
td { font-family: ui-monospace, monospace; overflow-wrap: anywhere; min-width: 4rem; max-width: 32rem }
[data-name=time], [data-name=id], [data-name=type], [data-name=events] { white-space: nowrap }
.none { color: var(--dim); margin: 0; overflow-wrap: anywhere }
@media (max-width: 44rem) {
  #failures thead, #people thead { display: none }
  #failures tr, #people tr { display: block; padding: .4rem .6rem; border-top: 1px solid var(--line) }
  #failures tr:first-child, #people tr:first-child { border-top: 0 }
  #failures td, #people td { display: grid; grid-template-columns: 4.5rem minmax(0, 1fr); gap: .5rem; border: 0; padding: .1rem 0; max-width: none }
  #failures td::before, #people td::before { content: attr(data-name); color: var(--dim); font-family: system-ui, sans-serif }
  td:empty { display: none !important }
}
`
