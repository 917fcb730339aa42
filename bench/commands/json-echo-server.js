import { createServer } from 'node:net'
import { printReady } from '../lib/ready.js'

/*
 * The least that an answer to a line of JSON costs in Node: what comes is cut at newlines; each line is
 * parsed, and an object made of its id, origin, track, time, sync and act is written as a line. A
 * filler makes that as long as the first argument says. Lines that come in one chunk are answered in
 * one write: with a write each it would reach two thirds as many.
 */

const answerBytes = Number(process.argv[2])
const accept = 'echo'
let filler

function answer(line) {
  const { id, origin, track, time, sync, act } = JSON.parse(line)
  const message = { id, kind: 'res', origin, accept, track, time, sync, res: act, filler: '' }
  filler ??= '-'.repeat(answerBytes - JSON.stringify(message).length - 1)
  message.filler = filler
  return `${JSON.stringify(message)}\n`
}

const server = createServer({ noDelay: true }, (socket) => {
  let rest = ''
  socket.setEncoding('utf8')
  socket.on('data', (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()
    socket.write(lines.map(answer).join(''))
  })
  socket.on('error', () => {}) // 'close' follows
})
server.listen(0, '127.0.0.1', () => printReady('seneca', server.address()))
