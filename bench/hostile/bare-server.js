import { createServer as createHttp2Server } from 'node:http2'
import { createServer } from 'node:net'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { printReady } from '../lib/ready.js'

/* What a connection costs without us: `node bare-server.js KIND`, where KIND is `tcp`, `http2` or `grpc-js`. */

const kind = process.argv[2]
if (kind === 'grpc-js') {
  const server = new Server({ 'grpc.enable_channelz': 0 })
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, port) =>
    printReady('grpc', { port }),
  )
} else {
  const server =
    kind === 'http2'
      ? createHttp2Server().on('sessionError', () => {})
      : createServer((socket) => socket.on('error', () => {}).resume())
  const backlog = 4096
  server.listen({ port: 0, host: '127.0.0.1', backlog }, () => printReady('grpc', server.address()))
}
