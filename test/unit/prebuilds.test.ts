import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const ROOT = new URL('../../', import.meta.url)
const MODULES = new URL('node_modules/', ROOT)

/** `e_machine` of an ELF header. */
const MACHINES = { x64: 0x3e, arm64: 0xb7 } as const

/** What `docs/operations.md` promises under "Platforms". */
const [, PROMISED_GLIBC = ''] =
  /glibc ≥ (2\.\d+)/.exec(readFileSync(new URL('docs/operations.md', ROOT), 'utf8')) ?? []
const minor = (version: string) => Number(version.split('.')[1])

describe('the prebuilt parts', () => {
  it.each([
    ['x64', 'classic-level/prebuilds/linux-x64/classic-level.node'],
    ['arm64', 'classic-level/prebuilds/linux-arm64/classic-level.armv8.node'],
    ['x64', 'sodium-native/prebuilds/linux-x64/sodium-native.node'],
    ['arm64', 'sodium-native/prebuilds/linux-arm64/sodium-native.node'],
  ] as const)('are there for Linux on %s, for the promised glibc: %s', (arch, path) => {
    const file = readFileSync(new URL(path, MODULES))
    expect(file.readUInt16LE(18)).toBe(MACHINES[arch])
    const wanted = [...file.toString('latin1').matchAll(/GLIBC_(2\.\d+)/g)].map(([, v = '']) =>
      minor(v),
    )
    expect(wanted).not.toEqual([])
    expect(Math.max(...wanted)).toBeLessThanOrEqual(minor(PROMISED_GLIBC))
  })

  // Fails once there is one: the docs and the image may then say otherwise.
  it.each(['linux-x64-musl', 'linux-arm64-musl'])(
    'of sodium-native do not include %s',
    (platform) => {
      expect(existsSync(new URL(`sodium-native/prebuilds/${platform}`, MODULES))).toBe(false)
    },
  )
})
