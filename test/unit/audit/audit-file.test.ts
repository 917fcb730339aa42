import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openAuditFile } from '../../../src/audit/audit-file.js'
import { temporaryDirectory } from '../../support/process.js'

const newPath = async () => join(await temporaryDirectory(onTestFinished), 'audit.jsonl')

describe('the file of an audit log', () => {
  it.each([
    ['', false],
    ['{}\n', false],
    ['{', true],
    ['{}\n{', true],
  ])('that holds %j ends in the middle of a line: %s', async (text, endsMidLine) => {
    const path = await newPath()
    await writeFile(path, text)
    const file = await openAuditFile(path)
    expect(file.endsMidLine).toBe(endsMidLine)
    await file.close()
  })

  it('reports a socket in its place as the system does', async () => {
    const path = await newPath()
    const server = createServer().listen(path)
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    await expect(openAuditFile(path)).rejects.toMatchObject({ code: 'ENXIO' })
  })
})
