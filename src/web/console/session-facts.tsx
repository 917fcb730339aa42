import { endingText } from '../operator/ending-text.js'
import type { ShownSession } from '../operator/sessions.js'
import { CopyButton } from '../parts/copy-button.js'
import { ago, exact, expiryText, until } from '../parts/time-text.js'
import { Untrusted } from '../parts/untrusted.js'

interface Fact {
  readonly label: string
  readonly text: string
  /** Said beside it: how long ago, for instance. */
  readonly more?: string
  /** An id or a key, which people copy rather than read. */
  readonly isCode?: boolean
  /** What the button copies, in words; absent: nobody wants it. */
  readonly copies?: string
}

interface SessionFactsProps {
  readonly session: ShownSession
  readonly nowMs: number
}

/** What a session is, in words. What is not there is left out. */
export function SessionFacts(props: SessionFactsProps) {
  return (
    <dl class="session-facts">
      {[...whose(props), ...times(props)]
        .filter(({ text }) => text !== '')
        .map(({ label, text, more, isCode, copies }) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              <Untrusted class={isCode ? 'code' : ''} text={text} />
              {copies !== undefined && <CopyButton what={copies} text={text} />}
              {more !== undefined && <span class="muted">{more}</span>}
            </dd>
          </div>
        ))}
    </dl>
  )
}

function whose({ session }: SessionFactsProps): Fact[] {
  const { id, userId, userName, ownerName, address, client, token } = session
  return [
    { label: 'Session', text: id, isCode: true, copies: 'the session id' },
    { label: 'User', text: userId, isCode: true, copies: 'the user id' },
    { label: 'User’s name', text: userName, copies: 'the user’s name' },
    { label: 'Owner’s name', text: ownerName ?? '', copies: 'the owner’s name' },
    {
      label: 'Owner',
      text: token ? `hex:${token.ownerHex}` : '',
      isCode: true,
      copies: 'the owner',
    },
    { label: 'Address', text: address, copies: 'the address' },
    { label: 'Client', text: client, copies: 'the client' },
    { label: 'Kind', text: kindText(session) },
    {
      label: 'Public key',
      text: token?.publicKeyHex ?? '',
      isCode: true,
      copies: 'the public key',
    },
  ]
}

function kindText({ token }: ShownSession): string {
  if (token === null) {
    return 'opened by a command'
  }
  return token.isBound ? 'token session, its key held by the client' : 'token session (Create)'
}

function times({ session, nowMs }: SessionFactsProps): Fact[] {
  const { isOpen, openedAtMs, requestAtMs, expiresAtMs, endedAtMs } = session
  const past = (label: string, atMs: number): Fact => ({
    ...{ label, text: exact(atMs), more: ago(atMs, nowMs) },
  })
  const known = [past('Opened', openedAtMs), past('Last request', requestAtMs)]
  if (isOpen) {
    const more = expiresAtMs === null ? '' : until(expiresAtMs, nowMs)
    const expiry = { label: 'Expires', text: expiryText(expiresAtMs) }
    return [...known, more === '' || more === 'never' ? expiry : { ...expiry, more }]
  }
  return [
    ...known,
    ...(endedAtMs === null ? [] : [past('Ended', endedAtMs)]),
    { label: 'Why', text: endingText(session) },
  ]
}
