import { mkdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { makeDirectory } from '../../../src/files/directory.js'
import { temporaryPath } from '../../support/files.js'

describe('a directory', () => {
  it('is made with those above it, for its owner alone, and may be there', async () => {
    const directory = await temporaryPath('a', 'b', 'c')
    await makeDirectory(directory)
    await makeDirectory(directory)
    expect((await stat(join(directory, '..'))).mode & 0o777).toBe(0o700)
  })

  it('is made where another process makes it at the same time', async () => {
    const directory = await temporaryPath('a', 'b')
    await Promise.all(Array.from({ length: 4 }, () => makeDirectory(directory)))
    expect((await stat(directory)).isDirectory()).toBe(true)
  })

  it('may be reached over a symbolic link, and may not be a file', async () => {
    const root = await temporaryPath()
    await mkdir(join(root, 'real'))
    await symlink('real', join(root, 'link'))
    await makeDirectory(join(root, 'link'))
    await makeDirectory(join(root, 'link', 'a'))
    await writeFile(join(root, 'file'), '')
    await expect(makeDirectory(join(root, 'file'))).rejects.toThrow('EEXIST')
    await expect(makeDirectory(join(root, 'file', 'a'))).rejects.toThrow('ENOTDIR')
  })
})
