/** Two sorted walks over keys as one, compared from `offset` in each key. */
export async function* merge(
  one: AsyncGenerator<Buffer[], void>,
  other: AsyncGenerator<Buffer[], void>,
  offset: number,
): AsyncGenerator<Buffer[], void> {
  try {
    let left = await next(one)
    let right = await next(other)
    while (left.length > 0 && right.length > 0) {
      const merged: Buffer[] = []
      let l = 0
      let r = 0
      for (;;) {
        const a = left[l]
        const b = right[r]
        if (a === undefined || b === undefined) {
          break
        }
        if (a.compare(b, offset, b.length, offset, a.length) < 0) {
          merged.push(a)
          l++
        } else {
          merged.push(b)
          r++
        }
      }
      yield merged
      left = l < left.length ? left.slice(l) : await next(one)
      right = r < right.length ? right.slice(r) : await next(other)
    }
    yield left
    yield* one
    yield right
    yield* other
  } finally {
    await one.return()
    await other.return()
  }
}

/** The next slice; an empty one at the end. */
async function next(slices: AsyncGenerator<Buffer[], void>): Promise<Buffer[]> {
  return (await slices.next()).value ?? []
}
