import { randomBytes } from 'node:crypto'
import { sameBytes } from '../core/bytes.js'
import { InputFileError, KeyChangeError, StoreMismatchError } from '../core/errors.js'
import type { SealingKeys } from '../crypto/seal.js'
import { readSecretFile, replaceSecretFile, writeSecretFile } from './key-files.js'
import {
  generateSealingKeys,
  sealingKeysFromJson,
  sealingKeysToJson,
  withNewSealingKey,
} from './sealing-keys.js'
import { serial } from './serial.js'

const MANAGED_ELSEWHERE =
  'make it a file that the server may write, or add a key to it where it is managed and restart the server'

/** The keys that seal, as their file has them. */
export class SealingKeyRing {
  /**
   * Makes a new key the current one, on disk before it seals anything, and returns its id. Seals made before
   * still open. Throws KeyChangeError.
   */
  readonly rotate = serial(() => this.rotateNow())

  private constructor(
    private readonly file: string,
    private inForce: SealingKeys,
  ) {}

  /** Reads the file; makes it where it is missing and may be. Throws InputFileError, StoreMismatchError. */
  static async open(file: string, mayMake: boolean): Promise<SealingKeyRing> {
    const stored = await readSecretFile(file)
    if (stored !== null) {
      return new SealingKeyRing(file, sealingKeysFromJson(stored, file))
    }
    if (!mayMake) {
      throw new StoreMismatchError(
        `${file} is missing, but the store holds open sessions that are sealed with it: restore it`,
      )
    }
    const keys = generateSealingKeys(randomBytes)
    await writeSecretFile(file, sealingKeysToJson(keys))
    return new SealingKeyRing(file, keys)
  }

  /** The keys as they are now: ask each time. */
  get keys(): SealingKeys {
    return this.inForce
  }

  private async rotateNow(): Promise<string> {
    const { file } = this
    try {
      const text = withNewSealingKey(await this.readAgain(), file, randomBytes)
      await replaceSecretFile(file, text)
      this.inForce = sealingKeysFromJson(text, file)
      return this.inForce.current
    } catch (error) {
      throw error instanceof InputFileError
        ? new KeyChangeError(`${error.message}: ${MANAGED_ELSEWHERE}`, error)
        : error
    }
  }

  /** The file's text now: its operator may have added keys, or taken away old ones, since it was read. */
  private async readAgain(): Promise<string> {
    const { file, inForce } = this
    const stored = await readSecretFile(file)
    if (stored === null) {
      throw new KeyChangeError(`${file} is missing: restore it`)
    }
    const inUse = inForce.keys.get(inForce.current)
    const kept = sealingKeysFromJson(stored, file).keys.get(inForce.current)
    if (inUse === undefined || kept === undefined || !sameBytes(inUse, kept)) {
      throw new KeyChangeError(`${file} no longer holds the key ${inForce.current}: restore it`)
    }
    return stored
  }
}
