import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** What can go wrong when an instance is created, opened or asked how it is. */
export const instanceErrors = {
  'instance.url-invalid': {
    kind: 'refused',
    status: 400,
    exit: 64,
    sentence:
      'The address cannot be the address of an instance. Give an https:// (public) or http:// (plain) URL of a host name, without path, query or user.',
  },
  'instance.environment-invalid': {
    kind: 'refused',
    status: 400,
    exit: 64,
    sentence:
      'The environment is either `development` or `production`; an instance on localhost is always `development`.',
  },
  'instance.other-url': {
    kind: 'refused',
    status: 409,
    exit: 1,
    sentence:
      'This folder holds an instance with another public URL, environment or plain address; these are permanent. Start it with the addresses it was created with, or use another folder.',
  },
  'instance.folder-not-empty': {
    kind: 'refused',
    status: 409,
    exit: 1,
    sentence: 'The folder is not empty and holds no Countersign instance. Choose an empty folder.',
  },
  'instance.not-created': {
    kind: 'refused',
    status: 404,
    exit: 1,
    sentence: 'There is no instance in this folder. Create one with `countersign-server serve --data <folder>`.',
  },
  'instance.not-confirmed': {
    kind: 'refused',
    status: 400,
    exit: 64,
    sentence:
      'Creating an instance fixes addresses for good and was not confirmed. Read what becomes permanent, then answer yes or pass --yes.',
  },
  'instance.passphrase-missing': {
    kind: 'refused',
    status: 400,
    exit: 64,
    sentence:
      'A production instance keeps its root keys under a passphrase of at least 12 characters. Pass --root-passphrase-file, or run in a terminal to be asked.',
  },
  'instance.key-file-missing': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence:
      'The file with the 32-byte key that encrypts the online keys is not where it should be. Pass --key-file, or give it as the systemd credential `countersign-key`.',
  },
  'instance.key-file-inside': {
    kind: 'refused',
    status: 400,
    exit: 64,
    sentence:
      'The key file lies inside the data folder, so a copy of the folder would hold both. Choose a place outside.',
  },
  'instance.path-too-long': {
    kind: 'refused',
    status: 400,
    exit: 64,
    sentence: 'The path of the data folder is too long for the local admin socket (100 bytes). Choose a shorter path.',
  },
  'instance.damaged': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'The record of this instance cannot be read. Restore the folder from a backup made by Countersign.',
  },
  'instance.tls-incomplete': {
    kind: 'refused',
    status: 400,
    exit: 64,
    sentence: 'A TLS certificate of your own takes both --tls-cert and --tls-key.',
  },
  'instance.listen-invalid': {
    kind: 'refused',
    status: 400,
    exit: 64,
    sentence: 'The socket to listen on is written host:port, [IPv6 address]:port, or just the port.',
  },
  'instance.policy-environment': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence:
      'The policy is for the other environment. A development instance distributes only development policies, a production one only production policies.',
  },
  'instance.not-running': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The server of this folder does not answer on its local socket. Look at its log, then start it again.',
  },
} as const satisfies ErrorTable

/** Makes an error of the instance. */
export const instanceError = errorMaker(instanceErrors)
