import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { draw } from '../../docs/pictures/draw.mjs'
import { FLOWS } from '../../docs/pictures/flows.mjs'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PICTURES = join(ROOT, 'docs/pictures')
const KILOBYTES = 1024

it.each(Object.entries(FLOWS))('docs/pictures/%s.svg is what flows.mjs says', (name, flow) => {
  // Else `make pictures` was not run.
  expect(readFileSync(join(PICTURES, `${name}.svg`), 'utf8')).toBe(draw(flow))
})

it('there is no picture that no page shows, and none is large', () => {
  const inDocs = readdirSync(join(ROOT, 'docs')).filter((file) => file.endsWith('.md'))
  const pages = ['README.md', ...inDocs.map((file) => join('docs', file))].map((page) =>
    readFileSync(join(ROOT, page), 'utf8'),
  )
  const pictures = readdirSync(PICTURES).filter((file) => /\.(svg|png)$/.test(file))
  expect(
    pictures.filter((file) => !pages.some((text) => text.includes(`pictures/${file}`))),
  ).toEqual([])
  const sizes = pictures.map((file) => [file, readFileSync(join(PICTURES, file)).length] as const)
  expect(sizes.filter(([, bytes]) => bytes > 120 * KILOBYTES)).toEqual([])
})

it('a text that would lie on another is an error', () => {
  const steps = [{ from: 0, to: 1, text: 'a text of more characters than there is room for' }]
  expect(() => draw({ title: '', actors: ['a', 'b'], gap: 200, steps })).toThrow('px too wide')
})
