import { CodedError, type ErrorRow, type ErrorTable } from '@countersign/protocol/errors/codedError.ts'

/** Every table whose codes a command can meet. Loaded only when there is an error to explain. */
async function joinedTables(): Promise<ErrorTable> {
  const [
    json,
    der,
    x509,
    timestamp,
    log,
    bundle,
    statement,
    revocation,
    policy,
    decide,
    api,
    files,
    anchors,
    feed,
    calls,
    output,
  ] = await Promise.all([
    import('@countersign/protocol/json/errors.ts'),
    import('@countersign/protocol/der/errors.ts'),
    import('@countersign/protocol/x509/errors.ts'),
    import('@countersign/protocol/timestamp/errors.ts'),
    import('@countersign/protocol/log/errors.ts'),
    import('@countersign/protocol/bundle/errors.ts'),
    import('@countersign/protocol/statement/errors.ts'),
    import('@countersign/protocol/revocation/errors.ts'),
    import('@countersign/protocol/policy/errors.ts'),
    import('@countersign/protocol/decide/errors.ts'),
    import('@countersign/protocol/api/errors.ts'),
    import('@countersign/local/files/errors.ts'),
    import('@countersign/local/anchors/errors.ts'),
    import('@countersign/local/feed/errors.ts'),
    import('@countersign/local/calls/errors.ts'),
    import('./errors.ts'),
  ])
  return {
    ...json.jsonErrors,
    ...der.derErrors,
    ...x509.x509Errors,
    ...timestamp.timestampErrors,
    ...log.logErrors,
    ...bundle.bundleErrors,
    ...statement.statementErrors,
    ...revocation.revocationErrors,
    ...policy.policyErrors,
    ...decide.decideErrors,
    ...api.apiErrors,
    ...files.filesErrors,
    ...anchors.anchorsErrors,
    ...feed.feedErrors,
    ...calls.callsErrors,
    ...output.outputErrors,
  }
}

/** The row of a code; undefined for codes that only a server has. */
export async function errorRow(code: string): Promise<ErrorRow | undefined> {
  // What an agent refuses is met by `countersign run` alone, which has loaded it already.
  if (/^(?:release|releases|enforce|run)\./.test(code)) {
    return (await import('countersign-agent/run/run.ts')).runTables[code]
  }
  return (await joinedTables())[code]
}

/** What a failed command says and returns. */
export interface Explanation {
  readonly code: string
  readonly message: string
  readonly whatToDo: string
  readonly exit: number
}

/**
 * Explains any thrown value. A code of a server that is not in our tables is *refused* or *unavailable* by its HTTP status;
 * anything without a code is *broken*.
 */
export async function explainError(error: unknown): Promise<Explanation> {
  if (!(error instanceof CodedError)) {
    const message = error instanceof Error ? error.message : String(error)
    return { code: 'cli.broken', message, whatToDo: 'This is a defect of the program. Please report it.', exit: 70 }
  }
  const { code, message, detail } = error
  const row = await errorRow(code)
  if (row !== undefined) return { code, message, whatToDo: row.sentence, exit: row.exit }
  const status = typeof detail?.status === 'number' ? detail.status : 500
  const isRefusal = status >= 400 && status < 500 && status !== 429
  return {
    code,
    message,
    whatToDo: isRefusal
      ? 'The server refused; its message says why.'
      : 'The server cannot do this now. Try again later.',
    exit: isRefusal ? 1 : 2,
  }
}
