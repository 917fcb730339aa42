/**
 * Keeps `inFlight` calls under way, each with the next message, until the messages end or `durationMs`
 * passed. Then waits for the last answers. Rejects at the first call that is not OK.
 */
export function drive(client, nextMessage, { inFlight, durationMs = Number.POSITIVE_INFINITY }) {
  return new Promise((resolve, reject) => {
    client.onError = reject
    const latenciesMs = []
    const startMs = performance.now()
    let underWay = 0
    let replyBytes = 0

    const callNext = () => {
      const sentMs = performance.now()
      const message = sentMs - startMs < durationMs ? nextMessage() : undefined
      if (message !== undefined) {
        underWay++
        client.call(message, (bytes) => {
          latenciesMs.push(performance.now() - sentMs)
          replyBytes = bytes
          underWay--
          callNext()
        })
      } else if (underWay === 0) {
        resolve({ latenciesMs, elapsedMs: performance.now() - startMs, replyBytes })
      }
    }
    for (let i = 0; i < inFlight; i++) {
      callNext()
    }
  })
}
