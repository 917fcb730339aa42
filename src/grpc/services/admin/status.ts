import {
  ConfirmClockRequest,
  ConfirmClockResponse,
  GetStatusRequest,
  GetStatusResponse,
} from '#generated/sessiond/v1/admin'
import { type Methods, unary } from '../../pipeline/method.js'

/** How far the wall clock has moved against the monotonic one. */
export interface ClockCheck {
  offsetMs(): number
  /** Whether the difference is too large. */
  isSuspect(): boolean
  /** Accepts the wall clock as it is now. Returns the accepted offset in milliseconds. */
  confirm(): number
}

export interface AdminStatusPorts {
  readonly version: string
  /** Unix time in milliseconds. */
  readonly startTimeMs: number
  readonly store: { countOpen(): Promise<number>; readonly isWritable: boolean }
  /** Called each time, because keys change while the server runs. */
  readonly keys: () => {
    /** Ed25519, 32 bytes. */
    readonly identity: Uint8Array
    /** Ed25519, 32 bytes, if one is announced. */
    readonly nextIdentity?: Uint8Array
    /** Id of the current sealing key. */
    readonly sealingKey: string
  }
  readonly clock: ClockCheck
}

/** Reports the server's state, and confirms its clock. */
export function statusMethods(ports: AdminStatusPorts): Methods {
  const { clock, store } = ports
  return {
    GetStatus: unary({
      request: GetStatusRequest,
      response: GetStatusResponse,
      async handle() {
        const { identity, nextIdentity = new Uint8Array(), sealingKey } = ports.keys()
        return {
          version: ports.version,
          startTimeMs: BigInt(ports.startTimeMs),
          openSessions: BigInt(await store.countOpen()),
          storeWritable: store.isWritable,
          ...{ identity, nextIdentity, sealingKey },
          clockOffsetMs: BigInt(Math.round(clock.offsetMs())),
          clockSuspect: clock.isSuspect(),
        }
      },
    }),
    ConfirmClock: unary({
      request: ConfirmClockRequest,
      response: ConfirmClockResponse,
      audit: 'confirm-clock',
      handle(_, call) {
        const offsetMs = Math.round(clock.confirm())
        call.note({ offsetMs })
        return { acceptedOffsetMs: BigInt(offsetMs) }
      },
    }),
  }
}
