import { WebSocketServer } from 'ws'
import { printReady } from '../lib/ready.js'

/*
 * The lowest cost of a feed with ws: when a client sends anything, every client gets a text of its own. The
 * argument is the length of that text.
 */

const bytes = Number(process.argv[2])
const texts = new Map()

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
server.on('connection', (socket) => {
  texts.set(socket, `${texts.size} `.padEnd(bytes, '-'))
  socket.on('message', () => {
    for (const [peer, text] of texts) {
      peer.send(text)
    }
  })
  socket.on('close', () => texts.delete(socket))
  socket.on('error', () => {}) // 'close' follows
})
server.on('listening', () => printReady('http', server.address()))
