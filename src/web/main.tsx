import { render } from 'preact'
import { App } from './app.js'
import './styles/theme.css'
import './styles/page.css'
import './styles/summary.css'
import './styles/search.css'
import './styles/list.css'
import './styles/operator.css'
import './styles/found.css'
import './styles/details.css'

// Beside the page, wherever a prefix or a proxy has put it.
const url = new URL('session-list', location.href)
url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
url.hash = ''

const page = document.getElementById('page')
if (page !== null) {
  render(<App url={url.href} version={__VERSION__} />, page)
}
