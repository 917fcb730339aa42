import { startSenecaHttp } from './http.js'
import { startSenecaTcp } from './tcp.js'

/** By the scheme of their address. */
export const SENECA_LISTENERS = { tcp: startSenecaTcp, http: startSenecaHttp }
