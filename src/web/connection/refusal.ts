/**
 * Whether the server at this `ws:` or `wss:` address wants another token. Browsers do not tell how an upgrade was
 * answered, so this sends the same request without an upgrade.
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
