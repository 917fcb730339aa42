// Names the suites that the last run skipped, and what installs the tools that they need. `haveTool` notes them.
import { readFileSync } from 'node:fs'

/** Other tools are packages of the system. */
const INSTALLS = {
  'make interop-clients': ['commonjs', 'seneca', 'sessions-clients'],
  'make interop-tools': [
    ...['chromium', 'fish', 'grpcurl', 'nginx', 'prometheus', 'python', 'redis', 'strace'],
    ...['valkey', 'zsh'],
  ],
}

/** What no package brings. */
const NEEDS = { unshare: 'Linux that lets you mount in a namespace of your own' }

let noted = ''
try {
  noted = readFileSync(new URL('../../.cache/skipped', import.meta.url), 'utf8')
} catch {
  // Nothing was skipped.
}
const skipped = [...new Set(noted.split('\n').filter(Boolean))].sort()
if (skipped.length > 0) {
  console.log('\nSkipped, because a tool is missing:')
}
for (const line of skipped) {
  const [suite, tool] = line.split('\t')
  const [target] = Object.entries(INSTALLS).find(([, tools]) => tools.includes(tool)) ?? []
  const installed =
    target === undefined ? "your system's packages have it" : `\`${target}\` installs it`
  console.log(`  ${suite}: ${tool} (${tool in NEEDS ? `needs ${NEEDS[tool]}` : installed})`)
}
