import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { run, temporaryDirectory } from '../support/process.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What each folder of `src/` may import of the others. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  crypto: [],
  files: ['core', 'net'],
  net: ['core'],
  observability: ['core', 'net'],
  envelope: ['crypto'],
  config: ['core', 'net', 'stores'],
  stores: ['core', 'files', 'net'],
  audit: ['core', 'files', 'net', 'config'],
  keys: ['core', 'files', 'crypto', 'config'],
  credentials: ['core', 'files', 'crypto', 'config', 'net', 'observability'],
  seneca: ['core', 'net'],
  commandable: ['core', 'net', 'seneca'],
  minting: ['core', 'crypto', 'envelope'],
  tokens: ['core', 'crypto', 'envelope'],
  grpc: [
    ...['core', 'config', 'net', 'crypto', 'envelope', 'minting', 'credentials', 'commandable'],
    'tokens',
  ],
  http: ['core', 'net', 'credentials', 'commandable', 'tokens'],
  feed: ['core', 'net', 'credentials', 'http'],
  client: ['net', 'crypto', 'envelope', 'tokens'],
  guard: ['client', 'core', 'crypto', 'envelope', 'tokens'],
  bridge: ['client', 'config', 'core', 'net', 'observability', 'seneca'],
  offline: ['core', 'config', 'files', 'stores', 'keys', 'crypto'],
  server: [
    ...['core', 'crypto', 'files', 'net', 'observability', 'envelope', 'config', 'stores', 'audit'],
    ...[
      'keys',
      'minting',
      'tokens',
      'credentials',
      'seneca',
      'commandable',
      'grpc',
      'http',
      'feed',
    ],
  ],
  cli: [
    ...['server', 'offline', 'bridge', 'client', 'core', 'config', 'credentials', 'files'],
    ...['keys', 'net', 'observability', 'tokens'],
  ],
  web: [],
}

/** Files that may be imported although their folder may not. */
const SINGLE_FILES = [
  ['crypto', 'core/bytes.js'],
  ['crypto', 'core/errors.js'],
  ['crypto', 'core/key-lengths.js'],
  ['envelope', 'core/bytes.js'],
  ['envelope', 'core/errors.js'],
  ['envelope', 'core/key-lengths.js'],
  ['envelope', 'core/uuid.js'],
  ['client', 'core/errors.js'],
  ['client', 'core/key-lengths.js'],
  ['client', 'core/owner-text.js'],
  ['client', 'core/uuid.js'],
  ['client', 'grpc/transport/grpc-js.js'],
  ['client', 'feed/protocol/any.js'],
  ['stores/valkey', 'crypto/certificates.js'],
  ['web', 'client/watch.js'],
  ['web', 'feed/protocol/messages.js'],
  ['web', 'feed/protocol/version.js'],
] as const

/** Packages, generated code and files that a folder may not import. */
const FORBIDDEN = [
  ['core', 'node:fs'],
  ['core', 'level'],
  ['core/create', 'node:crypto'],
  ['envelope', 'sodium-native'],
  ['config', '../stores/level/engine.js'],
  ['offline', '../stores/level/engine.js'],
  ['server', '../stores/level/store.js'],
  ['stores', './level/engine.js'],
  // The folder of a store that is yet to come.
  ['stores', './another/engine.js'],
  ['stores/level', '../valkey/engine.js'],
  ['stores/level', '../../tokens/token.js'],
  ['stores/valkey', '../../tokens/token.js'],
  ['stores/valkey/read', '../../level/layout/keys.js'],
  ['stores/rows', '../level/layout/keys.js'],
  ['stores/rows', '../valkey/layout/keys.js'],
  ['stores/level', '#generated/session/service'],
  ['stores/level', 'prom-client'],
  ['stores/level/files', '../layout/keys.js'],
  ['grpc/services', '@opentelemetry/api'],
  ['seneca', '@grpc/grpc-js'],
  ['feed', 'prom-client'],
  ['http', '@grpc/grpc-js'],
  ['tokens', '../crypto/sodium.js'],
  ['tokens', 'node:crypto'],
  ['client', '../crypto/sodium.js'],
  ['guard', '../crypto/sodium.js'],
  ['web', 'node:fs'],
] as const
const ALLOWED = [
  ['core', './session.js'],
  ['core/create', '../errors.js'],
  ['core/create', '../endings/expiry.js'],
  ['stores/level/write', '../layout/keys.js'],
  ['stores/level/layout', '../../rows/codec.js'],
  ['stores/valkey/layout', '../../rows/codec.js'],
  ['server', '../stores/index.js'],
  ['stores', './engine.js'],
  ['grpc/services/admin', '../../pipeline/status.js'],
] as const

/** How a file of `folder` names `path`. */
const specifier = (folder: string, path: string) => relative(`src/${folder}`, `src/${path}`)

it('knows every folder of src/, which holds nothing beside them', async () => {
  expect((await readdir(join(root, 'src'))).sort()).toEqual(Object.keys(MAY_IMPORT).sort())
})

it('has no arrow that points up in the picture of docs/architecture.md', async () => {
  const page = await readFile(join(root, 'docs/architecture.md'), 'utf8')
  const [, picture = ''] = /```\n(cli → [\s\S]*?)```/.exec(page) ?? []
  const levels = new Map<string, number>()
  for (const [i, floor] of picture.split(/→(?![^{]*\})/).entries()) {
    for (const rooms of floor.replace(/[{}]/g, '').split(',')) {
      // Within a floor, too, an arrow points down.
      for (const [j, room] of rooms.split('→').entries()) {
        levels.set(room.trim(), i + j / 10)
      }
    }
  }
  expect([...levels.keys(), 'web'].sort()).toEqual(Object.keys(MAY_IMPORT).sort())
  const level = (folder: string) => levels.get(folder) ?? Number.NaN
  const up = Object.entries(MAY_IMPORT).flatMap(([folder, others]) =>
    others.filter((other) => !(level(folder) < level(other))).map((other) => [folder, other]),
  )
  expect(up).toEqual([])
})

it('lets arrows between folders point one way, those of types too', async () => {
  const directory = await temporaryDirectory(onTestFinished)
  await copyFile(join(root, 'biome.json'), join(directory, 'biome.json'))
  let planted = 0
  const plant = async (folder: string, name: string, statement = `import '${name}'\n`) => {
    const path = `src/${folder}/planted${planted++}.ts`
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), statement)
    return path
  }
  const folders = Object.keys(MAY_IMPORT)
  const forbidden: string[] = []
  for (const folder of folders) {
    for (const other of folders.filter((name) => name !== folder)) {
      const name = specifier(folder, `${other}/any.js`)
      const deep = specifier(`${folder}/deeper`, `${other}/deep/any.js`)
      const paths = [
        await plant(folder, name),
        await plant(folder, name, `import type { T } from '${name}'\nexport type U = T\n`),
        await plant(`${folder}/deeper`, deep),
      ]
      if (!MAY_IMPORT[folder]?.includes(other)) {
        forbidden.push(...paths)
      } else if (other === 'stores') {
        // The folder of one store: only the registry knows it.
        forbidden.push(...paths.slice(-1))
      }
    }
  }
  for (const [folder, name] of FORBIDDEN) {
    forbidden.push(await plant(folder, name))
  }
  for (const [folder, name] of ALLOWED) {
    await plant(folder, name)
  }
  await writeFile(join(directory, 'src/stores/index.ts'), "import './level/engine.js'\n")
  for (const [folder, path] of SINGLE_FILES) {
    await plant(folder, specifier(folder, path))
  }

  const args = ['lint', '--vcs-enabled=false', '--only=style/noRestrictedImports', '--colors=off']
  const biome = join(root, 'node_modules/.bin/biome')
  const { stdout, stderr } = await run(biome, [...args, '--max-diagnostics=none'], {
    cwd: directory,
  })
  const found = (stdout + stderr).matchAll(
    /(src\/\S+?\.ts):\d+:\d+ lint\/style\/noRestrictedImports/g,
  )
  expect([...new Set([...found].map(([, path]) => path))].sort()).toEqual(forbidden.sort())
})
