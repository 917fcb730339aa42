/** The name that was probably meant; undefined if none is near. */
export function nearest(given: string, names: Iterable<string>): string | undefined {
  let found: string | undefined
  // A third of the letters may be wrong.
  let least = Math.floor(given.length / 3) + 1
  for (const name of names) {
    const distance = editDistance(given, name, least)
    if (distance < least) {
      least = distance
      found = name
    }
  }
  return found
}

/**
 * How many letters must be added, removed, replaced or swapped with their neighbour (optimal string alignment); `limit`
 * if the lengths alone differ by as many.
 */
function editDistance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) >= limit) {
    return limit
  }
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, j) => j)
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const isSame = from[i - 1] === to[j - 1]
      const isSwapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      row[j] = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (beforeLast[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    ;[beforeLast, last] = [last, row]
  }
  return last[to.length] ?? limit
}
