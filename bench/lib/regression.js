/** How much of what was recorded must be reached. Two runs of the same code on a busy machine differ by less. */
const LEAST_SHARE = 0.75

/** One line for each ratio that is now below three quarters of what was recorded. */
export function regressions(recorded, measured) {
  return measured
    .filter(({ bound }) => bound === 'at least')
    .flatMap(({ what, value }) => {
      const before = recorded.find((verdict) => verdict.what === what)?.value
      if (before === undefined) {
        return [`${what}: nothing is recorded`]
      }
      const least = LEAST_SHARE * before
      // Written so that what is not a number fails.
      return value >= least
        ? []
        : [
            `${what}: ${value.toFixed(3)}, at least ${least.toFixed(3)} wanted, a quarter less than recorded`,
          ]
    })
}

/** The better of two measurements of each ratio: what else runs on a machine only takes away. */
export function betterOf(first, second) {
  return first.map((verdict) => {
    const again = second.find(({ what }) => what === verdict.what)
    return again !== undefined && again.value > verdict.value ? again : verdict
  })
}
