import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Every page of ours, as a path from the root of the repository. */
const pages = [
  ...readdirSync(ROOT),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true }).map((path) => join('docs', `${path}`)),
].filter((path) => path.endsWith('.md'))

const read = (page: string) => readFileSync(join(ROOT, page), 'utf8')

/** What links can name in a page: its headings, as GitHub makes anchors of them. */
const anchorsOf = (page: string) =>
  [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )

/** Links to files here, without those that stand in code. */
const linksOf = (page: string) =>
  [
    ...read(page)
      .replaceAll(/```[\s\S]*?```/g, '')
      .matchAll(/\]\(([^()\s]+)\)|\b(?:src|srcset)="([^"]+)"/g),
  ]
    .map(([, target = '', picture = target]) => picture)
    .filter((target) => !/^\w+:/.test(target))

const sources = ['src', 'test'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true }).map((path) => join('/', folder, `${path}`)),
)

describe.each(pages)('%s', (page) => {
  it('names only files that there are', () => {
    const named = [...read(page).matchAll(/`([\w/.-]+\.tsx?)`/g)].map(([, path = '']) => path)
    expect(named.filter((path) => !sources.some((file) => file.endsWith(`/${path}`)))).toEqual([])
  })

  it('has no link that leads nowhere', () => {
    const broken = linksOf(page).filter((link) => {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : join(dirname(page), path)
      return (
        !existsSync(join(ROOT, target)) ||
        (anchor !== undefined && !anchorsOf(target).includes(anchor))
      )
    })
    expect(broken).toEqual([])
  })
})

it('docs/README.md leads to every page of docs/, and docs/decisions/README.md to every decision', () => {
  const indexed = ['docs/README.md', 'docs/decisions/README.md'].flatMap((index) =>
    linksOf(index).map((link) => join(dirname(index), link)),
  )
  const missing = pages.filter(
    (page) => page.startsWith('docs/') && page !== 'docs/README.md' && !indexed.includes(page),
  )
  expect(missing).toEqual([])
})
