import { Server, ServerCredentials } from '@grpc/grpc-js'
import { echoPath } from './echo.js'
import { printReady } from './ready.js'

/*
 * The lowest cost of a unary call with grpc-js: bytes in, bytes out. Each argument is a length; for each
 * there is a method that answers with that many bytes.
 */

const raw = (bytes) => bytes
const server = new Server({ 'grpc.enable_channelz': 0 })
for (const length of new Set(process.argv.slice(2).map(Number))) {
  const reply = Buffer.alloc(length, 1)
  const method = {
    path: echoPath(length),
    requestStream: false,
    responseStream: false,
    requestSerialize: raw,
    requestDeserialize: raw,
    responseSerialize: raw,
    responseDeserialize: raw,
  }
  server.addService(
    { [`Reply${length}`]: method },
    { [`Reply${length}`]: (_call, callback) => callback(null, reply) },
  )
}
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) {
    throw error
  }
  printReady('grpc', { port })
})
