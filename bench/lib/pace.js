const EVERY_MS = 1

/**
 * Sends `perSecond` calls for `durationMs`, of one caller after the other, each at its time, whatever becomes of the others.
 * Then waits for the last answers. Rejects at the first call that is not OK.
 */
export function pace(callers, nextMessage, { perSecond, durationMs }) {
  return new Promise((resolve, reject) => {
    for (const caller of callers) {
      caller.onError = reject
    }
    const latenciesMs = []
    const startMs = performance.now()
    let sent = 0
    let replyBytes = 0
    let isOver = false

    const endIfAnswered = () => {
      if (isOver && latenciesMs.length === sent) {
        resolve({ latenciesMs, elapsedMs: performance.now() - startMs, replyBytes })
      }
    }
    const send = () => {
      const sentMs = performance.now()
      const caller = callers[sent++ % callers.length]
      caller.call(nextMessage(), (bytes) => {
        latenciesMs.push(performance.now() - sentMs)
        replyBytes = bytes
        endIfAnswered()
      })
    }
    const timer = setInterval(() => {
      const elapsedMs = performance.now() - startMs
      while (sent < (Math.min(elapsedMs, durationMs) * perSecond) / 1000) {
        send()
      }
      if (elapsedMs >= durationMs) {
        clearInterval(timer)
        isOver = true
        endIfAnswered()
      }
    }, EVERY_MS)
  })
}
