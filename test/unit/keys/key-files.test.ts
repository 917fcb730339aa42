import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  replaceSecretFile,
  succeedSecretFile,
  writeSecretFile,
} from '../../../src/keys/key-files.js'
import { temporaryDirectory } from '../../support/process.js'

async function secretFile(text = 'old') {
  const file = join(await temporaryDirectory(onTestFinished), 'secret')
  await writeFile(file, text, { mode: 0o600 })
  return file
}

describe('writing a secret file', () => {
  it('makes its directory, and never replaces a file', async () => {
    const file = join(await temporaryDirectory(onTestFinished), 'new', 'secret')
    await writeSecretFile(file, 'first')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await expect(writeSecretFile(file, 'second')).rejects.toThrow(file)
    expect(await readFile(file, 'utf8')).toBe('first')
  })
})

describe('replacing a secret file', () => {
  it('leaves the new one, for its owner alone, and nothing beside it', async () => {
    const file = await secretFile()
    await replaceSecretFile(file, 'new')
    expect(await readFile(file, 'utf8')).toBe('new')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(dirname(file))).toEqual(['secret'])
  })

  it('is refused with the reason where somebody else looks after it', async () => {
    const file = await secretFile()
    const link = `${file}.link`
    await symlink(file, link)
    await expect(replaceSecretFile(link, 'new')).rejects.toThrow(
      `${link}: is a symbolic link, so it is not replaced`,
    )
    await chmod(file, 0o400)
    await expect(replaceSecretFile(file, 'new')).rejects.toThrow(
      `${file}: is read-only, so it is not replaced`,
    )
    expect(await readFile(file, 'utf8')).toBe('old')
  })

  it('tells of any other failure as one to write the file', async () => {
    const file = await secretFile()
    const missing = join(dirname(file), 'none', 'secret')
    await expect(replaceSecretFile(missing, 'new')).rejects.toThrow(`${missing}: cannot be written`)
  })
})

describe('succeeding a secret file', () => {
  it('puts the next one in its place, and keeps it under another name', async () => {
    const file = await secretFile()
    const [next, kept] = [`${file}-next`, `${file}-kept`]
    await writeFile(next, 'new')
    await succeedSecretFile(file, next, kept)
    expect(await readFile(file, 'utf8')).toBe('new')
    expect(await readFile(kept, 'utf8')).toBe('old')
    expect((await readdir(dirname(file))).sort()).toEqual(['secret', 'secret-kept'])
  })

  it('goes on where an earlier attempt was interrupted after it had kept the old one', async () => {
    const file = await secretFile()
    const [next, kept] = [`${file}-next`, `${file}-kept`]
    await writeFile(next, 'new')
    await writeFile(kept, 'old', { mode: 0o600 })
    await succeedSecretFile(file, next, kept)
    expect(await readFile(file, 'utf8')).toBe('new')
  })

  it('changes nothing where the old one cannot be kept', async () => {
    const file = await secretFile()
    const [next, kept] = [`${file}-next`, `${file}-kept`]
    await writeFile(next, 'new')
    await mkdir(kept)
    await expect(succeedSecretFile(file, next, kept)).rejects.toThrow()
    expect(await readFile(file, 'utf8')).toBe('old')
  })
})
