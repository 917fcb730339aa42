import { randomBytes } from 'node:crypto'
import { sameBytes } from '../core/bytes.js'
import {
  InputFileError,
  KeyChangeError,
  KeyUntoldError,
  StoreMismatchError,
} from '../core/errors.js'
import { type SealingKeys, sealKeyId } from '../crypto/seal.js'
import { readInputText } from '../files/read.js'
import { type ReadOutcome, watchFiles } from '../files/watch.js'
import { readSecretFile, replaceSecretFile, writeSecretFile } from './key-files.js'
import { KeyTrail } from './key-trail.js'
import {
  generateSealingKeys,
  sealingKeysFromJson,
  sealingKeysToJson,
  withNewSealingKey,
} from './sealing-keys.js'
import { serial } from './serial.js'

const MANAGED_ELSEWHERE =
  'make it a file that the server may write, or add a key to it where it is managed and restart the server'

/** A file that lacks a key is not read again before. */
const READ_AGAIN_MS = 1000

/** The sealing keys of a server, and the file that holds them. */
export class SealingKeyRing {
  private readAgainAtMs = Number.NEGATIVE_INFINITY
  /** Ids of keys that seal or have sealed, and that the store could not be told of. */
  private readonly untold = new Set<string>()

  /**
   * Makes a new key, writes it to disk, seals with it from then on, and returns its id. Older seals still open. Throws
   * KeyChangeError, and KeyUntoldError if the new key seals but the store was not told.
   */
  readonly rotate = serial(() => this.rotateNow())

  private constructor(
    private readonly file: string,
    private inForce: SealingKeys,
    private readonly trail: KeyTrail,
  ) {}

  /** Reads the file, or makes it if it is missing and `mayMake`. Throws InputFileError, StoreMismatchError. */
  static async open(
    file: string,
    mayMake: boolean,
    trail = new KeyTrail({}),
  ): Promise<SealingKeyRing> {
    const stored = await readSecretFile(file)
    if (stored !== null) {
      return new SealingKeyRing(file, sealingKeysFromJson(stored, file), trail)
    }
    if (!mayMake) {
      throw new StoreMismatchError(
        `${file} is missing, but the store holds open sessions that are sealed with it: restore it`,
      )
    }
    const keys = generateSealingKeys(randomBytes)
    await writeSecretFile(file, sealingKeysToJson(keys))
    return new SealingKeyRing(file, keys, trail)
  }

  /** The keys of this moment: they change. */
  get keys(): SealingKeys {
    return this.inForce
  }

  /** The same, with the key of this seal if the file has it: another server with this file may have made it just now. */
  knowing(sealed: Uint8Array): SealingKeys {
    const nowMs = performance.now()
    if (!this.inForce.keys.has(sealKeyId(sealed)) && nowMs >= this.readAgainAtMs) {
      this.readAgainAtMs = nowMs + READ_AGAIN_MS
      try {
        this.adopt(this.readFile())
      } catch (error) {
        if (!(error instanceof InputFileError) && !(error instanceof KeyChangeError)) {
          throw error
        }
        // The seal then does not open, and `follow` tells why.
      }
    }
    return this.inForce
  }

  /**
   * Adopts keys that are added to the file, and seals with its current one. Tells of each new one, also where it was adopted
   * before for a seal. Returns what ends that.
   */
  follow(onChange: (outcome: ReadOutcome<SealingKeys>) => void): () => void {
    let { current } = this.inForce
    const read = () => {
      this.adopt(this.readFile())
      return this.inForce
    }
    const onRead = (outcome: ReadOutcome<SealingKeys>) => {
      if ('error' in outcome) {
        onChange(outcome)
      } else if (outcome.value.current !== current) {
        current = outcome.value.current
        onChange(outcome)
        // Whoever added it may have told nobody. If the store does not answer now, it is told with the next key.
        this.tell(outcome.value).catch(() => {})
      }
    }
    return watchFiles([this.file], read, onRead).close
  }

  /** Every session is sealed with the current key. */
  async resealed(): Promise<void> {
    await this.trail.resealed(this.inForce)
    this.untold.clear()
  }

  private readFile(): SealingKeys {
    return sealingKeysFromJson(readInputText(this.file), this.file)
  }

  private adopt(keys: SealingKeys): void {
    this.expectHolds(keys)
    this.inForce = keys
  }

  /** Throws KeyChangeError if these lack the key that seals now. */
  private expectHolds(keys: SealingKeys): void {
    const inUse = this.inForce.keys.get(this.inForce.current)
    const kept = keys.keys.get(this.inForce.current)
    if (inUse === undefined || kept === undefined || !sameBytes(inUse, kept)) {
      throw new KeyChangeError(
        `${this.file} no longer holds the key ${this.inForce.current}: restore it`,
      )
    }
  }

  private async rotateNow(): Promise<string> {
    const { file } = this
    try {
      const text = withNewSealingKey(await this.readAgain(), file, randomBytes)
      await replaceSecretFile(file, text)
      this.inForce = sealingKeysFromJson(text, file)
    } catch (error) {
      throw error instanceof InputFileError
        ? new KeyChangeError(`${error.message}: ${MANAGED_ELSEWHERE}`, error)
        : error
    }
    return this.tell(this.inForce)
  }

  /** Tells the store that these keys seal, and returns the id of the one that does from now on. Throws KeyUntoldError. */
  private async tell(keys: SealingKeys): Promise<string> {
    this.untold.add(keys.current)
    // Of those that are gone from the file there is nothing to tell any more.
    const ids = [...this.untold].filter((id) => keys.keys.has(id))
    try {
      await this.trail.sealsWith(keys, ids)
    } catch (error) {
      throw new KeyUntoldError(
        `the server seals with the new key ${keys.current}`,
        'reseal: that tells it, and needs no further key (`sessiond rotate-keys --reseal-only`)',
        error,
      )
    }
    for (const id of ids) {
      this.untold.delete(id)
    }
    return keys.current
  }

  /** The text of the file now: its operator may have added keys since, or removed old ones. */
  private async readAgain(): Promise<string> {
    const { file } = this
    const stored = await readSecretFile(file)
    if (stored === null) {
      throw new KeyChangeError(`${file} is missing: restore it`)
    }
    this.expectHolds(sealingKeysFromJson(stored, file))
    return stored
  }
}
