import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config/config.js'
import { variableOf } from '../../src/config/option.js'
import { SERVE_OPTIONS } from '../../src/config/serve-options.js'
import { durationMs } from '../../src/config/values.js'
import { haveTool } from '../support/tools.js'

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const read = (path: string) => readFileSync(pathOf(path), 'utf8')

const variables: readonly string[] = Object.values(SERVE_OPTIONS).map(({ name }) =>
  variableOf(name),
)

describe.each(['Dockerfile', 'healthcheck.js', 'sessiond.service', 'network.conf'])(
  'packaging/%s',
  (file) => {
    it('sets only what serve knows', () => {
      const set = read(`packaging/${file}`).match(/\bSESSIOND_[A-Z_]+/g) ?? []
      expect(set).not.toEqual([])
      expect(set.filter((name) => !variables.includes(name))).toEqual([])
    })
  },
)

describe('the Dockerfile', () => {
  /** Instructions with their arguments, continued lines joined. */
  const instructions = read('packaging/Dockerfile')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\s*\\\n\s*/g, ' ')
    .split('\n')
    .filter(Boolean)
  const all = (name: string) =>
    instructions.filter((i) => i.startsWith(`${name} `)).map((i) => i.slice(name.length + 1))

  it('names its base image to the patch', () => {
    expect(all('ARG')).toEqual([expect.stringMatching(/^NODE=node:\d+\.\d+\.\d+-\w+-slim$/)])
    const others = all('FROM').filter(
      (image) => !/^(--platform=\S+ )?\$\{NODE\}( AS \w+)?$/.test(image),
    )
    expect(others).toEqual([])
  })

  it('runs the program itself, as a number that is not root', () => {
    expect(all('USER')).toEqual([expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/)])
    expect(all('ENTRYPOINT').map((list) => JSON.parse(list))).toEqual([['sessiond']])
  })

  it('is given the package by npm, which builds it as make does', () => {
    const { scripts } = JSON.parse(read('package.json'))
    expect(all('RUN')).toContainEqual(expect.stringContaining('npm pack '))
    expect(scripts.prepack).toBe('npm run build')
    expect(read('Makefile')).toMatch(/^build:.*\n\tnpm run --silent build$/m)
  })

  it('copies what is there, and its .dockerignore lets through just that', () => {
    const sources = all('COPY')
      .filter((args) => !args.startsWith('--from'))
      .flatMap((args) => args.split(' ').slice(0, -1))
    expect(sources.filter((path) => !existsSync(pathOf(path)))).toEqual([])
    const [everything, ...allowed] = read('packaging/Dockerfile.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
    expect(everything).toBe('*')
    expect(new Set(allowed)).toEqual(new Set(sources.map((path) => `!${path}`)))
  })
})

it('the image, the dev container and the suites run on the release of Node that .nvmrc names', () => {
  const release = read('.nvmrc').trim()
  expect(read('packaging/Dockerfile')).toMatch(new RegExp(`^ARG NODE=node:${release}\\.`, 'm'))
  expect(JSON.parse(read('.devcontainer/devcontainer.json')).image).toBe(`node:${release}-bookworm`)
  expect(read('Makefile')).toMatch(new RegExp(`^NODE := .*\\b${release}$`, 'm'))
})

it('the systemd unit waits longer than the server takes to stop', () => {
  const [, timeout = ''] = /^TimeoutStopSec=(.*)$/m.exec(read('packaging/sessiond.service')) ?? []
  const { graceMs, drainDelayMs } = readConfig({ flags: {}, env: {} })
  expect(durationMs(timeout)).toBeGreaterThan(graceMs + drainDelayMs)
})

it('the systemd unit starts when the time is synchronised', () => {
  const [, after = ''] = /^After=(.*)$/m.exec(read('packaging/sessiond.service')) ?? []
  expect(after.split(' ')).toContain('time-sync.target')
})

const noSystemd = !haveTool('systemd-analyze', ['systemd-analyze', '--version'])

describe.skipIf(noSystemd)('the systemd unit', () => {
  // In tenths of systemd's exposure level; 11 as this is written.
  it('leaves the server no more than it needs', () => {
    const unit = pathOf('packaging/sessiond.service')
    const options = ['security', '--offline=true', '--threshold=15', '--no-pager']
    const { status, stdout } = spawnSync('systemd-analyze', [...options, unit], {
      encoding: 'utf8',
    })
    expect({ status, stdout: status === 0 ? '' : stdout }).toEqual({ status: 0, stdout: '' })
  })
})
