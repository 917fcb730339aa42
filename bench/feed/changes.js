import { randomBytes } from 'node:crypto'
import { ActClient } from '../lib/act-client.js'
import { address, CLIENT, someData, userNamed } from '../lib/people.js'
import { stamp } from './viewers.js'

/** Of each such group of changes, the first opens a session, the last closes the oldest, and the others rename one. */
const CYCLE = 5

/** Opens, renames and closes sessions. Each name contains the time at which it was sent. */
export class Changes {
  #client
  #run = randomBytes(3).toString('hex')
  #opened = 0
  #renamed = 0
  #ids = []

  constructor(port) {
    this.#client = new ActClient(port)
  }

  async open() {
    const i = this.#opened++
    const userId = `${this.#run}${String(i).padStart(8, '0')}`
    const { id } = await this.#client.ask({
      cmd: 'open_session',
      user_id: userId,
      user_name: 'Robin Example',
      address: address(i),
      client: `${CLIENT} ${userId}`,
      user: userNamed(userId),
      data: { ...someData(i), session_name: stamp() },
    })
    this.#ids.push(id)
  }

  /** The sessions in turn, except the oldest: if a rename and an end come together, viewers hear only the end. */
  async rename() {
    const i = this.#renamed++
    await this.#client.ask({
      cmd: 'store_session_data',
      session_id: this.#ids[1 + (i % (this.#ids.length - 1))],
      data: { ...someData(i), session_name: stamp() },
    })
  }

  async closeOldest() {
    await this.#close(this.#ids.shift())
  }

  /** The i-th change of the mix. */
  async make(i) {
    const step = i % CYCLE
    await (step === 0 ? this.open() : step < CYCLE - 1 ? this.rename() : this.closeOldest())
  }

  async closeAll() {
    await Promise.all(this.#ids.splice(0).map((id) => this.#close(id)))
  }

  end() {
    this.#client.close()
  }

  async #close(id) {
    await this.#client.ask({ cmd: 'close_session', session_id: id })
  }
}
