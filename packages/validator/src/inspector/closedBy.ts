/** What would close each gap, for whoever made the artifact or runs the validator. */
export const closedBy: Readonly<Record<string, string>> = {
  'gap.empty': 'Submit the artifact again; this one holds nothing.',
  'gap.form-not-read':
    'Submit the product as a .tar.gz with node_modules, or wait for an inspector that reads this form.',
  'gap.archive-truncated': 'Pack and sign the artifact again.',
  'gap.archive-malformed': 'Pack the artifact again with an ordinary tar, and sign it again.',
  'gap.archive-unsafe-path': 'Pack the artifact with names relative to its root.',
  'gap.archive-unsafe-link': 'Pack the artifact without links that lead out of it.',
  'gap.archive-duplicate-name': 'Pack the artifact with every name once.',
  'gap.archive-special-file': 'Pack only files, folders and links.',
  'gap.archive-sparse': 'Pack the artifact without sparse files (tar without --sparse).',
  'gap.archive-too-large': 'Make the artifact smaller, or split the product.',
  'gap.archive-too-many': 'Put fewer files into the artifact.',
  'gap.archive-too-deep': 'Shorten the paths in the artifact.',
  'gap.archive-bomb': 'Pack the artifact with an ordinary gzip.',
  'gap.inspector-died': 'Submit the artifact again; if it goes on, make it smaller.',
  'gap.metadata-unreadable': 'Repair the file, or install the package again.',
  'gap.lockfile-unreadable': 'Write the lockfile with npm 7 or later.',
  'gap.lockfile-disagrees': 'Install again with npm ci, and pack what that made.',
  'gap.manifest-malformed': 'Correct countersign.json as the message says.',
  'gap.declared-only': 'Submit the installed product: an archive that holds node_modules.',
  'gap.dependency-missing': 'Install the dependency (npm ci), or remove it from package.json.',
  'gap.component-altered':
    'Install the package again unchanged, or publish the change under a name and version of its own.',
  'gap.component-unknown':
    'Install the package from a registry, or name it whole; if it is your own, make it private and declare it as firstParty.',
  'gap.not-from-registry':
    'Publish the package to a registry, or declare its source as firstParty in countersign.json.',
  'gap.not-compared': 'Make the published package reachable: a registry that npm is configured for, or npm’s cache.',
  'gap.integrity-disagrees': 'Write the lockfile again from the registry, and install again.',
  'gap.unattributed-code': 'Declare it as firstParty in countersign.json, install it as a package, or remove it.',
  'gap.bundled-code': 'Ship the source, and its packages in node_modules, in place of the bundle.',
  'gap.native-code': 'Take it from a published package that contains it, or remove it.',
  'gap.archive-inside': 'Unpack it into the artifact, or remove it.',
  'gap.unknown-binary': 'Remove it, or ship it in a published package.',
}
