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

/** The sealing keys of a server, and the file that holds them. */
export class SealingKeyRing {
  /**
   * Makes a new key, writes it to disk, seals with it from then on, and returns its id. Older seals still open. Throws
   * KeyChangeError.
   */
  readonly rotate = serial(() => this.rotateNow())

  private constructor(
    private readonly file: string,
    private inForce: SealingKeys,
  ) {}

  /** Reads the file, or makes it if it is missing and `mayMake`. Throws InputFileError, StoreMismatchError. */
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

  /** The keys of this moment: they change. */
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

  /** The text of the file now: its operator may have added keys since, or removed old ones. */
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
