export function median(numbers) {
  return quantile(numbers, 0.5)
}

/** The quantile `q`, by nearest rank. */
export function quantile(numbers, q) {
  const sorted = Float64Array.from(numbers).sort()
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]
}
