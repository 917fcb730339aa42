import { isatty } from 'node:tty'
import { unknownVariables } from '../../config/unknown-variables.js'
import { STDOUT } from '../../files/descriptors.js'
import { createLog, type Logger, standardOutput } from '../../observability/log.js'
import { CLIENT_VARIABLES } from '../connection/client-variables.js'
import { textOf } from './log-text.js'

export interface LogFlags {
  readonly logLevel: string
  /** `auto`: text on a terminal, JSON elsewhere. */
  readonly logFormat: 'auto' | 'json' | 'text'
}

/** The log of a server or a bridge. It begins with a warning for each variable that looks like ours and is none. */
export function openLog({ logLevel, logFormat }: LogFlags): Logger {
  // Not by `process.stdout`, which would make a pipe non-blocking.
  const isForPeople = logFormat === 'text' || (logFormat === 'auto' && isatty(STDOUT))
  const output = standardOutput()
  const log = createLog(logLevel, {
    destination: isForPeople ? { write: (line) => output.write(textOf(line)) } : output,
  })
  for (const { variable, meant } of unknownVariables(
    process.env,
    Object.values(CLIENT_VARIABLES),
  )) {
    log.warn({ event: 'unknown-variable', variable, meant }, 'it has no effect')
  }
  return log
}
