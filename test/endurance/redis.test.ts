import { engineConformance } from '../conformance/engines.js'
import { REDIS } from '../support/valkey-cluster.js'

engineConformance(REDIS)
