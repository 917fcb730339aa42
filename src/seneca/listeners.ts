import { startSenecaHttp } from './http.js'
import { startSenecaTcp } from './tcp.js'

/** Each kind of listener, by the scheme of its address. */
export const SENECA_LISTENERS = { tcp: startSenecaTcp, http: startSenecaHttp }
