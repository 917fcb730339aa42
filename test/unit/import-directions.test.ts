import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { run, temporaryDirectory } from '../support/process.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

const FORBIDDEN = [
  ['core', 'node:fs'],
  ['core', '../stores/memory.js'],
  ['core', 'level'],
  ['crypto', '../core/sessions.js'],
  ['files', '../core/sessions.js'],
  ['envelope', '../grpc/status.js'],
  ['envelope', 'sodium-native'],
  ['stores/level', '../../grpc/status.js'],
  ['stores/level', '#generated/session/service'],
  ['stores/level', 'prom-client'],
  ['stores/level/files', '../keys.js'],
  ['stores/level/files', 'level'],
  ['grpc', '../stores/memory.js'],
  ['grpc', '../metrics.js'],
  ['grpc', '@opentelemetry/api'],
  ['seneca', '../grpc/status.js'],
  ['seneca', '@grpc/grpc-js'],
  ['commandable', '../grpc/status.js'],
  ['http', '../feed/server.js'],
  ['feed', '../grpc/status.js'],
  ['feed', 'prom-client'],
  ['net', '../grpc/status.js'],
  ['net', '../core/sessions.js'],
  ['client', '../crypto/sodium.js'],
  ['client', '../core/sessions.js'],
  ['web', '../core/sessions.js'],
  ['cli', '../stores/level/store.js'],
] as const
const ALLOWED = [
  ['core', './session.js'],
  ['files', '../core/errors.js'],
  ['envelope', '../crypto/schemes.js'],
  ['stores/level', '../../core/store.js'],
  ['stores/level', '../../files/directory.js'],
  ['grpc', '../core/sessions.js'],
  ['net', '../core/errors.js'],
  ['grpc', '../net/listen.js'],
  ['seneca', '../net/listen.js'],
  ['feed', '../net/listen.js'],
  ['grpc', '../commandable/description.js'],
  ['client', '../envelope/chain.js'],
  ['client', '../net/address.js'],
  ['cli', '../client/index.js'],
] as const

it('lets arrows between folders point one way', async () => {
  const directory = await temporaryDirectory(onTestFinished)
  await copyFile(join(root, 'biome.json'), join(directory, 'biome.json'))
  const plant =
    (kind: string) =>
    async ([folder, name]: readonly [string, string], i: number): Promise<string> => {
      const path = `src/${folder}/${kind}${i}.ts`
      await mkdir(dirname(join(directory, path)), { recursive: true })
      await writeFile(join(directory, path), `import '${name}'\n`)
      return path
    }
  const forbidden = await Promise.all(FORBIDDEN.map(plant('forbidden')))
  await Promise.all(ALLOWED.map(plant('allowed')))

  const args = ['lint', '--vcs-enabled=false', '--only=style/noRestrictedImports', '--colors=off']
  const biome = join(root, 'node_modules/.bin/biome')
  const { stdout, stderr } = await run(biome, [...args, '--max-diagnostics=none'], {
    cwd: directory,
  })
  const found = (stdout + stderr).matchAll(
    /(src\/\S+?\.ts):\d+:\d+ lint\/style\/noRestrictedImports/g,
  )
  expect([...found].map(([, path]) => path).sort()).toEqual([...forbidden].sort())
})
