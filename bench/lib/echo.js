/** Starts a bare gRPC server, whose methods answer with these numbers of bytes. `start` is that of `withServers`. */
export function startEcho(start, replyBytes) {
  return start(`${import.meta.dirname}/grpc-echo-server.js`, replyBytes)
}

/** The path of the echo's method that answers with so many bytes. */
export const echoPath = (replyBytes) => `/bench.Echo/Reply${replyBytes}`
