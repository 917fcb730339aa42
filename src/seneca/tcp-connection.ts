import type { Socket } from 'node:net'
import type { CallObserver } from '../core/calls.js'
import { SessiondError } from '../core/errors.js'
import type { Caller } from '../core/operators/audit.js'
import { type Outcome, type RunAct, refuseAct } from './act.js'
import { LineReader, LineTooLongError } from './lines.js'
import { senecaCaller } from './listener.js'
import { inLaterTurn, isTurnOver } from './turns.js'
import {
  type ActMessage,
  type Asked,
  answerLine,
  MAX_MESSAGE_BYTES,
  readActMessage,
  readBeginning,
} from './wire.js'

const KEEPALIVE_MS = 60_000
/** The assumed size of an answer before the first one. */
const FIRST_ANSWER_BYTES = 1024 * 1024
/** The expected size of an answer shrinks to this part after each smaller answer. */
const EXPECTATION_LEFT = 0.8

/** The limits of one connection. */
export interface TcpLimits {
  /** Acts in progress. Further ones wait unread. */
  readonly maxInFlight: number
  /** Bytes of unsent answers, and of those that acts in progress are expected to give. Above it no further act begins. */
  readonly maxUnsentBytes: number
  /** Nothing sent or received for so long, with an unfinished line or an unsent answer, ends the connection. */
  readonly stallTimeoutMs: number
}

export interface ConnectionSettings extends TcpLimits {
  readonly accept: string
  readonly observer: CallObserver
  readonly runAct: RunAct
  readonly onRefused: (reason: string) => void
  readonly onFailure: (error: unknown) => void
}

/** The connection of one peer. While no further act may begin, nothing is read. */
export class Connection {
  private readonly lines = new LineReader(MAX_MESSAGE_BYTES)
  private readonly caller: Caller
  private inFlight = 0
  /** The expected size of the next answers, from the last ones. */
  private expectedBytes = FIRST_ANSWER_BYTES
  private hasPeerEnded = false
  private isStopping = false
  /** Acts have used up their share of this turn of the event loop. */
  private isWaiting = false
  /** The answers of this turn of the event loop. */
  private answers = ''
  private readonly endTurn = () => {
    this.send()
    this.advance()
  }
  private readonly fail = (error: unknown) => {
    this.cut('internal error')
    this.settings.onFailure(error)
  }
  private readonly takeTurn = () => {
    this.isWaiting = false
    this.advance()
  }

  constructor(
    private readonly socket: Socket,
    private readonly settings: ConnectionSettings,
  ) {
    this.caller = senecaCaller(socket)
    socket.setKeepAlive(true, KEEPALIVE_MS)
    socket.on('data', (chunk) => {
      if (!this.isStopping) {
        this.lines.push(chunk)
        this.advance()
      }
    })
    socket.on('drain', () => this.advance())
    socket.on('end', () => {
      this.hasPeerEnded = true
      this.advance()
    })
    // Fires after so long without a byte in either direction. A connection may stay idle forever.
    socket.setTimeout(settings.stallTimeoutMs)
    // The callback of setTimeout would be called only the first time.
    socket.on('timeout', () => {
      if (socket.writableLength > 0) {
        this.cut('it does not read its answers')
      } else if (this.lines.isMidLine && !this.isFull()) {
        this.cut('it does not finish its message')
      }
    })
    // 'close' follows. A peer that goes away is not our error.
    socket.on('error', () => {})
  }

  /** Begins no more acts, and ends once those in progress are answered. */
  stop(): void {
    this.isStopping = true
    this.advance()
  }

  /** Whether an act is in progress or an answer unsent. */
  get isBusy(): boolean {
    return this.inFlight > 0 || this.unsentBytes > 0
  }

  cut(reason: string): void {
    this.settings.onRefused(reason)
    this.socket.destroy()
  }

  /** Begins the acts that may begin. Called after each read, each write, and the end of each act. */
  private advance(): void {
    const { socket } = this
    if (socket.destroyed) {
      return
    }
    try {
      for (let line = this.takeLine(); line !== null; line = this.takeLine()) {
        this.begin(readActMessage(line), Date.now())
      }
    } catch (error) {
      if (error instanceof SessiondError) {
        // The peer does not speak this protocol: perhaps it is a browser, sent here by a web page.
        this.cut(error.message)
      } else {
        this.fail(error)
      }
      return
    }
    if (this.isFull() && !this.isStopping) {
      socket.pause()
      return
    }
    socket.resume()
    if ((this.hasPeerEnded || this.isStopping) && this.inFlight === 0) {
      this.send()
      socket.end()
    }
  }

  private begin(message: ActMessage, receivedAtMs: number): void {
    const { id, origin, track, sync, clientSentAtMs } = message
    // Not the message: it would keep the act until the answer.
    const asked = { id, origin, track, sync, clientSentAtMs }
    this.inFlight++
    this.settings
      .runAct(message.act, this.caller, id)
      .then((outcome) => this.answer(asked, outcome, receivedAtMs))
      .catch(this.fail)
  }

  private answer(asked: Asked, outcome: Outcome, receivedAtMs: number): void {
    this.inFlight--
    this.expectedBytes = Math.max(outcome.json.length, this.expectedBytes * EXPECTATION_LEFT)
    this.write(asked, outcome, receivedAtMs)
    // Else the end of this turn follows.
    if (this.answers === '') {
      this.advance()
    }
  }

  private write(asked: Asked, outcome: Outcome, receivedAtMs: number): void {
    if (asked.sync !== false && !this.socket.destroyed) {
      const times = { receivedAtMs, sentAtMs: Date.now() }
      // Acts that share a commit, or that a server elsewhere answers together, end in one turn of the event loop. Their
      // answers leave in one write.
      if (this.answers === '') {
        setImmediate(this.endTurn)
      }
      this.answers += answerLine(asked, outcome, this.settings.accept, times)
    }
  }

  private send(): void {
    const { answers } = this
    this.answers = ''
    if (answers !== '' && !this.socket.destroyed) {
      // As ASCII, which it nearly always is, a text needs no third of the room and no second look at each character.
      const isAscii = Buffer.byteLength(answers) === answers.length
      this.socket.write(answers, isAscii ? 'latin1' : 'utf8')
    }
  }

  /** The next line to act on. Answers lines that are too long on the way. */
  private takeLine(): Buffer | null {
    while (!this.isStopping && !this.isFull()) {
      if (isTurnOver()) {
        this.isWaiting = true
        inLaterTurn(this.takeTurn)
        break
      }
      try {
        return this.lines.next()
      } catch (error) {
        if (!(error instanceof LineTooLongError)) {
          throw error
        }
        const message = readBeginning(error.beginning)
        const outcome = refuseAct(error, this.settings.observer, this.caller, message.id)
        this.write(message, outcome, Date.now())
      }
    }
    return null
  }

  /** About as many: in UTF-8, the answers of this turn may have a few more. */
  private get unsentBytes(): number {
    return this.socket.writableLength + this.answers.length
  }

  private isFull(): boolean {
    const { maxInFlight, maxUnsentBytes } = this.settings
    const unsentBytes = this.unsentBytes
    return (
      this.isWaiting ||
      unsentBytes > maxUnsentBytes ||
      this.inFlight >= maxInFlight ||
      (this.inFlight > 0 && unsentBytes + (this.inFlight + 1) * this.expectedBytes > maxUnsentBytes)
    )
  }
}
