import { actLines, ID_LENGTH } from './acts.js'
import { NdjsonClient } from './ndjson-client.js'

/** Sends acts, one after the other. */
export class ActClient {
  #client
  #act
  #lines = actLines(() => this.#act)

  constructor(port) {
    this.#client = new NdjsonClient(port, { idLength: ID_LENGTH })
  }

  /** The result of an act. */
  async ask(act) {
    return JSON.parse(await this.#send(this.#line(act))).res
  }

  /** Milliseconds until the answer to an act, without the time to parse it. */
  async timed(act) {
    const line = this.#line(act)
    const startMs = performance.now()
    await this.#send(line)
    return performance.now() - startMs
  }

  close() {
    this.#client.close()
  }

  #line(act) {
    this.#act = act
    return this.#lines.next().value
  }

  #send(line) {
    return new Promise((resolve, reject) => {
      this.#client.onError = reject
      this.#client.call(line, (_, answer) => resolve(answer))
    })
  }
}
