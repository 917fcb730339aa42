/**
 * Keeps a call of each caller under way, each with the next message, until the messages end or `durationMs` passed. Then
 * waits for the last answers. Rejects at the first call that is not OK.
 */
export function drive(callers, nextMessage, { durationMs = Number.POSITIVE_INFINITY } = {}) {
  return new Promise((resolve, reject) => {
    for (const caller of callers) {
      caller.onError = reject
    }
    const latenciesMs = []
    const startMs = performance.now()
    let underWay = 0
    let replyBytes = 0

    const callNext = (caller) => {
      const sentMs = performance.now()
      const message = sentMs - startMs < durationMs ? nextMessage() : undefined
      if (message !== undefined) {
        underWay++
        caller.call(message, (bytes) => {
          latenciesMs.push(performance.now() - sentMs)
          replyBytes = bytes
          underWay--
          callNext(caller)
        })
      } else if (underWay === 0) {
        resolve({ latenciesMs, elapsedMs: performance.now() - startMs, replyBytes })
      }
    }
    for (const caller of callers) {
      callNext(caller)
    }
  })
}
