/** What a caller did, between its call and its answer. Both are numbers on one scale that all callers share. */
export interface Operation<Input, Output> {
  readonly input: Input
  readonly calledAt: number
  /** Infinity: nobody knows whether it was done. Then it was done at any time after the call, or never. */
  answeredAt: number
  /** undefined: there was no answer. */
  output?: Output
}

/** What one thing alone would answer. */
export interface Model<State, Input, Output> {
  readonly initial: State
  /** The state after the operation; undefined: it cannot have this output in this state. */
  step(state: State, input: Input, output: Output | undefined): State | undefined
  /** Equal states have equal names. */
  name(state: State): string
}

/**
 * Whether the operations can be put in an order in which each one happens between its call and its answer, and the model
 * gives every answer (Wing and Gong; states that were tried are not tried again, as Lowe proposes).
 */
export function isLinearizable<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
): boolean {
  const history = [...operations].sort((a, b) => a.calledAt - b.calledAt)
  const answered = history.reduce(
    (all, { answeredAt }, i) => (answeredAt === Number.POSITIVE_INFINITY ? all : all | bit(i)),
    0n,
  )
  const tried = new Set<string>()
  const open: { readonly done: bigint; readonly state: State }[] = [
    { done: 0n, state: model.initial },
  ]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const { done, state } = at
    if ((done & answered) === answered) {
      return true
    }
    for (const i of candidates(history, done)) {
      const { input, output, answeredAt } = history[i] as Operation<Input, Output>
      const next = model.step(state, input, output)
      // What was perhaps never done need not be done where it changes nothing.
      const isIdle =
        answeredAt === Number.POSITIVE_INFINITY && next && model.name(next) === model.name(state)
      if (next === undefined || isIdle) {
        continue
      }
      const name = `${done | bit(i)} ${model.name(next)}`
      if (!tried.has(name)) {
        tried.add(name)
        open.push({ done: done | bit(i), state: next })
      }
    }
  }
  return false
}

const bit = (i: number) => 1n << BigInt(i)

/** Those that may come next: called before any other of the rest was answered. */
function candidates(history: readonly Operation<unknown, unknown>[], done: bigint): number[] {
  const found: number[] = []
  let endsAt = Number.POSITIVE_INFINITY
  for (const [i, { calledAt, answeredAt }] of history.entries()) {
    if (calledAt > endsAt) {
      break
    }
    if ((done & bit(i)) === 0n) {
      found.push(i)
      endsAt = Math.min(endsAt, answeredAt)
    }
  }
  return found
}
