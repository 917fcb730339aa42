export function median(numbers) {
  return quantile(numbers, 0.5)
}

/** The least of the numbers that is not below a share `q` of them. */
export function quantile(numbers, q) {
  const sorted = Float64Array.from(numbers).sort()
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]
}
