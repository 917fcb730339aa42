import { randomBytes } from 'node:crypto'
import { ActClient } from '../lib/act-client.js'
import { address, CLIENT, someData, userNamed } from '../lib/people.js'

const PAGES = 10
const PAGE = 100

/** Acts by command: a function of their number. Those that need sessions ask the server at this port for some. */
export const acts = {
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

  async get_session_by_id(senecaPort) {
    const sessions = await someSessions(senecaPort)
    return (i) => ({ cmd: 'get_session_by_id', session_id: sessions[i % sessions.length].id })
  },

  async store_session_data(senecaPort) {
    const sessions = await someSessions(senecaPort)
    // The last page of data differs each time, else there would be nothing to store.
    return (i) => ({
      cmd: 'store_session_data',
      session_id: sessions[i % sessions.length].id,
      data: someData(i),
    })
  },
}

function pageAt(i) {
  return { cmd: 'get_sessions', paging: { skip: (i % PAGES) * PAGE, take: PAGE } }
}

/** Open ones: nothing can be stored in others. */
async function someSessions(senecaPort) {
  const asking = new ActClient(senecaPort)
  const sessions = []
  for (let page = 0; page < PAGES; page++) {
    const { data } = await asking.ask(pageAt(page))
    sessions.push(...data.filter(({ active }) => active))
  }
  asking.close()
  return sessions
}
