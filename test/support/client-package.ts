import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { itServed } from './interop.js'
import { run } from './process.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const ASSEMBLE = join(ROOT, 'packaging/client/assemble.js')

/** Runs a program to its good end and returns what it printed. */
export async function output(cwd: string, program: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, { cwd })
  expect({ code, output: code === 0 ? '' : stdout + stderr }).toEqual({ code: 0, output: '' })
  return stdout.trim()
}

/**
 * A test with an otherwise empty project that has installed `sessiond-client` as `npm pack` writes it, and what the package
 * says that it needs, from what is installed here: no registry is asked.
 */
export const itHasClient = itServed.extend('project', { scope: 'file' }, async ({ directory }) => {
  const project = join(directory, 'client')
  const installed = join(project, 'node_modules/sessiond-client')
  await mkdir(installed, { recursive: true })
  await output(ROOT, process.execPath, ASSEMBLE, join(directory, 'assembled'))
  const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', directory]
  const tarball = await output(join(directory, 'assembled'), 'npm', ...pack)
  const unpack = ['-xzf', join(directory, tarball), '-C', installed, '--strip-components', '1']
  await output(directory, 'tar', ...unpack)
  const { dependencies } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))
  await writeFile(
    join(project, 'package.json'),
    JSON.stringify({ private: true, dependencies: { 'sessiond-client': '*' } }),
  )
  for (const path of await neededBy(Object.keys(dependencies))) {
    const isOwn = (from: string) => !from.slice(join(ROOT, path).length).includes('node_modules')
    await cp(join(ROOT, path), join(project, path), { recursive: true, filter: isOwn })
  }
  return project
})

/** The paths of these packages and all that they need, as the lock file has them. */
async function neededBy(names: readonly string[]): Promise<ReadonlySet<string>> {
  const { packages } = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'))
  const found = new Set<string>()
  const add = (name: string, from: string) => {
    // As Node looks for a package: in the nearest folder first.
    let within = from
    while (!(join(within, 'node_modules', name) in packages)) {
      within = within.slice(0, Math.max(within.lastIndexOf('node_modules') - 1, 0))
    }
    const path = join(within, 'node_modules', name)
    if (!found.has(path)) {
      found.add(path)
      for (const next of Object.keys(packages[path].dependencies ?? {})) {
        add(next, path)
      }
    }
  }
  for (const name of names) {
    add(name, '')
  }
  return found
}
