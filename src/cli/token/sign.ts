import { hex } from '@scure/base'
import { Command } from 'commander'
import { InputFileError } from '../../core/errors.js'
import { readInput, readInputText } from '../../files/read.js'
import { type TokenFault, tryRead } from '../../tokens/check.js'
import { withOptions } from '../flags.js'
import { jsonLine, printable } from '../output/printable.js'
import { readUseFlags, tokenBytesIn, type UseFlags, useOptions } from './options.js'
import { type TokensServerFlags, tokensServerOptions, withTokens } from './server.js'

interface SignFlags extends UseFlags, TokensServerFlags {
  readonly token: string
}

/** What Sign takes: so many bytes, within every server's `--max-message-bytes`, and so many files. */
const MAX_FILE_BYTES = 64 * 1024
const MAX_FILES = 64

/** `sessiond token sign` */
export function tokenSignCommand(): Command {
  const command = new Command('sign')
    .description(
      "Sign files with a session's sealed key, under a token, and print the signatures in hex.",
    )
    .argument(
      '<FILE...>',
      `what to sign: up to ${MAX_FILE_BYTES.toLocaleString('en')} bytes each; - is standard input`,
    )
    .option('--token <FILE>', 'the token, as `token issue` prints it; - is standard input', '-')
  return withOptions(command, [
    ...useOptions(
      'what is to be done (default: what the token is for)',
      'the container of the object that it is to be done on',
    ),
    ...tokensServerOptions("the owner's or that of a service which the operator named"),
  ])
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Of several files each line also names the file, as sha256sum does. With --json: {"file": …, "signature": …} a line.

Examples:
  $ sessiond token issue --session session.json --verb put | sessiond token sign object.bin
  $ sessiond token sign --token put.token --verb put *.bin > signatures
  $ sessiond token check --proof-of object.bin --proof "$(sessiond token sign --token put.token object.bin)" < put.token`,
    )
    .action(sign)
}

async function sign(files: readonly string[], flags: SignFlags): Promise<void> {
  const mistakes: string[] = []
  const { verb, object } = readUseFlags(flags, mistakes)
  if (object !== undefined && verb === undefined) {
    mistakes.push('--container: only with --verb')
  }
  if (flags.token === '-' && files.includes('-')) {
    mistakes.push('--token: is standard input, as is what to sign: name a file for one of them')
  }
  await withTokens(flags, mistakes, async ({ tokens, options }) => {
    const { token, ...whole } = readTokenInput(flags.token)
    const use = verb === undefined ? whole : { verb, object }
    for (const batch of batches(files)) {
      const data = batch.map((one) => one.data)
      const signatures = await tokens.sign({ token, ...use, data }, options)
      for (const [i, { file }] of batch.entries()) {
        const signature = hex.encode(signatures[i] as Uint8Array)
        const line = files.length === 1 ? signature : `${signature}  ${printable(file)}`
        console.log(flags.json ? jsonLine({ file, signature }) : line)
      }
    }
  })
}

/** A token, and what it is for. Throws InputFileError. */
function readTokenInput(file: string) {
  const name = nameOf(file)
  const text = readInputText(name)
  if (text.trim() === '') {
    throw new InputFileError(name, 'is empty: give what `sessiond token issue` prints')
  }
  const token = tokenBytesIn(text)
  const read = 'reason' in token ? token : tryRead(token)
  if ('reason' in token || 'reason' in read) {
    const { message } = read as TokenFault
    throw new InputFileError(name, `holds no session token: ${message}`)
  }
  const { verb, object } = read.token
  return { token, verb, object: object ?? undefined }
}

interface Data {
  readonly file: string
  readonly data: Uint8Array
}

/** The contents of the files, as many at a time as one call takes. Throws InputFileError. */
function* batches(files: readonly string[]): Generator<readonly Data[]> {
  let batch: Data[] = []
  let bytes = 0
  for (const file of files) {
    const data = readData(file)
    if (batch.length === MAX_FILES || bytes + data.length > MAX_FILE_BYTES) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push({ file, data })
    bytes += data.length
  }
  yield batch
}

function readData(file: string): Uint8Array {
  const data = readInput(nameOf(file))
  if (data.length > MAX_FILE_BYTES) {
    const problem = `has ${data.length} bytes; ${MAX_FILE_BYTES} may be signed: sign its digest`
    throw new InputFileError(file, problem)
  }
  return data
}

function nameOf(file: string): string {
  return file === '-' ? '/dev/stdin' : file
}
