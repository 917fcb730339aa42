import { VALKEY } from '../support/valkey-cluster.js'
import { engineConformance } from './engines.js'

// Over Redis it runs in test/endurance/.
engineConformance(VALKEY)
