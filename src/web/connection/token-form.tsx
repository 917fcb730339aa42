import { useState } from 'preact/hooks'

interface TokenFormProps {
  /** Whether the server refused an earlier one. */
  readonly wasRefused: boolean
  readonly onToken: (token: string) => void
}

/** Asks for the token of `--feed-token`. */
export function TokenForm({ wasRefused, onToken }: TokenFormProps) {
  const [token, setToken] = useState('')
  const submit = (event: Event) => {
    event.preventDefault()
    onToken(token.trim())
  }
  return (
    <form class="token-form" onSubmit={submit}>
      <label class="field">
        Feed token
        <input
          type="password"
          autocomplete="off"
          required
          value={token}
          aria-describedby="token-problem"
          onInput={(event) => setToken(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="plain primary">
        Show the sessions
      </button>
      <p id="token-problem" class="problem" role="alert">
        {wasRefused && 'This is not the feed token of the server.'}
      </p>
    </form>
  )
}
