import { html } from './html.js'
import { type Story, section } from './sections.js'
import { STYLE } from './style.js'

/**
 * One page that needs nothing else: no script, no request, and a policy that would refuse both. Counts, names and codes, no
 * value and no address (I7).
 */
export function reportPage(stories: readonly Story[], madeAt: string): string {
  const title = `lakeloop: ${stories.map(({ sync }) => sync).join(', ')}`
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>lakeloop</h1><p>Runs as of ${madeAt.slice(0, 16).replace('T', ' ')} UTC. Counts, names and codes only.</p></header>
<main>
${stories.map(section)}
</main>
</body>
</html>
`.text
}
