import { variableOf } from './option.js'
import { SERVE_OPTIONS } from './serve-options.js'
import { nearest } from './suggestion.js'

const PREFIX = 'SESSIOND_'
/** What Kubernetes sets in every pod for a service with the name `sessiond`, and for its ports. */
const OF_KUBERNETES = /^SESSIOND_(?:\w+_)?(?:SERVICE_(?:HOST|PORT)|PORT)(?:_|$)/

export interface UnknownVariable {
  readonly variable: string
  /** The variable that was probably meant. */
  readonly meant: string | undefined
}

/** Variables that look like ours and mean nothing. `others`: known ones that stand for no option of `serve`. */
export function unknownVariables(
  env: Readonly<Record<string, string | undefined>>,
  others: readonly string[],
): UnknownVariable[] {
  const ofServe = Object.values(SERVE_OPTIONS).map(({ name }) => variableOf(name))
  const known = new Map([...ofServe, ...others].map((name) => [name.slice(PREFIX.length), name]))
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !OF_KUBERNETES.test(name))
    .map((name) => name.slice(PREFIX.length))
    .filter((rest) => !known.has(rest))
    .map((rest) => ({
      variable: `${PREFIX}${rest}`,
      meant: known.get(nearest(rest, known.keys()) ?? ''),
    }))
}
