/** A measured value beside its target. `aim` is where it should get to. */
export const atLeast = (what, value, target, { aim = null, unit = '' } = {}) =>
  verdict({ what, value, bound: 'at least', target, aim, unit, held: value >= target })

export const atMost = (what, value, target, { aim = null, unit = '' } = {}) =>
  verdict({ what, value, bound: 'at most', target, aim, unit, held: value <= target })

/** Three digits: more would be noise. */
export const rounded = (value) => String(Number(value.toPrecision(3)))

function verdict(fields) {
  const { what, value, bound, target, aim, unit } = fields
  const aimed = aim === null ? '' : `; the aim is ${aim}`
  return { ...fields, text: `${what}: ${rounded(value)}${unit}, ${bound} ${target} wanted${aimed}` }
}
