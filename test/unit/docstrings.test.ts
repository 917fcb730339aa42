import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { run, temporaryDirectory } from '../support/process.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** What programs import, and the file that exports it. */
const ENTRIES = {
  'sessiond/client': 'src/client/index.ts',
  'sessiond/envelope': 'src/envelope/index.ts',
  'sessiond/guard': 'src/guard/index.ts',
  'sessiond/token': 'src/tokens/index.ts',
  'sessiond/watch': 'src/client/watch.ts',
}
const EXPORT_LIST = /^export (?:type )?\{([^}]*)\}(?: from '([^']+)')?/gm
const EXPORT_ALL = /^export \* from '([^']+)'/gm
const IMPORT_LIST = /^import (?:type )?\{([^}]*)\} from '([^']+)'/gm
const DECLARATION =
  /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?export (?:abstract )?(?:async )?(function|class|const|interface|type)\*? (\w+)/g
const EXAMPLE = /@example\n```ts\n([\s\S]*?)\n```/g
/** The pages with whole programs. */
const PAGES = ['docs/guard.md', 'docs/sdk.md', 'docs/tokens.md']
const PROGRAM = /^```ts\n([\s\S]*?)\n```/gm

interface Exported {
  readonly name: string
  readonly kind: string
  readonly docstring: string
}

const exported = new Map<string, readonly Exported[]>()
for (const [entry, file] of Object.entries(ENTRIES)) {
  exported.set(entry, await exportsOf(file))
}
const all = [...exported].flatMap(([entry, names]) => names.map((one) => ({ entry, ...one })))

it.each(all)('$entry says what $name is', ({ docstring }) => {
  expect(docstring.trim()).not.toBe('')
})

const used = all.filter(({ kind }) => kind === 'function' || kind === 'class')

it.each(used)('$entry shows by an example how $name is used', ({ docstring }) => {
  expect(docstring).toMatch(EXAMPLE)
})

it('the examples of docstrings and of the pages with programs compile against the package', async () => {
  const directory = await temporaryDirectory(onTestFinished)
  const pages = await Promise.all(PAGES.map((page) => readFile(join(ROOT, page), 'utf8')))
  const examples = [
    ...[...new Set(all.map(({ docstring }) => docstring))].flatMap((text) => codeIn(text, EXAMPLE)),
    ...pages.flatMap((page) => codeIn(page, PROGRAM)),
  ]
  const files = await Promise.all(
    examples.map(async (code, i) => {
      const name = `example-${i}.ts`
      await writeFile(join(directory, name), `${code}\nexport {}\n`)
      return name
    }),
  )
  const paths = {
    ...Object.fromEntries(
      Object.entries(ENTRIES).map(([entry, file]) => [entry, [join(ROOT, file)]]),
    ),
    // What a program has beside the package.
    '@grpc/grpc-js': [join(ROOT, 'node_modules/@grpc/grpc-js/build/src/index.d.ts')],
  }
  const project = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      paths,
      typeRoots: [join(ROOT, 'node_modules/@types')],
      rootDir: '/',
      noEmit: true,
      noUnusedLocals: false,
      composite: false,
      tsBuildInfoFile: null,
    },
    files,
    references: [],
  }
  await writeFile(join(directory, 'package.json'), '{"type":"module"}')
  await writeFile(join(directory, 'tsconfig.json'), JSON.stringify(project))
  const { code, stdout } = await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', directory])
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
})

function codeIn(text: string, pattern: RegExp): string[] {
  return Array.from(text.matchAll(pattern), ([, code = '']) => code)
}

/** What a module exports, with the docstrings of the declarations, wherever they stand. */
async function exportsOf(file: string): Promise<readonly Exported[]> {
  const text = await readFile(join(ROOT, file), 'utf8')
  const found = Array.from(
    text.matchAll(DECLARATION),
    ([, docstring = '', kind = '', name = '']) => ({
      ...{ name, kind },
      docstring: docstring.replace(/^ *\* ?/gm, ''),
    }),
  )
  const imported = new Map(
    Array.from(text.matchAll(IMPORT_LIST)).flatMap(([, list = '', from = '']) =>
      namesIn(list).map(({ name }) => [name, from] as const),
    ),
  )
  for (const [, list = '', listFrom] of text.matchAll(EXPORT_LIST)) {
    for (const { name, as } of namesIn(list)) {
      const from = listFrom ?? imported.get(name)
      if (from === undefined) {
        continue // Declared here, and found above.
      }
      const declared = await exportsOf(sourceOf(file, from))
      const one = declared.find((candidate) => candidate.name === name)
      if (one === undefined) {
        throw new Error(`${file} exports ${name}, which ${from} does not declare`)
      }
      found.push({ ...one, name: as })
    }
  }
  for (const [, from = ''] of text.matchAll(EXPORT_ALL)) {
    found.push(...(await exportsOf(sourceOf(file, from))))
  }
  return found
}

function sourceOf(file: string, specifier: string): string {
  return join(dirname(file), specifier.replace(/\.js$/, '.ts'))
}

function namesIn(list: string) {
  return list
    .split(',')
    .map((item) => item.trim().replace(/^type /, ''))
    .filter((item) => item !== '')
    .map((item) => {
      const [name = '', as = name] = item.split(' as ')
      return { name, as }
    })
}
