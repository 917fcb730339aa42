import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { InputFileError } from '../../../src/core/errors.js'
import { makeDirectory } from '../../../src/files/directory.js'
import { readInput, readInputText } from '../../../src/files/read.js'
import { watchFiles } from '../../../src/files/watch.js'
import { makeFile, replaceFile } from '../../../src/files/write.js'
import type { Every } from '../../../src/net/background-timers.js'
import { temporaryDirectory } from '../../support/process.js'

const inDirectory = async (...names: string[]) =>
  join(await temporaryDirectory(onTestFinished), ...names)

describe('the text of an input', () => {
  it.each([
    ['UTF-8', Buffer.from('Zoë')],
    ['UTF-8 with its mark', Buffer.from('\ufeffZoë')],
    ['UTF-16 with its mark', Buffer.from('\ufeffZoë', 'utf16le')],
    ['UTF-16 of the other order with its mark', Buffer.from('\ufeffZoë', 'utf16le').swap16()],
  ])('is the same in %s', async (_name, bytes) => {
    const file = await inDirectory('file')
    await writeFile(file, bytes)
    expect(readInputText(file)).toBe('Zoë')
  })

  it('is not without end, and not of a directory', () => {
    expect(() => readInput('/dev/zero')).toThrow('/dev/zero: is longer than')
    expect(() => readInput('/')).toThrow(/^\/: cannot be read: EISDIR/)
  })
})

describe('a directory', () => {
  it('is made with those above it, for its owner alone, and may be there', async () => {
    const directory = await inDirectory('a', 'b', 'c')
    await makeDirectory(directory)
    await makeDirectory(directory)
    expect((await stat(join(directory, '..'))).mode & 0o777).toBe(0o700)
  })

  it('is made where another process makes it at the same time', async () => {
    const directory = await inDirectory('a', 'b')
    await Promise.all(Array.from({ length: 4 }, () => makeDirectory(directory)))
    expect((await stat(directory)).isDirectory()).toBe(true)
  })

  it('may be reached over a symbolic link, and may not be a file', async () => {
    const root = await inDirectory()
    await mkdir(join(root, 'real'))
    await symlink('real', join(root, 'link'))
    await makeDirectory(join(root, 'link'))
    await makeDirectory(join(root, 'link', 'a'))
    await writeFile(join(root, 'file'), '')
    await expect(makeDirectory(join(root, 'file'))).rejects.toThrow('EEXIST')
    await expect(makeDirectory(join(root, 'file', 'a'))).rejects.toThrow('ENOTDIR')
  })
})

describe('a new file', () => {
  it('is not there before it is whole, nor where what fills it fails', async () => {
    const file = await inDirectory('file')
    const filling = makeFile(file, async (write) => {
      await write('half')
      expect(await readdir(join(file, '..'))).toEqual([expect.stringMatching(/^file\.\w+\.tmp$/)])
      throw new Error('no more')
    })
    await expect(filling).rejects.toThrow('no more')
    expect(await readdir(join(file, '..'))).toEqual([])
  })

  it('takes no name that was taken meanwhile', async () => {
    const file = await inDirectory('file')
    const both = ['one', 'other'].map((text) => makeFile(file, (write) => write(text)))
    const made = await Promise.allSettled(both)
    expect(made.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(made).toContainEqual({ status: 'rejected', reason: expect.any(InputFileError) })
    expect(await readdir(join(file, '..'))).toEqual(['file'])
  })
})

describe('a file that is replaced', () => {
  it('is another file under the same name, for its owner alone', async () => {
    const file = await inDirectory('file')
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
    const file = await inDirectory('file')
    await mkdir(join(file, 'full'), { recursive: true })
    await expect(replaceFile(file, 'new')).rejects.toThrow(InputFileError)
    expect(await readdir(join(file, '..'))).toEqual(['file'])
  })
})

describe('files that are watched', () => {
  it('are read again when they change, but what is no file is read once', async () => {
    const directory = await inDirectory()
    const [file, pipe] = [join(directory, 'file'), join(directory, 'pipe')]
    await writeFile(file, '')
    execFileSync('mkfifo', [pipe])
    const looks: (() => void)[] = []
    const readings = { file: 0, pipe: 0 }
    const every: Every = (_, look) => {
      looks.push(look)
      return () => {}
    }
    watchFiles(
      [file],
      () => ++readings.file,
      () => {},
      { every },
    )
    watchFiles(
      [pipe],
      () => ++readings.pipe,
      () => {},
      { every },
    )
    await utimes(file, 1, 1)
    await utimes(pipe, 1, 1)
    for (const look of looks) {
      look()
    }
    expect(readings).toEqual({ file: 2, pipe: 1 })
  })
})
