/** Writes rows to a bare `level` in synced batches: what comes while one is synced is the next. */
export function groupCommit(level) {
  let queue = []
  let isCommitting = false
  const commitAll = async () => {
    while (queue.length > 0) {
      const group = queue
      queue = []
      const batch = level.batch()
      for (const { rows } of group) {
        for (const [key, value] of rows) {
          batch.put(key, value)
        }
      }
      await batch.write({ sync: true })
      for (const { resolve } of group) {
        resolve()
      }
    }
    isCommitting = false
  }
  return (rows) =>
    new Promise((resolve) => {
      queue.push({ rows, resolve })
      if (!isCommitting) {
        isCommitting = true
        setImmediate(commitAll)
      }
    })
}
