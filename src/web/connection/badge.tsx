import type { Connection } from './connection.js'

interface BadgeProps {
  readonly connection: Connection
  readonly nowMs: number
}

/** The connection's state, counting down to the next attempt. */
export function Badge({ connection, nowMs }: BadgeProps) {
  const { phase, retryAtMs, everOpen } = connection
  const seconds = Math.max(Math.ceil((retryAtMs - nowMs) / 1_000), 0)
  const text = {
    open: 'Live',
    connecting: everOpen ? 'Reconnecting…' : 'Connecting…',
    waiting: seconds === 0 ? 'Reconnecting…' : `Reconnecting in ${seconds} s`,
  }[phase]
  return (
    <p class={`badge badge-${phase}`}>
      <span class="badge-dot" />
      {text}
    </p>
  )
}
