import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const MOST_FILES = 15
/** One file a command, and one for each part of the page. */
const LARGE_FOLDERS = ['src/cli', 'src/web']

const inside = (folder: string) => readdirSync(join(ROOT, folder), { withFileTypes: true })
const foldersIn = (folder: string) => inside(folder).filter((entry) => entry.isDirectory())
const filesIn = (folder: string) => inside(folder).filter((entry) => entry.isFile())

/** A folder and all below it. */
const allFolders = (folder: string): string[] => [
  folder,
  ...foldersIn(folder).flatMap(({ name }) => allFolders(`${folder}/${name}`)),
]

// The lengths of files and functions are the linter's.
describe('src/', () => {
  it('has the folders that docs/architecture.md draws, and no file beside them', () => {
    const page = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8')
    const [, tree = ''] = /^src\/\n((?: {2}.*\n)+)/m.exec(page) ?? []
    const drawn = [...tree.matchAll(/^ {2}(\w+)\/ /gm)].map(([, name]) => name)
    expect(foldersIn('src').map(({ name }) => name)).toEqual(drawn.toSorted())
    expect(filesIn('src').map(({ name }) => name)).toEqual([])
  })

  it('has at most 15 files in a folder', () => {
    const large = allFolders('src')
      .filter((folder) => !LARGE_FOLDERS.includes(folder) && filesIn(folder).length > MOST_FILES)
      .map((folder) => `${folder}: ${filesIn(folder).length} files`)
    expect(large).toEqual([])
  })
})

it('test/unit/ mirrors the folders of src/', () => {
  const sources = allFolders('src')
  const others = allFolders('test/unit').filter(
    (folder) => !sources.includes(folder.replace('test/unit', 'src')),
  )
  expect(others).toEqual([])
})

it('no test calls afterAll within beforeAll, where Vitest ignores it', () => {
  const hooks = allFolders('test')
    .filter((folder) => !folder.includes('node_modules'))
    .flatMap((folder) =>
      filesIn(folder)
        .filter(({ name }) => name.endsWith('.ts'))
        .map(({ name }) => `${folder}/${name}`),
    )
    .flatMap((file) => {
      const text = readFileSync(join(ROOT, file), 'utf8')
      return [...text.matchAll(/^( *)before(?:All|Each)\(.*\n(?:.*\n)*?\1\S/gm)].map(
        ([hook]) => [file, hook] as const,
      )
    })
  expect(hooks.length).toBeGreaterThan(20)
  expect(hooks.filter(([, hook]) => hook.includes('afterAll')).map(([file]) => file)).toEqual([])
})

// The compiler does not see which programs are started, and an old build in dist/ may have modules whose source is gone.
it('plain JavaScript imports and starts what has a source', () => {
  const references = [...allFolders('bench'), 'test/support'].flatMap((folder) =>
    filesIn(folder)
      .filter(({ name }) => /\.m?js$/.test(name))
      .flatMap(({ name }) => {
        const text = readFileSync(join(ROOT, folder, name), 'utf8')
        const paths = text.matchAll(
          /'(\.[\w./-]+\.m?js)'|\{import\.meta\.dirname\}\/([\w./-]+\.js)/g,
        )
        return [...paths].map(([, imported, started]) => ({
          by: `${folder}/${name}`,
          path: join(folder, imported ?? started ?? ''),
        }))
      }),
  )
  expect(references.length).toBeGreaterThan(150)
  const sourceOf = (path: string) =>
    path
      .replace(/^dist\/generated\/(.*)\.js$/, 'generated/$1.ts')
      .replace(/^dist\/(.*)\.js$/, 'src/$1.ts')
  expect(references.filter(({ path }) => !existsSync(join(ROOT, sourceOf(path))))).toEqual([])
})
