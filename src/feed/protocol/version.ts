const NUMBERS = /^\d{1,15}(?:\.\d{1,15})*/

/**
 * Whether a version comes before another. Compares their leading numbers, so 1.10 comes after 1.9, and 1.2 is
 * 1.2.0; what follows the numbers, such as `-rc.1`, does not count. Without a number there is no order.
 */
export function isOlderVersion(version: string, other: string): boolean {
  const [mine, theirs] = [numbersOf(version), numbersOf(other)]
  if (mine === null || theirs === null) {
    return false
  }
  const at = theirs.findIndex((number, i) => number !== (mine[i] ?? 0))
  return at >= 0 && (mine[at] ?? 0) < (theirs[at] as number)
}

function numbersOf(version: string): number[] | null {
  return NUMBERS.exec(version)?.[0].split('.').map(Number) ?? null
}
