import { randomBytes } from 'node:crypto'
import { ActClient } from '../lib/act-client.js'
import { actLines, ID_LENGTH } from '../lib/acts.js'
import { measure } from '../lib/measure.js'
import { NdjsonClient } from '../lib/ndjson-client.js'
import { address, CLIENT, someData, userNamed } from '../lib/people.js'

/*
 * The load generator: `node load.js JOB`, where JOB is JSON with `port` and `pid` of a server, the
 * `command` to send, `seconds`, and `repeat`: whether messages may be sent again.
 */

const CONNECTIONS = 4
const PAGES = 10
const PAGE = 100

const { port, command, ...load } = JSON.parse(process.argv[2])
const client = new NdjsonClient(port, { idLength: ID_LENGTH, connections: CONNECTIONS })

/** Acts by command: a function of their number. */
const acts = {
  open_session() {
    const run = randomBytes(3).toString('hex')
    return (i) => {
      const userId = `${run}${String(i).padStart(8, '0')}`
      return {
        cmd: 'open_session',
        user_id: userId,
        user_name: 'Robin Example',
        address: address(i),
        client: `${CLIENT} ${userId}`,
        user: userNamed(userId),
        data: someData(i),
      }
    }
  },

  get_sessions: () => pageAt,

  async get_session_by_id() {
    const asking = new ActClient(port)
    const ids = []
    for (let page = 0; page < PAGES; page++) {
      const { data } = await asking.ask(pageAt(page))
      ids.push(...data.map(({ id }) => id))
    }
    asking.close()
    return (i) => ({ cmd: 'get_session_by_id', session_id: ids[i % ids.length] })
  },
}

const lines = actLines(await acts[command]())
const figures = await measure(client, lines, load)
client.close()
console.log(JSON.stringify(figures))

function pageAt(i) {
  return { cmd: 'get_sessions', paging: { skip: (i % PAGES) * PAGE, take: PAGE } }
}
