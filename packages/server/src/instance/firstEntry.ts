import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import type { KeyStore } from '@countersign/platform/keystore/keyStore.ts'
import { canonicalEntry } from '@countersign/protocol/log/hashedRekord.ts'
import { sha256 } from '@countersign/protocol/log/merkle.ts'
import { FIRST_TUF_ROOT_KEY } from '../trust/anchors/createAnchors.ts'
import { TUF_FOLDER } from '../trust/anchors/readRepository.ts'
import { instanceError } from './errors.ts'

/**
 * The leaf that opens the artifact log of a new instance: the TUF root key's signature over `1.root.json`, so that the log
 * itself says which instance it belongs to. It also keeps index 0 from everyone else: cosign leaves zeros out of its
 * bundles, and sigstore-python then takes the bundle for malformed.
 * Throws `instance.damaged` where there is no first root yet.
 */
export async function signFirstEntry(blobs: Blobs, rootKeys: Pick<KeyStore, 'open'>): Promise<Uint8Array> {
  const root = await blobs.get(`${TUF_FOLDER}1.root.json`)
  if (root === undefined) throw instanceError('instance.damaged', 'the first TUF root is missing')
  const key = await rootKeys.open(FIRST_TUF_ROOT_KEY)
  return canonicalEntry({
    digest: sha256(root),
    signature: await key.sign(root),
    verifier: { kind: 'publicKey', rawBytes: key.spki },
    keyDetails: 'PKIX_ECDSA_P256_SHA_256',
  })
}
