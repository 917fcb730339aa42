// auth_request wants a status, and introspection (RFC 7662) answers with JSON: this makes one of the other.
// It is written for njs, nginx's JavaScript, which has no destructuring and no `?.` in older releases.

const AUDIENCE = 'photos'
/** Which requests a session token allows; a JWT has an audience instead. */
const VERBS = { GET: 'OBJECT_GET', HEAD: 'OBJECT_HEAD', PUT: 'OBJECT_PUT', DELETE: 'OBJECT_DELETE' }

async function introspect(r) {
  const shown = /^Bearer ([\w.-]+)$/i.exec(r.headersIn.Authorization || '')
  if (!shown) {
    refuse(r, 401, 'Bearer')
    return
  }
  const answer = await r.subrequest('/_sessiond', { method: 'POST', body: `token=${shown[1]}` })
  if (answer.status !== 200) {
    r.error(`sessiond answered ${answer.status}`)
    r.return(500) // Whoever cannot ask lets nobody pass.
    return
  }
  const told = JSON.parse(answer.responseText)
  if (!told.active) {
    refuse(r, 401, 'Bearer error="invalid_token"')
  } else if (!allows(told, r.variables.request_method)) {
    refuse(r, 403, 'Bearer error="insufficient_scope"')
  } else {
    r.headersOut['X-Session-Owner'] = told.sub
    r.return(204)
  }
}

function allows(told, method) {
  return told.scope ? told.scope === VERBS[method] : [].concat(told.aud).includes(AUDIENCE)
}

function refuse(r, status, challenge) {
  r.headersOut['WWW-Authenticate'] = challenge
  r.return(status)
}

export default { introspect }
