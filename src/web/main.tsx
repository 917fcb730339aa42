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
  // In the fragment, which a browser sends to no server.
  const given = new URLSearchParams(location.hash.slice(1)).get('token')
  // A "+" that was typed as it is stands for a space, which no token has.
  const token = given?.replaceAll(' ', '+') ?? null
  if (page !== null) {
    render(<App url={url.href} version={__VERSION__} token={token} />, page)
  }
}

show()
// A browser does not load a page anew for another fragment.
addEventListener('hashchange', show)
