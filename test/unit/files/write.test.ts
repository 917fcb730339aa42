import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { InputFileError } from '../../../src/core/errors.js'
import { makeFile, replaceFile } from '../../../src/files/write.js'
import { temporaryPath } from '../../support/files.js'

describe('a new file', () => {
  it('is not there before it is whole, nor where what fills it fails', async () => {
    const file = await temporaryPath('file')
    const filling = makeFile(file, async (write) => {
      await write('half')
      expect(await readdir(join(file, '..'))).toEqual([expect.stringMatching(/^file\.\w+\.tmp$/)])
      throw new Error('no more')
    })
    await expect(filling).rejects.toThrow('no more')
    expect(await readdir(join(file, '..'))).toEqual([])
  })

  it('takes no name that was taken meanwhile', async () => {
    const file = await temporaryPath('file')
    const both = ['one', 'other'].map((text) => makeFile(file, (write) => write(text)))
    const made = await Promise.allSettled(both)
    expect(made.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(made).toContainEqual({ status: 'rejected', reason: expect.any(InputFileError) })
    expect(await readdir(join(file, '..'))).toEqual(['file'])
  })
})

describe('a file that is replaced', () => {
  it('is another file under the same name, for its owner alone', async () => {
    const file = await temporaryPath('file')
    await writeFile(file, 'old', { mode: 0o644 })
    const { ino } = await stat(file)
    await replaceFile(file, 'new')
    expect(await readFile(file, 'utf8')).toBe('new')
    const found = await stat(file)
    // Written in place, it would be cut short by a crash.
    expect(found.ino).not.toBe(ino)
    expect(found.mode & 0o777).toBe(0o600)
    expect(await readdir(join(file, '..'))).toEqual(['file'])
  })

  it('stays as it was where the new one cannot take its name', async () => {
    const file = await temporaryPath('file')
    await mkdir(join(file, 'full'), { recursive: true })
    await expect(replaceFile(file, 'new')).rejects.toThrow(InputFileError)
    expect(await readdir(join(file, '..'))).toEqual(['file'])
  })
})
