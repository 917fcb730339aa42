import { render } from 'preact'
import { App } from './app.js'
import './styles/theme.css'
import './styles/page.css'
import './styles/list.css'
import './styles/operator.css'

const url = new URL('/session-list', location.href)
url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
url.hash = ''

const page = document.getElementById('page')

function show(): void {
  // The token is in the fragment, which browsers do not send to servers.
  const given = new URLSearchParams(location.hash.slice(1)).get('token')
  // An unencoded "+" means a space, which no token has.
  const token = given?.replaceAll(' ', '+') ?? null
  if (page !== null) {
    render(<App url={url.href} version={__VERSION__} token={token} />, page)
  }
}

show()
// Browsers do not reload a page if only the fragment changes.
addEventListener('hashchange', show)
