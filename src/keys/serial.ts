/** Runs `fn` once for each call, one run after another. */
export function serial<T>(fn: () => Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return () => {
    const run = last.then(fn, fn)
    last = run
    return run
  }
}
