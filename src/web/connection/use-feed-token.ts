import { useEffect, useState } from 'preact/hooks'

/**
 * The token of `--feed-token` stays in this tab, so that a reload asks for none, and never in the address, which
 * people copy. Several servers may share an origin, each under a path of its own.
 */
const KEY = `feed token of ${location.pathname}`

let inMemory: string | null = null

function rememberedToken(): string | null {
  try {
    return sessionStorage.getItem(KEY)
  } catch {
    return inMemory // The browser keeps nothing for this page.
  }
}

function rememberToken(token: string): void {
  inMemory = token
  try {
    sessionStorage.setItem(KEY, token)
  } catch {
    // It is forgotten at the next reload.
  }
}

/** Takes the token out of an address such as `/#token=…`, and remembers it. */
function takeTokenFromAddress(): void {
  const parameters = new URLSearchParams(location.hash.slice(1))
  // An unencoded "+" means a space, which no token has.
  const token = parameters.get('token')?.replaceAll(' ', '+')
  if (token !== undefined) {
    parameters.delete('token')
    history.replaceState(null, '', `#${parameters}`)
    rememberToken(token)
  }
}

/** The token that the page has, from its address, from before a reload, or from the field. null: none. */
export function useFeedToken(): [string | null, (token: string) => void] {
  const take = () => {
    takeTokenFromAddress()
    return rememberedToken()
  }
  const [token, setToken] = useState(take)
  useEffect(() => {
    // Browsers do not reload a page if only the fragment changes.
    const follow = () => setToken(take())
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  const given = (typed: string) => {
    rememberToken(typed)
    setToken(typed)
  }
  return [token, given]
}
