import { cp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  expectWholeFiles,
  StartAttempts,
} from '../../../../../src/stores/level/maintenance/start-check.js'
import { damaged, filledStore, openStore } from '../../../../support/damage.js'
import { temporaryDirectory } from '../../../../support/process.js'
import { commandSession, insert } from '../../../../support/store-sessions.js'

const SAMPLE = fileURLToPath(
  new URL('../../../../samples/store-layout-1/data/store', import.meta.url),
)

describe('a start', () => {
  it('refuses a log with an altered byte, which LevelDB would drop, and leaves it as it is', async () => {
    const location = await filledStore()
    const [log = ''] = (await readdir(location)).filter((name) => name.endsWith('.log'))
    const bytes = await readFile(join(location, log))
    // In the second record.
    const at = 7 + bytes.readUInt16LE(4)
    bytes[at + 3] = bytes.readUInt8(at + 3) ^ 1
    await writeFile(join(location, log), bytes)
    await expect(openStore(location)).rejects.toEqual(
      damaged(new RegExp(`\\.log: a record fails its checksum, at byte ${at}`)),
    )
    expect(await readFile(join(location, log))).toEqual(bytes)
  })

  it('that accepts the damage opens what is left, tells of it, and keeps a copy of the file', async () => {
    const location = await filledStore()
    const [log = ''] = (await readdir(location)).filter((name) => name.endsWith('.log'))
    const bytes = await readFile(join(location, log))
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
    await writeFile(join(location, log), bytes)
    const told: string[] = []
    const options = { acceptDamage: true, onDamage: (problem: string) => told.push(problem) }
    const store = await openStore(location, options)
    expect(await store.get('alice')).toBeDefined()
    expect(told).toEqual([expect.stringContaining(`${log}: a record fails its checksum`)])
    const [, copies = ''] = /a copy is in (.*)\)/.exec(told[0] ?? '') ?? []
    expect(await readFile(join(copies, log))).toEqual(bytes)
  })

  it('that waits reads nothing of what another server writes, until that holds still', async () => {
    const location = await filledStore()
    const attempts = new StartAttempts()
    const holder = await openStore(location)
    const locked = expect.objectContaining({ code: 'STORE_LOCKED' })
    await expect(openStore(location, { attempts })).rejects.toEqual(locked)
    await insert(holder, commandSession('bob', {}))
    const [log = ''] = (await readdir(location)).filter((name) => name.endsWith('.log'))
    const bytes = await readFile(join(location, log))
    bytes[40] = (bytes[40] as number) ^ 1
    await writeFile(join(location, log), bytes)
    await expect(openStore(location, { attempts })).rejects.toEqual(locked)
    await expect(openStore(location, { attempts })).rejects.toEqual(damaged(/fails its checksum/))
  })

  it('that waits does not read again what has not changed, but all of another directory', async () => {
    const location = await filledStore()
    await (await openStore(location)).close()
    const other = `${location}.other`
    await cp(location, other, { recursive: true })
    const attempts = new StartAttempts()
    await expectWholeFiles(location, { attempts })
    expect(await attempts.areWhole(location)).toBe(true)
    const [table = ''] = (await readdir(other)).filter((name) => name.endsWith('.ldb'))
    const bytes = await readFile(join(other, table))
    bytes[3] = (bytes[3] as number) ^ 1
    await writeFile(join(other, table), bytes)
    await rename(location, `${location}.old`)
    await rename(other, location)
    await expect(expectWholeFiles(location, { attempts })).rejects.toEqual(damaged(/checksum/))
  })

  it.each(['ldb', 'log'])('refuses a store that has lost its .%s file', async (end) => {
    const location = join(await temporaryDirectory(onTestFinished), 'store')
    await cp(SAMPLE, location, { recursive: true })
    const [name = ''] = (await readdir(location)).filter((file) => file.endsWith(end))
    await rm(join(location, name))
    await expect(openStore(location)).rejects.toEqual(damaged(new RegExp(`${name}: is missing`)))
  })
})
