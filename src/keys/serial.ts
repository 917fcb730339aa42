/** Runs of `fn` one after another, in the order in which they were asked for. */
export function serial<T>(fn: () => Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return () => {
    const run = last.then(fn, fn)
    last = run
    return run
  }
}
