/** An argument of a command, or its name. Text is sent as UTF-8. */
export type Arg = Buffer | string

/** A command with its arguments, such as `['GET', 'key']`. */
export type Command = readonly Arg[]

/**
 * What the engine answers, in the types of RESP2. Text of any kind stays bytes. Whether it is what was expected is for
 * `textOf`, `itemsOf` and `numberOf` to say: of an engine that is not well, it may be anything.
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

/** The text of a reply that must be text. Throws where it is not. */
export function textOf(reply: Reply | undefined): string {
  if (!Buffer.isBuffer(reply)) {
    throw new Error('the engine answered with something that is not text')
  }
  return reply.toString()
}

/** The items of a reply that must be an array. Throws where it is not. */
export function itemsOf(reply: Reply | undefined): readonly Reply[] {
  if (!Array.isArray(reply)) {
    throw new Error('the engine answered with something that is not an array')
  }
  return reply
}

/** A reply that must be a whole number. Throws where it is not. */
export function numberOf(reply: Reply | undefined): number {
  if (typeof reply !== 'number' || !Number.isSafeInteger(reply)) {
    throw new Error('the engine answered with something that is not a number')
  }
  return reply
}
