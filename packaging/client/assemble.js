/**
 * Assembles the package `sessiond-client` from what `make build` compiled: node packaging/client/assemble.js [FOLDER].
 *
 * Programs under Node get CommonJS, whether they `import` or `require`, so that a class is the same class for both.
 * Bundlers for browsers get ES modules. What the SDK needs is bundled, because some of it has no CommonJS; grpc-js is a
 * dependency, because its types are ours. Types are at the root too, for `moduleResolution: node10`.
 */
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const DIST = join(ROOT, 'dist')
const out = resolve(process.argv[2] ?? join(DIST, 'sessiond-client'))

/** By its name in the package: the module, and whether browsers have it too. */
const ENTRIES = {
  index: { module: 'client/index', inBrowsers: false },
  envelope: { module: 'envelope/index', inBrowsers: false },
  guard: { module: 'guard/index', inBrowsers: false },
  token: { module: 'tokens/index', inBrowsers: true },
  watch: { module: 'client/watch', inBrowsers: true },
}
const DEPENDENCIES = ['@grpc/grpc-js']

const isDependency = (name) =>
  DEPENDENCIES.some((one) => name === one || name.startsWith(`${one}/`))

/** Bundles entries, with what they share in chunks of their own. Returns the names that each entry exports. */
async function bundle(entries, { folder, format, extension, isForNode }) {
  const built = await build({
    configFile: false,
    root: ROOT,
    logLevel: 'warn',
    ...(isForNode && { ssr: { noExternal: true, external: DEPENDENCIES } }),
    build: {
      ssr: isForNode,
      outDir: join(out, folder),
      emptyOutDir: false,
      copyPublicDir: false,
      target: 'es2022',
      minify: false,
      modulePreload: false,
      license: isForNode && { fileName: 'LICENSES.md' },
      rolldownOptions: {
        input: Object.fromEntries(
          entries.map((name) => [name, join(DIST, `${ENTRIES[name].module}.js`)]),
        ),
        preserveEntrySignatures: 'strict',
        output: {
          format,
          exports: 'named',
          entryFileNames: `[name].${extension}`,
          chunkFileNames: `chunks/[name].${extension}`,
        },
      },
    },
  })
  if (!('output' in built)) {
    throw new Error('vite made more than one bundle')
  }
  const chunks = built.output.filter((one) => one.type === 'chunk')
  const own = new Set(chunks.map(({ fileName }) => fileName))
  for (const { fileName, imports, dynamicImports } of chunks) {
    const strangers = [...imports, ...dynamicImports].filter(
      (name) => !own.has(name) && !(isForNode && (name.startsWith('node:') || isDependency(name))),
    )
    if (strangers.length > 0) {
      throw new Error(
        `${fileName} imports ${strangers.join(', ')}, which the package does not have`,
      )
    }
  }
  return new Map(
    chunks.filter(({ isEntry }) => isEntry).map((chunk) => [chunk.name, chunk.exports]),
  )
}

const IMPORTED = /(\bfrom '|\bimport\('|^import ')([^']+)(')/gm
/** In examples. */
const OUR_NAMES = /'sessiond\/(client|envelope|guard|token|watch)'/g

/** Copies the types of a module, and what they refer to, into `types/`. */
async function copyTypes(module, copied = new Set()) {
  if (copied.has(module)) {
    return
  }
  copied.add(module)
  const file = `${module}.d.ts`
  const text = await readFile(join(DIST, file), 'utf8')
  const next = []
  const rewritten = text
    .replace(OUR_NAMES, (_, name) =>
      name === 'client' ? "'sessiond-client'" : `'sessiond-client/${name}'`,
    )
    .replace(IMPORTED, (whole, before, name, after) => {
      if (name.startsWith('sessiond-client') || name.startsWith('node:') || isDependency(name)) {
        return whole
      }
      // `#generated/…` is an import of package.json, which `node10` does not know.
      const target = name.startsWith('#generated/')
        ? name.replace('#', '').concat('.js')
        : join(dirname(module), name)
      if (!name.startsWith('.') && !name.startsWith('#generated/')) {
        throw new Error(`the types of ${file} refer to ${name}, which the package does not have`)
      }
      next.push(target.replace(/\.js$/, ''))
      const path = relative(dirname(module), target)
      return `${before}${path.startsWith('.') ? path : `./${path}`}${after}`
    })
  const destination = join(out, 'types', file)
  await mkdir(dirname(destination), { recursive: true })
  await writeFile(destination, rewritten)
  for (const one of next) {
    await copyTypes(one, copied)
  }
}

/** What a program gets for an entry, by how it asks. A browser that `require`s runs tests under Node. */
function exportOf(name) {
  const esm = { types: `./${name}.d.mts`, default: `./${name}.mjs` }
  return {
    ...(ENTRIES[name].inBrowsers && {
      browser: { import: { ...esm, default: `./browser/${name}.mjs` } },
    }),
    import: esm,
    default: { types: `./${name}.d.ts`, default: `./${name}.js` },
  }
}

const { version, license, engines, dependencies } = JSON.parse(
  await readFile(join(ROOT, 'package.json'), 'utf8'),
)
const names = Object.keys(ENTRIES)

await rm(out, { recursive: true, force: true })
await mkdir(out, { recursive: true })
const node = { folder: '.', format: 'cjs', extension: 'js', isForNode: true }
for (const [name, exported] of await bundle(names, node)) {
  // Written out, for tools that do not see what CommonJS exports.
  await writeFile(
    join(out, `${name}.mjs`),
    `import all from './${name}.js'\n\nexport const {\n${exported.map((one) => `  ${one},\n`).join('')}} = all\n`,
  )
  const types = `export * from './types/${ENTRIES[name].module}.js'\n`
  await writeFile(join(out, `${name}.d.ts`), types)
  await writeFile(join(out, `${name}.d.mts`), types)
  await copyTypes(ENTRIES[name].module)
}
const browser = { folder: 'browser', format: 'es', extension: 'mjs', isForNode: false }
await bundle(
  names.filter((name) => ENTRIES[name].inBrowsers),
  browser,
)
for (const file of ['README.md', 'LICENSE']) {
  await cp(join(file === 'LICENSE' ? ROOT : import.meta.dirname, file), join(out, file))
}
const manifest = {
  name: 'sessiond-client',
  version,
  description:
    'The client of sessiond, a session-token server: sessions, session tokens, the live session list',
  license,
  engines,
  main: './index.js',
  types: './index.d.ts',
  exports: {
    '.': exportOf('index'),
    ...Object.fromEntries(
      names.filter((name) => name !== 'index').map((name) => [`./${name}`, exportOf(name)]),
    ),
    './package.json': './package.json',
  },
  sideEffects: false,
  dependencies: Object.fromEntries(DEPENDENCIES.map((name) => [name, dependencies[name]])),
}
await writeFile(join(out, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
console.log(
  `${out}: sessiond-client ${version}, ${(await readdir(out, { recursive: true })).length} files`,
)
