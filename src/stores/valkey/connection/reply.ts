import { StoreDamagedError } from '../../../core/errors.js'

/** An argument of a command, or its name. Text is sent as UTF-8. */
export type Arg = Buffer | string

/** A command with its arguments, such as `['GET', 'key']`. */
export type Command = readonly Arg[]

/**
 * What the engine answers, in the types of RESP2. Text of any kind stays bytes. Whether it is what was expected is for
 * the functions below to say: of an engine that is not well, it may be anything.
 */
export type Reply = Buffer | number | null | readonly Reply[]

/** What the engine answers instead of a reply. Its message may contain what was sent: it is for causes, never for callers. */
export class EngineError extends Error {
  /** The first word of the message, such as `MOVED`, `OOM`, `ERR`, or what a function of ours begins its errors with. */
  readonly code: string

  constructor(message: string) {
    super(message)
    this.code = /^[A-Z]+/.exec(message)?.[0] ?? ''
  }
}

// What the engine answers is outside bytes: these throw StoreDamagedError where it is not what it must be.

export function bytesOf(reply: Reply | undefined): Buffer {
  if (!Buffer.isBuffer(reply)) {
    throw foreign()
  }
  return reply
}

/** undefined: there is none. */
export function valueIn(reply: Reply | undefined): Buffer | undefined {
  return reply === null ? undefined : bytesOf(reply)
}

export function textOf(reply: Reply | undefined): string {
  return bytesOf(reply).toString()
}

export function numberOf(reply: Reply | undefined): number {
  if (typeof reply !== 'number' || !Number.isSafeInteger(reply)) {
    throw foreign()
  }
  return reply
}

/** The same, also where it comes as text, as scores do. */
export function wholeNumberOf(reply: Reply | undefined): number {
  return numberOf(Buffer.isBuffer(reply) ? Number(reply.toString('latin1')) : reply)
}

export function itemsOf(reply: Reply | undefined): readonly Reply[] {
  if (!Array.isArray(reply)) {
    throw foreign()
  }
  return reply
}

/** The item at a place that the engine names. */
export function itemAt<T>(items: readonly T[], index: number): T {
  const item = items[index]
  if (item === undefined) {
    throw foreign()
  }
  return item
}

function foreign(): StoreDamagedError {
  return new StoreDamagedError('the engine answers with something else than it must')
}
