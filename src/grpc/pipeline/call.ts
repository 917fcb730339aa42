import { Metadata, status } from '@grpc/grpc-js'
import type { CallObserver, CallOutcome, RunningCall } from '../../core/calls.js'
import { SessionEndedError } from '../../core/errors.js'
import type { AuditEntry, Caller } from '../../core/operators/audit.js'
import type { ClientCertificate } from '../../core/operators/credential.js'
import type { AdmitOperator } from '../../core/operators/trust.js'
import { bracketedPeer } from '../../net/address.js'
import { startTimer } from '../../net/timers.js'
import { type Refusal, toStatus } from './status.js'

/** Carries the request's id: from the caller, and back with a refusal. */
const REQUEST_ID = 'x-request-id'

/** A header holds only Latin-1, so each character takes at most two bytes of UTF-8. */
const MAX_USER_AGENT_CHARS = 512

const NO_FACTS: AuditEntry['facts'] = {}

/** A call of grpc-js, unary or not. */
export interface IncomingGrpcCall {
  readonly metadata: Metadata
  readonly cancelled: boolean
  getPath(): string
  getPeer(): string
  getDeadline(): Date | number
  getAuthContext(): { readonly sslPeerCertificate?: ClientCertificate }
  /** Why a client certificate was shown and not verified: set by the server, not by grpc-js. */
  readonly certificateProblem?: string
  once(event: 'cancelled', listener: () => void): unknown
}

/** One call, as the pipeline and the handler see it. */
export class Call {
  /** The peer, `HOST:PORT`. */
  readonly peer: string
  /** What the audit log records of it, if its method is audited. */
  facts: AuditEntry['facts'] = NO_FACTS
  /** How many failures a refusal counts as: a chain of more levels costs more to verify. */
  failures = 1
  private readonly running: RunningCall
  /** What proved that an operator calls; null: no proof was required; undefined: the method is open to all. */
  private proof: string | null | undefined
  private refused: unknown
  private controller: AbortController | undefined
  private stopTimer: (() => void) | undefined
  private isOver = false

  constructor(
    private readonly incoming: IncomingGrpcCall,
    observer: CallObserver,
  ) {
    this.peer = bracketedPeer(incoming.getPeer())
    const header = (name: string) => incoming.metadata.get(name)[0]?.toString()
    this.running = observer.begin({
      transport: 'grpc',
      method: incoming.getPath().slice(1),
      peer: this.peer,
      givenId: header(REQUEST_ID),
      header,
    })
  }

  get metadata(): Metadata {
    return this.incoming.metadata
  }

  /** At most 1,024 bytes of UTF-8, whatever the client calls itself. */
  get userAgent(): string {
    return String(this.metadata.get('user-agent')[0] ?? '').slice(0, MAX_USER_AGENT_CHARS)
  }

  /** Who calls. Only a listener on this machine may require no proof. */
  get caller(): Caller {
    const open = this.peer.startsWith('unix:') ? 'gRPC on a Unix socket' : 'gRPC on loopback'
    return { name: this.proof ?? open, address: this.peer }
  }

  /**
   * Aborts when nobody waits for the answer any more: the caller cancelled, its deadline passed, or the grace period of
   * a stopping server ended. Created on first use, because most calls need none.
   */
  get signal(): AbortSignal {
    this.controller ??= this.watch()
    return this.controller.signal
  }

  private watch(): AbortController {
    const controller = new AbortController()
    // grpc-js emits `cancelled` at the end of every call, answered ones too.
    const abort = () => {
      if (!this.isOver) {
        controller.abort()
      }
    }
    if (this.incoming.cancelled) {
      abort()
      return controller
    }
    this.incoming.once('cancelled', abort)
    // It does not emit that at the deadline of a stream whose client takes nothing.
    const deadlineAtMs = Number(this.incoming.getDeadline())
    if (Number.isFinite(deadlineAtMs)) {
      // A timer may fire 1 ms early.
      this.stopTimer = startTimer(deadlineAtMs + 1 - Date.now(), abort)
    }
    return controller
  }

  get isAborted(): boolean {
    return this.controller?.signal.aborted ?? false
  }

  /** Adds facts to the audit entry of this call. A later value replaces an earlier one of the same name. */
  note(facts: AuditEntry['facts']): void {
    this.facts = { ...this.facts, ...facts }
  }

  /** Reports a refusal that stands in the answer: the status of the call is OK. */
  refuseInAnswer(error: unknown): void {
    this.refused = error
  }

  /** Throws CredentialError or ForwardedError if the caller is not admitted as an operator. */
  admit(admit: AdmitOperator): void {
    const { metadata } = this.incoming
    this.proof = admit({
      authorization: metadata.get('authorization')[0]?.toString(),
      certificate: this.incoming.getAuthContext().sslPeerCertificate,
      certificateProblem: this.incoming.certificateProblem,
      headerNames: () => Object.keys(metadata.getMap()),
    })
  }

  /** Runs the call's work, so that the observer knows what belongs to it. */
  run<T>(work: () => T): T {
    return this.running.run(work)
  }

  /** The call was answered. */
  endAnswered(): void {
    this.end({ code: this.incoming.cancelled ? 'CANCELLED' : 'OK', error: this.refused })
  }

  /** The call failed with this error. `tell` sends the refusal to the client. */
  endRefused(error: unknown, tell: (refusal: Refusal) => void): void {
    try {
      this.refuse(error, tell)
    } catch (failure) {
      // A refusal that cannot be sent must end no other call.
      this.refuse(failure, tell)
    }
  }

  private refuse(error: unknown, tell: (refusal: Refusal) => void): void {
    if (this.isAborted && isAbortError(error)) {
      const code = isPastDeadline(this.incoming) ? status.DEADLINE_EXCEEDED : status.CANCELLED
      tell({ code, details: 'nobody waits for the answer', metadata: new Metadata() })
      this.end({ code: status[code] })
      return
    }
    const refusal = this.refusalOf(error)
    tell(refusal)
    const isInternal = refusal.code === status.INTERNAL
    this.end({ code: status[refusal.code], error, isInternal })
  }

  /** What the client learns of an error, with the id that finds it in the server's log. */
  private refusalOf(error: unknown): Refusal {
    const refusal = toStatus(error)
    const { requestId } = this.running
    refusal.metadata.set(REQUEST_ID, requestId)
    return {
      ...refusal,
      failures: this.isProved(error) ? 0 : this.failures,
      ...(refusal.code === status.INTERNAL && {
        details: `${refusal.details} (request ${requestId})`,
      }),
    }
  }

  /** A caller proves itself before it is told that its session has ended. */
  private isProved(error: unknown): boolean {
    return this.proof !== undefined || error instanceof SessionEndedError
  }

  private end(outcome: CallOutcome): void {
    this.isOver = true
    this.stopTimer?.()
    this.running.end(outcome)
  }
}

/** Whether the client has learned, or will soon, that its deadline passed. */
export function isPastDeadline(call: { getDeadline(): Date | number }): boolean {
  return Number(call.getDeadline()) <= Date.now()
}

function isAbortError(error: unknown): boolean {
  return (error as Partial<Error> | null)?.name === 'AbortError'
}
