/**
 * Says that a server listens, in the line that `sessiond serve` writes and `lib/processes.js` reads. `wire` is what the
 * server speaks: `grpc`, `seneca` or `http`. `address` has its `port`.
 */
export function printReady(wire, address) {
  const host = `127.0.0.1:${address.port}`
  const served = { grpc: host, seneca: [`tcp://${host}`], http: `http://${host}` }
  console.log(JSON.stringify({ event: 'ready', [wire]: served[wire] }))
}
