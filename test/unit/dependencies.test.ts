import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const documented = read('docs/dependencies.md')

/** What may be passed on with the server under its own licence, for a mention. */
const PERMISSIVE = [
  'Apache-2.0',
  '(Apache-2.0 AND BSD-3-Clause)',
  'BlueOak-1.0.0',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'Unlicense',
]

describe('dependencies', () => {
  it('are exact, and each has its line in docs/dependencies.md', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json'))
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/)
      expect(documented).toContain(`\`${name}\``)
    }
  })

  it('have permissive licences, as far as they run in the server, and theirs too', () => {
    const { packages } = JSON.parse(read('package-lock.json'))
    const others = Object.entries<{ dev?: true; license?: string }>(packages)
      .filter(([, { dev, license = '' }]) => dev !== true && !PERMISSIVE.includes(license))
      .map(([path, { license }]) => `${path}: ${license}`)
    expect(others).toEqual([])
    for (const licence of PERMISSIVE) {
      expect(documented).toContain(licence.replace(/[()]/g, ''))
    }
  })
})
