/**
 * Whether the server of this list, `ws:` or `wss:`, wants another token than this one. Browsers do not tell how the
 * upgrade to a WebSocket was answered, so it is asked for without one.
 */
export async function wantsToken(url: string, token: string | null): Promise<boolean> {
  const address = new URL(url.replace(/^ws/, 'http'))
  if (token !== null) {
    address.searchParams.set('token', token)
  }
  try {
    return (await fetch(address)).status === 401
  } catch {
    return false
  }
}
