import { systemClock } from '@countersign/local/clock/clock.ts'
import { announceRootUseRoute } from '@countersign/protocol/api/admin.ts'
import { openRootKeys, openStorageForReading } from '../compose/openStorage.ts'
import { instanceError } from '../instance/errors.ts'
import { readInstanceFile } from '../instance/instanceFile.ts'
import { renewTufRoot } from '../trust/anchors/renewTufRoot.ts'
import { publishRootCrls } from '../trust/revocation/publishCrls.ts'
import { type AdminOptions, callAdmin } from './callAdmin.ts'
import { readRootPassphrase } from './keyMaterial.ts'
import { printJson, printLine } from './print.ts'
import { askSecret } from './prompts.ts'

/**
 * `countersign-server root renew`: signs the TUF root for another year and the revocation lists of both roots. The root
 * keys are opened in this process, never in the server; the running server records the use before it happens.
 */
export async function rootRenew(
  options: AdminOptions & { rootPassphraseFile?: string; newKey?: boolean },
): Promise<void> {
  const facts = await readInstanceFile(options.data)
  if (facts === undefined) throw instanceError('instance.not-created', `nothing at ${options.data}`)
  const passphrase = await readRootPassphrase(
    { folder: options.data, passphraseFile: options.rootPassphraseFile, ask: askSecret('Passphrase of the root keys') },
    facts,
  )
  const purpose = 'renewal of the TUF root and of the revocation lists of both roots'
  const { auditIndex } = await callAdmin(options.data, announceRootUseRoute, { body: { purpose } })
  const rootKeys = openRootKeys(options.data, passphrase, systemClock)
  const storage = openStorageForReading(options.data)
  try {
    const { version } = await renewTufRoot(
      { ...storage, clock: systemClock, rootKeys },
      { newKey: options.newKey ?? false },
    )
    await publishRootCrls({ ...storage, clock: systemClock, rootKeys }, facts)
    if (options.json) return printJson({ tufRoot: version, auditIndex })
    printLine(`TUF root ${version} and the revocation lists of both roots are published; audit entry ${auditIndex}.`)
  } finally {
    await storage.database.close()
  }
}
