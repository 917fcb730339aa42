/** Runs `fn` once for each call, one run after another. */
export function serial<Args extends unknown[], T>(
  fn: (...args: Args) => Promise<T>,
): (...args: Args) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (...args) => {
    const next = () => fn(...args)
    const run = last.then(next, next)
    last = run
    return run
  }
}
