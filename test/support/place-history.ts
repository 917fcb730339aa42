import { ActError } from './acts.js'
import type { Model, Operation } from './linearizable.js'

/** What callers do at one place of one user. `store` replaces the data of the session. */
export type Input =
  | { readonly cmd: 'open' }
  | { readonly cmd: 'close' | 'get'; readonly id: string }
  | { readonly cmd: 'store'; readonly id: string; readonly data: number }

/** `open`: the id. `get`: the data of an open session. `ended`: what was meant has ended. */
export type Output = { readonly id: string } | { readonly data: number | null } | 'done' | 'ended'

interface State {
  /** The session that is open at the place. UNNAMED: nobody was told its id so far. */
  readonly id: string | null
  readonly data: number | null
  readonly ended: readonly string[]
}

const UNNAMED = '?'

/** At most one session is open at the place; what has ended stays so. */
export const PLACE: Model<State, Input, Output> = {
  initial: { id: null, data: null, ended: [] },
  name: ({ id, data, ended }) => `${id} ${data} ${[...ended].sort()}`,
  step(state, input, output) {
    if (input.cmd === 'open') {
      return opened(state, output as { readonly id: string } | undefined)
    }
    const named = withName(state, input.id)
    if (named === undefined) {
      return undefined
    }
    const isOpen = named.id === input.id
    switch (input.cmd) {
      case 'close':
        return isOpen ? { id: null, data: null, ended: [...named.ended, input.id] } : named
      case 'store':
        if (output === undefined) {
          return isOpen ? { ...named, data: input.data } : named
        }
        return (output === 'done') !== isOpen
          ? undefined
          : isOpen
            ? { ...named, data: input.data }
            : named
      default:
        return output === undefined || isShown(named, isOpen, output) ? named : undefined
    }
  },
}

function opened(state: State, output: { readonly id: string } | undefined): State | undefined {
  if (output === undefined) {
    return state.id === null ? { ...state, id: UNNAMED } : state
  }
  if (state.id === null) {
    return state.ended.includes(output.id) ? undefined : { ...state, id: output.id }
  }
  const named = withName(state, output.id)
  return named?.id === output.id ? named : undefined
}

/** The state in which this session has been opened; undefined if it cannot have been. */
function withName(state: State, id: string): State | undefined {
  if (state.id === id || state.ended.includes(id)) {
    return state
  }
  return state.id === UNNAMED ? { ...state, id } : undefined
}

function isShown({ data }: State, isOpen: boolean, output: Output): boolean {
  return output === 'ended' ? !isOpen : isOpen && (output as { data: unknown }).data === data
}

/** Writes down what callers do, and what they are answered. */
export class History {
  readonly operations: Operation<Input, Output>[] = []
  /** Every call and every answer is at another time. */
  private now = 0

  /** Throws what is neither an answer nor the absence of one. */
  async record(input: Input, act: () => Promise<Output>): Promise<Output | undefined> {
    const operation: Operation<Input, Output> = {
      input,
      calledAt: this.now++,
      answeredAt: Number.POSITIVE_INFINITY,
    }
    this.operations.push(operation)
    try {
      operation.output = await act()
    } catch (error) {
      const code = error instanceof ActError ? error.code : undefined
      if (code === 'CONFLICT') {
        operation.output = 'ended'
      } else if (code !== undefined && code !== 'STORE_UNAVAILABLE') {
        throw error
      }
    }
    if (operation.output !== undefined) {
      operation.answeredAt = this.now++
    }
    return operation.output
  }
}
