/** Why several rows may have the same code: the caller must not learn the difference, or would do the same. */
export const whyShared: Readonly<Record<string, string>> = {
  'account.invitation-wrong': 'strangers must not learn which invitations exist, and all do the same: ask for another',
  'anchors.root-mismatch': 'nobody can tell whether ticket or server is the wrong one; the operator can',
  'anchors.tampered': 'whatever part of the metadata was changed, nothing of it counts; ask again or another way',
  'artifacts.signature-wrong': '`countersign verify` shows which step fails',
  'artifacts.submission-unknown': 'nobody must learn which submissions others have, neither people nor validators',
  'artifacts.unknown-artifact': 'nobody must learn which artifacts others have stored',
  'calls.untrusted-server': 'whichever way the clock is wrong: set it',
  'cli.clock-wrong': 'on either side: set the clock',
  'cli.usage': 'read what --help says',
  'config.key-file-readable': 'any secret file: chmod 600',
  'database.no-space': 'whatever was to be written: make space',
  'decide.certification-ended': 'use what replaces it; nothing makes a certification active again',
  'decide.clock-wrong': 'on either side: set the clock',
  'decide.stale': 'whoever withholds news, and why, cannot be told from here: ask by another way',
  'feed.forked': '`log audit`, `verify` and devices meet the same lie: keep the evidence, ask the operator',
  'feed.rolled-back': '`log audit` and `verify` meet the same lie: try again, then ask the operator',
  'feed.tiles-wrong':
    'whatever a mirror left out or changed, its tiles do not lead to the signed root: ask another one',
  'gap.archive-unsafe-link': 'pack the artifact without links that lead out of it',
  'gap.archive-unsafe-path': 'pack the artifact with names relative to its root',
  'gap.bundled-code': 'however it was put together, and whatever it is declared as: ship the packages themselves',
  'gap.component-altered': 'wherever the package lies, it is not the published one: install it again',
  'gap.not-compared': 'no registry has what it says it is: install what was published',
  'gap.lockfile-disagrees gap.component-altered':
    'whatever was changed, it is not the published package: install it again',
  'http.too-large': 'the limit answers before anything is read: send less',
  'instance.key-file-missing': 'say where the key file is',
  'instance.other-url': 'each of them is permanent, and the message names the one that differs',
  'instance.passphrase-missing': 'give a passphrase that is long enough',
  'json.syntax': 'send the document whole',
  'keystore.wrong-key': 'use the key file or passphrase that the keys were made with',
  'log.note-signature-wrong': 'a signed note that was changed is worth nothing, wherever it came from',
  'log.request-malformed': 'send what the description of the API says',
  none: 'rows after a full disk show that nothing was lost; of misuse the server prints its usage in place of a code',
  'policy.invalid': 'the message names the place and the rule',
  'policy.unknown-field': 'a policy is read by the same rules wherever it is put in',
  'policy.version-newer': 'a policy is read by the same rules wherever it is put in',
  'revocation.scope-not-allowed':
    'ask those whom the policy gives the scope, whether the key is a validator’s or an approver’s',
  'revocation.unauthorised': 'ask those whom the policy names',
  'ticket.malformed': 'copy the line again',
}

/** Codes that several rows have and that stand here without a reason, and reasons that no longer explain anything. */
export function faultsOfSharing(codes: readonly string[]): string[] {
  const shared = new Set(codes.filter((code, at) => codes.indexOf(code) !== at))
  const unexplained = [...shared].filter((code) => whyShared[code] === undefined)
  const idle = Object.keys(whyShared).filter((code) => !shared.has(code))
  return [
    ...unexplained.map((code) => `rows share ${code}, and nothing says why`),
    ...idle.map((code) => `nothing shares ${code}, but a reason is given`),
  ]
}
